"""The node agent: a privileged pod with the node's process table. It injects faults into pods from outside."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from game_day.api_server import kubectl

SCRIPT = (Path(__file__).parent / "node_script.py").read_text()
NAMESPACE = "game-day-node"
POD = "agent"
SILENT_SERVICE = "silent"
"""A Service in the agent's namespace that accepts connections and never responds."""
_SILENT_PORT = 8443
_COMMAND = f"import socket, time; s = socket.create_server(('', {_SILENT_PORT})); time.sleep(86400)"


class NodeAgent:
    """Faults of processes, networks and cgroups; raises RuntimeError if the pod has no such process.

    All commands share one session, because each `kubectl exec` takes seconds on a busy node.
    """

    def __init__(self, session: subprocess.Popen[str]) -> None:
        self._session = session
        self._lock = threading.Lock()

    def signal(self, pod_uid: str, word: str, number: signal.Signals) -> None:
        """Send a signal to the pod's process whose command line has `word`."""
        self._do("signal", pod_uid, word, str(int(number)))

    def drop(self, pod_uid: str, port: int, *, share: float, on: bool) -> None:
        """Drop a share (up to 1) of the pod's packets to a TCP port, or stop that; a deleted pod needs nothing."""
        self._do("drop", pod_uid, str(port), str(share), "on" if on else "off")

    def limit_cpu(self, pod_uid: str, word: str, percent: float) -> None:
        """Give the container that much of one core, in percent; 0 lifts the limit."""
        self._do("cpu", pod_uid, word, str(percent))

    def limit_memory(self, pod_uid: str, word: str, extra_bytes: int) -> int:
        """Limit the container to the current memory of its processes plus `extra_bytes`; returns the limit in bytes."""
        return int(self._do("memory", pod_uid, word, str(extra_bytes)))

    def _do(self, *arguments: str) -> str:
        assert self._session.stdin is not None
        assert self._session.stdout is not None
        with self._lock:
            self._session.stdin.write(" ".join(arguments) + "\n")
            self._session.stdin.flush()
            outcome, _, what = self._session.stdout.readline().strip().partition(" ")
        if outcome != "ok":
            raise RuntimeError(f"node agent: {' '.join(arguments)}: {what or 'the session has ended'}")
        return what


@contextmanager
def node_agent() -> Iterator[NodeAgent]:
    """A session of the node agent, which must be installed."""
    command = ["kubectl", "exec", "-i", "-n", NAMESPACE, POD, "--", "python", "-c", SCRIPT]
    session = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield NodeAgent(session)
    finally:
        session.terminate()
        session.wait()


def install_node_agent(image: str) -> None:
    """Run the agent in its own namespace, which Pod Security does not restrict."""
    container = {
        "name": POD,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-c", _COMMAND],
        "securityContext": {"privileged": True, "runAsUser": 0, "runAsNonRoot": False},
        "volumeMounts": [{"name": "node", "mountPath": "/node"}],
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD, "namespace": NAMESPACE, "labels": {"app": POD}},
        "spec": {
            "hostPID": True,
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
            "volumes": [{"name": "node", "hostPath": {"path": "/"}}],
        },
    }
    silent = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SILENT_SERVICE, "namespace": NAMESPACE},
        "spec": {"selector": {"app": POD}, "ports": [{"port": 443, "targetPort": _SILENT_PORT}]},
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    kubectl(
        "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": [namespace, pod, silent]})
    )
    kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", f"pod/{POD}", "--timeout=60s")


def remove_node_agent() -> None:
    """Delete the agent's namespace."""
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")
