"""The API server and the Services behind it, over one `kubectl proxy`.

A restarted pod breaks a port-forward, but not the proxy.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

TIMEOUT_SECONDS = 20.0
MERGE = "application/merge-patch+json"


class ApiServer:
    """Calls of the API server in JSON; every method raises httpx.HTTPError without a successful response."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._http = httpx.Client(base_url=base_url, timeout=TIMEOUT_SECONDS)

    def get(self, path: str, **parameters: str) -> Any:
        """GET a path and return its JSON."""
        return self._http.get(path, params=parameters).raise_for_status().json()

    def post(self, path: str, body: object) -> Any:
        """POST JSON and return the response's."""
        return self._http.post(path, json=body).raise_for_status().json()

    def patch(self, path: str, body: object, field_manager: str = "game-day") -> Any:
        """Merge-patch an object."""
        response = self._http.patch(
            path, params={"fieldManager": field_manager}, content=json.dumps(body), headers={"Content-Type": MERGE}
        )
        return response.raise_for_status().json()

    def delete(self, path: str, **parameters: str) -> None:
        """DELETE an object; one that is gone already is fine."""
        response = self._http.delete(path, params=parameters)
        if response.status_code != httpx.codes.NOT_FOUND:
            response.raise_for_status()

    def service_url(self, namespace: str, service: str, port: int | str) -> str:
        """The address at which a Service's HTTP can be reached from here."""
        return f"{self.base_url}/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy"


@contextmanager
def connected() -> Iterator[ApiServer]:
    """The cluster that KUBECONFIG names."""
    process = subprocess.Popen(["kubectl", "proxy", "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:\d+", line)
        if found is None:
            raise RuntimeError(f"kubectl proxy did not start: {line.strip()}")
        yield ApiServer(f"http://{found.group()}")
    finally:
        process.terminate()
        process.wait()


def kubectl(*args: str, stdin: str | None = None, timeout: float = 300) -> str:
    """Run kubectl and return what it printed; raises RuntimeError with its error output."""
    return _run("kubectl", *args, stdin=stdin, timeout=timeout)


def helm(*args: str) -> str:
    """Run helm and return what it printed; raises RuntimeError with its error output."""
    return _run("helm", *args, stdin=None, timeout=600)


def _run(*command: str, stdin: str | None, timeout: float) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:6])}: {done.stderr.strip()}")
    return done.stdout
