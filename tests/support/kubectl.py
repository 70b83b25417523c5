"""A thin typed hand on kubectl for the tests: JSON in, JSON out, errors with kubectl's own words."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


def kubectl(*args: str, stdin: str | None = None, timeout: float = 120) -> str:
    """Run kubectl and return what it printed.

    Raises RuntimeError with kubectl's message when it fails.
    """
    done = subprocess.run(["kubectl", *args], input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise RuntimeError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
    return done.stdout


def get(*args: str) -> dict[str, Any]:
    """`kubectl get ... -o json` as a dict."""
    result: dict[str, Any] = json.loads(kubectl("get", *args, "-o", "json"))
    return result


def delete_namespace(name: str, *, seconds: int = 180) -> None:
    """Delete a namespace with all that is in it and wait until it is gone; one that does not exist is gone.

    Raises RuntimeError with what Kubernetes says stands in the way when it is still there after `seconds`.
    """
    try:
        kubectl("delete", "namespace", name, "--ignore-not-found", f"--timeout={seconds}s", timeout=seconds + 30)
    except RuntimeError as error:
        found = kubectl("get", "namespace", name, "-o", "json", "--ignore-not-found")
        conditions = json.loads(found or "{}").get("status", {}).get("conditions", [])
        reasons = [condition["message"] for condition in conditions if condition["status"] == "True"]
        raise RuntimeError("; ".join([str(error), *reasons])) from error


def pods(namespace: str, selector: str) -> list[dict[str, Any]]:
    """The pods of a selector that are not being deleted."""
    items: list[dict[str, Any]] = get("pods", "-n", namespace, "-l", selector)["items"]
    return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]


def wait_for(what: str, probe: Callable[[], T | None], *, seconds: float, every: float = 1.0) -> T:
    """Poll `probe` until it returns something true and return that.

    Raises TimeoutError naming `what` after `seconds`.
    """
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not seen within {seconds:.0f} s")
        time.sleep(every)


@contextmanager
def port_forward(namespace: str, target: str, port: int) -> Iterator[str]:
    """Forward a free local port to `target` (svc/NAME or pod/NAME) and yield the base URL."""
    process = subprocess.Popen(
        ["kubectl", "port-forward", "-n", namespace, target, f":{port}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        if not found:
            assert process.stderr is not None
            raise RuntimeError(f"port-forward to {target} in {namespace}: {line}{process.stderr.read()}")
        yield f"http://127.0.0.1:{found.group(1)}"
    finally:
        process.terminate()
        process.wait()
