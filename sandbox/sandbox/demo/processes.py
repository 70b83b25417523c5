"""Child processes of the demo: in its process group, with output in files, stopped with it.

A demo that is killed takes them with it (see `sandbox.tied`).
"""

import asyncio
import contextlib
import os
from pathlib import Path

import httpx

from sandbox.tied import tied

STOP_SECONDS = 8.0
POLL_SECONDS = 0.1
LOG_LINES = 5


class DemoError(RuntimeError):
    """The demo cannot continue; the message is for the user."""


class Child:
    """One process with its log file.

    ``output`` is a separate file for stdout; ``stdin`` is a file descriptor that the caller closes.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: dict[str, str],
        log: Path,
        *,
        pid_file: Path | None = None,
        output: Path | None = None,
        stdin: int = asyncio.subprocess.DEVNULL,
    ) -> None:
        self.name = name
        self.log = log
        self._output = output or log
        self._stdin = stdin
        self._pid_file = pid_file
        self._command = command
        self._environment = os.environ | environment
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process in this process's group, so that a signal to the group reaches it."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self._process is None:
            for file in (self.log, self._output):
                file.write_bytes(b"")
        with self.log.open("ab") as log, self._output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *tied(self._command), stdin=self._stdin, stdout=output, stderr=log, env=self._environment
            )
        if self._pid_file is not None:
            self._pid_file.write_text(str(self._process.pid))

    async def wait(self) -> int:
        """Wait until the process exits and return its status; a negative signal number if a signal ended it."""
        return await self._started().wait()

    async def wait_ready(self, url: str, timeout_seconds: float) -> None:
        """Wait until a URL responds with 200.

        Raises:
            DemoError: the process exited, or the timeout passed.
        """
        process = self._started()
        try:
            async with asyncio.timeout(timeout_seconds):
                while not await _responds(url):
                    if process.returncode is not None:
                        await self.raise_on_exit()
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError as error:
            raise DemoError(f"the {self.name} is not ready after {timeout_seconds:.0f} s{self._log_tail()}") from error
        if process.returncode is not None:  # another program responded on its port
            await self.raise_on_exit()

    async def raise_on_exit(self) -> None:
        """Wait until the process exits, then raise.

        Raises:
            DemoError: always.
        """
        process = self._started()
        await process.wait()
        raise DemoError(f"the {self.name} exited with status {process.returncode}{self._log_tail()}")

    async def stop(self) -> None:
        """Stop the process: SIGTERM, then SIGKILL."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise DemoError(f"the {self.name} was not started")
        return self._process

    def _log_tail(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        tail = "".join(f"\n  {line}" for line in lines[-LOG_LINES:])
        return f"; last lines of {self.log}:{tail}" if tail else f"; {self.log} is empty"


async def _responds(url: str) -> bool:
    try:
        async with httpx.AsyncClient(timeout=2) as client:
            return (await client.get(url)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
