"""What injects a fault: a release under traffic, the node agent, and a clock that records what was done."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from game_day.environment import Environment
from game_day.node_agent import NodeAgent
from game_day.release import Pod, Release, wait_for

PORTS = {"auth": 8101, "request": 8102, "user": 8103, "shift": 8104}
OPERATOR_WAIT_SECONDS = 240
"""How long a scenario waits for the operator before it continues without it."""
GATEWAY, REDIS, OPERATOR = "app", "redis-server", "remediator"
"""Words that identify the processes on the node."""


@dataclass(frozen=True)
class Mark:
    """An action of the drill, in Unix seconds."""

    at: float
    what: str
    note: str = ""


@dataclass
class Scenario:
    """One fault on one release; `started` is when the fault is injected."""

    environment: Environment
    release: Release
    node: NodeAgent
    image_tag: str
    started: float = field(default_factory=time.time)
    marks: list[Mark] = field(default_factory=list)
    victim_name: str = ""

    def mark(self, what: str, note: str = "") -> None:
        """Record an action with the current time."""
        self.marks.append(Mark(time.time(), what, note))
        seconds = time.time() - self.started
        print(f"  {self.release.namespace:18} {seconds:6.1f} s  {what}{f': {note}' if note else ''}", flush=True)

    def until(self, second: float) -> None:
        """Wait until so many seconds after the start."""
        time.sleep(max(0.0, self.started + second - time.time()))

    def victim(self) -> Pod:
        """The pod that the fault is about: the first ready one."""
        pod = self.release.ready_pods()[0]
        self.victim_name = pod.name
        return pod

    def remediation(self) -> dict[str, Any] | None:
        """The newest Remediation with a status, if any."""
        return next((r for r in reversed(self.release.remediations()) if r.get("status")), None)

    def has_remediation(self) -> bool:
        """Wait until the operator has opened a Remediation; False, with a mark, if it does not."""
        return self._appears("the operator has the alert", lambda: self.remediation() is not None)

    def has_step(self, *, accepted: bool) -> bool:
        """Wait until a step is recorded, or also accepted by the API server; False, with a mark, if none is."""

        def step() -> bool:
            steps = (self.remediation() or {}).get("status", {}).get("steps", [])
            return any("acceptedAt" in step or not accepted for step in steps)

        return self._appears("a step is taken", step)

    def _appears(self, what: str, probe: Callable[[], bool]) -> bool:
        try:
            return wait_for(what, probe, seconds=OPERATOR_WAIT_SECONDS, every=0.5)
        except TimeoutError as error:
            self.mark("missed", str(error))
            return False

    @contextmanager
    def cut_off(self, pod: Pod, backend: str, share: float = 1.0) -> Iterator[None]:
        """Drop a pod's packets to one backend: all of them, or a share at random."""
        self.node.drop(pod.uid, PORTS[backend], share=share, on=True)
        what = "is cut off from" if share >= 1 else f"loses {100 * share:.0f} % of its packets to"
        self.mark("fault", f"{pod.name} {what} the {backend} backend")
        try:
            yield
        finally:
            self.node.drop(pod.uid, PORTS[backend], share=share, on=False)
            self.mark("removed", f"{backend} can be reached again")

    @contextmanager
    def backend_fault(self, service: str, **how: Any) -> Iterator[None]:
        """Make one backend fail for all pods."""
        made = self.release.control("POST", "/faults", service=service, **how)
        self.mark("fault", f"{service}: {' '.join(f'{key} {value}' for key, value in how.items())}")
        try:
            yield
        finally:
            self.release.control("DELETE", f"/faults/{made['id']}")
            self.mark("removed", f"{service} is healthy again")

    @contextmanager
    def stopped(self, pod: Pod, word: str) -> Iterator[None]:
        """Stop a pod's process with SIGSTOP."""
        self.node.signal(pod.uid, word, signal.SIGSTOP)
        self.mark("fault", f"SIGSTOP to {pod.name}")
        try:
            yield
        finally:
            self.node.signal(pod.uid, word, signal.SIGCONT)
            self.mark("removed", f"SIGCONT to {pod.name}")

    @contextmanager
    def more_traffic(self, times: float) -> Iterator[float]:
        """Multiply the traffic; yields the usual conversations per second."""
        usual: float = self.release.control("GET", "/traffic")["rate"]
        self.release.control("POST", "/traffic", rate=times * usual)
        try:
            yield usual
        finally:
            self.release.control("POST", "/traffic", rate=usual)
