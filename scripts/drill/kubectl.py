"""Runs kubectl: single commands, and port-forwards to services."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator


class DrillError(Exception):
    """The drill cannot continue; the message says why and what to do."""


async def kubectl(*args: str) -> str:
    """The output of kubectl. Raises DrillError with its message if it fails."""
    process = await asyncio.create_subprocess_exec(
        "kubectl", *args, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    if process.returncode:
        raise DrillError(f"kubectl {' '.join(args)}: {err.decode().strip()}")
    return out.decode()


@contextlib.asynccontextmanager
async def port_forward(namespace: str, service: str, port: int) -> AsyncIterator[str]:
    """A base URL on this machine that is forwarded to the service's port."""
    process = await asyncio.create_subprocess_exec(
        "kubectl", "port-forward", "-n", namespace, f"svc/{service}", f":{port}",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        if process.stdout is None or process.stderr is None:
            raise DrillError("kubectl port-forward printed no address")
        found = re.search(r"127\.0\.0\.1:(\d+)", (await process.stdout.readline()).decode())
        if not found:
            raise DrillError(
                f"port-forward to {service} in {namespace}: {(await process.stderr.read()).decode().strip()}"
            )
        yield f"http://127.0.0.1:{found.group(1)}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
