"""Sends signals to a pod's processes from its node, because a pod cannot send every signal to its own process 1."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from support.kubectl import delete_namespace, kubectl

_SIGNAL = """
import os, pathlib, sys
uid, number = sys.argv[1], int(sys.argv[2])
hits = 0
for entry in pathlib.Path("/proc").iterdir():
    if not entry.name.isdigit():
        continue
    try:
        inside = (entry / "cgroup").read_text()
        command = (entry / "cmdline").read_bytes().split(b"\\0")
    except OSError:
        continue
    if (uid in inside or uid.replace("-", "_") in inside) and b"app" in command:
        os.kill(int(entry.name), number)
        hits += 1
print(hits)
"""


class NodeAgent:
    """A privileged pod that shares the node's process table."""

    def __init__(self, namespace: str, pod: str) -> None:
        self._namespace = namespace
        self._pod = pod

    def signal(self, pod_uid: str, number: int) -> None:
        """Send a signal to the gateway's process in the pod; raises RuntimeError unless there is exactly one."""
        out = kubectl("exec", "-n", self._namespace, self._pod, "--", "python", "-c", _SIGNAL, pod_uid, str(number))
        if int(out) != 1:
            raise RuntimeError(f"{out.strip()} processes of `python -m app` in the pod {pod_uid}, not one")


@contextmanager
def node_agent(namespace: str, image: str) -> Iterator[NodeAgent]:
    """Run the agent in its own namespace, which Pod Security does not restrict."""
    delete_namespace(namespace)
    kubectl("create", "namespace", namespace)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "agent"},
        "spec": {
            "hostPID": True,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "agent",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", "-c", "import time; time.sleep(3600)"],
                    "securityContext": {"privileged": True, "runAsUser": 0, "runAsNonRoot": False},
                }
            ],
        },
    }
    kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(pod))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/agent", "--timeout=60s")
    try:
        yield NodeAgent(namespace, "agent")
    finally:
        kubectl("delete", "namespace", namespace, "--wait=false")
