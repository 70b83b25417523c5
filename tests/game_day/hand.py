"""The node's hand: a privileged pod in the node's process table, which does to a pod what no pod can do to itself."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from game_day.cluster import kubectl

SCRIPT = (Path(__file__).parent / "node_script.py").read_text()
NAMESPACE = "game-hand"
POD = "hand"
SILENT_SERVICE = "silent"
"""A Service of the hand's namespace that takes connections and never answers."""
_SILENT_PORT = 8443
_COMMAND = f"import socket, time; s = socket.create_server(('', {_SILENT_PORT})); time.sleep(86400)"


class Hand:
    """Faults of processes, networks and cgroups; raises RuntimeError where the pod has no such process.

    One session serves them all: on a busy node every `kubectl exec` of its own would take seconds.
    """

    def __init__(self, session: subprocess.Popen[str]) -> None:
        self._session = session
        self._lock = threading.Lock()

    def signal(self, pod_uid: str, word: str, number: signal.Signals) -> None:
        """Send a signal to the pod's process whose command line has `word`."""
        self._do("signal", pod_uid, word, str(int(number)))

    def drop(self, pod_uid: str, port: int, *, on: bool) -> None:
        """Let the pod's packets to a TCP port vanish, or no longer; a pod that is gone needs no undoing."""
        self._do("drop", pod_uid, str(port), "on" if on else "off")

    def limit_cpu(self, pod_uid: str, word: str, percent: float) -> None:
        """Give the container that much of one core, in percent; 0 lifts the limit."""
        self._do("cpu", pod_uid, word, str(percent))

    def limit_memory(self, pod_uid: str, word: str, extra_bytes: int) -> int:
        """Limit the container to what its processes hold now and a little more; returns the limit in bytes."""
        return int(self._do("memory", pod_uid, word, str(extra_bytes)))

    def _do(self, *arguments: str) -> str:
        assert self._session.stdin is not None
        assert self._session.stdout is not None
        with self._lock:
            self._session.stdin.write(" ".join(arguments) + "\n")
            self._session.stdin.flush()
            outcome, _, what = self._session.stdout.readline().strip().partition(" ")
        if outcome != "ok":
            raise RuntimeError(f"the node's hand: {' '.join(arguments)}: {what or 'the session has ended'}")
        return what


@contextmanager
def node_hand() -> Iterator[Hand]:
    """A session of the hand, which must be installed."""
    command = ["kubectl", "exec", "-i", "-n", NAMESPACE, POD, "--", "python", "-c", SCRIPT]
    session = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Hand(session)
    finally:
        session.terminate()
        session.wait()


def install_hand(image: str) -> None:
    """Run the hand in a namespace of its own, which Pod Security does not restrict."""
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


def remove_hand() -> None:
    """Take it away again."""
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")
