"""The operator as a process of its own, with the Role that the chart gives it and nothing more."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from kubernetes.aio import client

from remediator.rbac import NAMESPACED_RULES

TOKEN = "a-token-for-tests"
KILLED = Path(__file__).with_name("killed_operator.py")


async def service_account(api: client.ApiClient, namespace: str) -> str:
    """Create the account with its Role and return a token for it."""
    core, rbac = client.CoreV1Api(api), client.RbacAuthorizationV1Api(api)
    await core.create_namespaced_service_account(namespace, {"metadata": {"name": "remediator"}})
    rules = [
        {"apiGroups": [rule.group], "resources": list(rule.resources), "verbs": list(rule.verbs)}
        for rule in NAMESPACED_RULES
    ]
    await rbac.create_namespaced_role(namespace, {"metadata": {"name": "remediator"}, "rules": rules})
    await rbac.create_namespaced_role_binding(
        namespace,
        {
            "metadata": {"name": "remediator"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "remediator"},
            "subjects": [{"kind": "ServiceAccount", "name": "remediator", "namespace": namespace}],
        },
    )
    request = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[]))
    answer = await core.create_namespaced_service_account_token("remediator", namespace, request)
    return str(answer.status.token)


def kubeconfig(path: Path, *, server: str, authority: Path, token: str) -> None:
    """Write a kubeconfig that knows one server and one token."""
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority": str(authority)}}],
                "users": [{"name": "test", "user": {"token": token}}],
            }
        )
    )


class OperatorProcess:
    """Starts, asks and kills one operator."""

    def __init__(self, folder: Path, namespace: str, kubeconfig_path: Path, alertmanager_port: int) -> None:
        self._folder = folder
        self.token_file = folder / "token"
        self.token_file.write_text(TOKEN)
        self.port = _free_port()
        self._process: asyncio.subprocess.Process | None = None
        self.log = folder / "operator.log"
        self.service_account_token = ""
        self.environment = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(kubeconfig_path),
            "REMEDIATOR_NAMESPACE": namespace,
            "REMEDIATOR_WEBHOOK_TOKEN_FILE": str(self.token_file),
            "REMEDIATOR_HOST": "127.0.0.1",
            "REMEDIATOR_PORT": str(self.port),
            "REMEDIATOR_ALERTMANAGER_URL": f"http://127.0.0.1:{alertmanager_port}",
            "REMEDIATOR_SETTLING_SECONDS": "1",
            "REMEDIATOR_POLL_SECONDS": "1",
            "REMEDIATOR_API_TIMEOUT_SECONDS": "3",
        }

    async def start(self, *, kill: dict[str, str] | None = None, ready: bool = True) -> None:
        """Start it; with ``kill`` it ends itself at the moment that is told there."""
        command = [sys.executable, str(KILLED)] if kill else [sys.executable, "-m", "remediator", "run"]
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, env={**self.environment, **(kill or {})}, stdout=log, stderr=log
            )
        if ready:
            await self.until_ready()

    async def until_ready(self, seconds: float = 90.0) -> None:
        """Wait until it takes webhooks."""
        async with asyncio.timeout(seconds):
            while not await self._is_ready():
                assert self.running, self.log.read_text()[-3000:]
                await asyncio.sleep(0.1)

    async def _is_ready(self) -> bool:
        try:
            status, _ = await self.get("/readyz")
        except aiohttp.ClientError:
            return False
        return status == 200

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None
        return self._process.pid

    async def wait(self, seconds: float = 90.0) -> int:
        """Wait for its end and return the exit code (negative: the signal)."""
        assert self._process is not None
        async with asyncio.timeout(seconds):
            return await self._process.wait()

    async def kill(self) -> None:
        """SIGKILL, as a node that dies."""
        if self.running:
            assert self._process is not None
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    async def terminate(self) -> int:
        """SIGTERM, as a rollout; return the exit code."""
        assert self._process is not None
        self._process.terminate()
        return await self.wait()

    async def get(self, path: str) -> tuple[int, str]:
        """GET one of its endpoints."""
        async with aiohttp.ClientSession() as session, session.get(self.url(path)) as answer:
            return answer.status, await answer.text()

    async def post(self, body: Any, *, token: str = TOKEN, seconds: float = 15.0) -> int:
        """Send a webhook and return the HTTP status."""
        headers = {"Authorization": f"Bearer {token}"}
        limit = aiohttp.ClientTimeout(total=seconds)
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.post(self.url("/alerts"), json=body, headers=headers) as answer,
        ):
            return answer.status

    async def metric(self, name: str, **labels: str) -> float:
        """Return one sample of its metrics, 0 where there is none."""
        _, text = await self.get("/metrics")
        for line in text.splitlines():
            if line.startswith((f"{name}{{", f"{name} ")) and all(f'{k}="{v}"' in line for k, v in labels.items()):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def url(self, path: str) -> str:
        """Return the address of an endpoint."""
        return f"http://127.0.0.1:{self.port}{path}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
