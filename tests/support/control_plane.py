"""An etcd and an API server of one's own, without nodes and controllers: objects to look at, nothing that runs.

The binaries are found on PATH, or in KUBEBUILDER_ASSETS, where controller-runtime's envtest puts them.
"""

import asyncio
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import yaml

ADMIN = "admin"


class MissingBinaryError(Exception):
    """A program that is needed is not installed; the message names it."""


class ControlPlane:
    """Listens on free ports of 127.0.0.1 between :meth:`start` and :meth:`stop`; writes into ``folder`` only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self._binaries = {name: _binary(name) for name in ("etcd", "kube-apiserver", "openssl")}
        self.port = _free_port()
        self.authority = folder / "apiserver.crt"
        self.kubeconfig = folder / "admin.kubeconfig"
        self._audit = folder / "audit.log"
        self._token = secrets.token_hex(16)

    async def start(self) -> None:
        """Start both and wait until the API server is ready."""
        client, peer = _free_port(), _free_port()
        self._run(
            "etcd",
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{client}",
            f"--advertise-client-urls=http://127.0.0.1:{client}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )
        self._write_files()
        self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{client}",
            f"--cert-dir={self._folder}",
            f"--secure-port={self.port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._folder / 'accounts.key'}",
            f"--service-account-signing-key-file={self._folder / 'accounts.key'}",
            f"--token-auth-file={self._folder / 'tokens.csv'}",
            f"--audit-policy-file={self._folder / 'audit.yaml'}",
            f"--audit-log-path={self._audit}",
            "--audit-log-mode=blocking",
        )
        await self._until_ready()

    def stop(self) -> None:
        """Stop both, the API server first."""
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()

    @contextmanager
    def requests(self, user: str) -> Iterator[Counter[str]]:
        """Count the requests of a user by verb and resource; the counter is filled at the end of the block.

        A watch counts when it ends, as the audit log has it.
        """
        begin = self._audit.stat().st_size if self._audit.exists() else 0
        counts: Counter[str] = Counter()
        yield counts
        with self._audit.open("rb") as log:
            log.seek(begin)
            for line in log:
                if f'"username":"{user}"'.encode() not in line:
                    continue
                event = json.loads(line)
                reference = event.get("objectRef", {})
                name = "/".join(filter(None, (reference.get("resource", "-"), reference.get("subresource"))))
                counts[f"{event['verb']} {name}"] += 1

    def _write_files(self) -> None:
        key = self._folder / "accounts.key"
        subprocess.run([self._binaries["openssl"], "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        (self._folder / "tokens.csv").write_text(f"{self._token},{ADMIN},{ADMIN},system:masters\n")
        rules = [
            {"level": "None", "users": [ADMIN, "system:apiserver"]},
            {"level": "Metadata", "omitStages": ["RequestReceived", "ResponseStarted"]},
        ]
        policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}
        (self._folder / "audit.yaml").write_text(yaml.safe_dump(policy))
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "own",
            "contexts": [{"name": "own", "context": {"cluster": "own", "user": ADMIN}}],
            "clusters": [
                {"name": "own", "cluster": {"server": self.url, "certificate-authority": str(self.authority)}}
            ],
            "users": [{"name": ADMIN, "user": {"token": self._token}}],
        }
        self.kubeconfig.write_text(yaml.safe_dump(config))

    @property
    def url(self) -> str:
        """The API server's address."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def api_server_pid(self) -> int:
        """The API server's process id."""
        return self._processes[-1].pid

    def _run(self, name: str, *arguments: str) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            command = [self._binaries[name], *arguments]
            self._processes.append(subprocess.Popen(command, stdout=log, stderr=log))

    async def _until_ready(self, seconds: float = 90.0) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        async with asyncio.timeout(seconds):
            while True:
                for process in self._processes:
                    assert process.poll() is None, f"{process.args[0]} ended; see {self._folder}"  # type: ignore[index]  # a list
                try:
                    tls = ssl.create_default_context(cafile=self.authority)
                    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
                    async with (
                        aiohttp.ClientSession(headers=headers) as session,
                        session.get(f"{self.url}/readyz", ssl=tls) as answer,
                    ):
                        if answer.status == 200:
                            return
                except (aiohttp.ClientError, OSError):
                    pass
                await asyncio.sleep(0.3)


def _binary(name: str) -> str:
    assets = os.environ.get("KUBEBUILDER_ASSETS", "")
    found = shutil.which(name, path=f"{assets}{os.pathsep}{os.environ['PATH']}" if assets else None)
    if found is None:
        raise MissingBinaryError(f"{name} is missing: put it on PATH, or name its directory in KUBEBUILDER_ASSETS")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
