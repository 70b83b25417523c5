"""The drill's own table, written down before the first run: what the operator ought to do about each fault, and why.

A run that differs is a defect, of the operator or of this table; either way it is named in the report.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Expectation:
    """What is right.

    ``actions`` are those that Enforce takes, in order; a RestartPods is for the drill's victim alone. ``reasons`` must
    be among those given. ``not_before`` is the earliest second at which an action is right. ``helps`` tells whether the
    operator can do anything about the fault. ``replaces`` tells whether pods are replaced by somebody else, and
    ``restarts`` whether Kubernetes restarts a container: where it does not, the fault was none.
    """

    decision: str
    why: str
    actions: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    not_before: float = 45.0
    helps: bool = False
    replaces: bool = False
    restarts: bool = False


RESTART = ("RestartPods",)
MINORITY = ("MinorityAffected",)
HOLD = ("SharedFault",)

EXPECTED: dict[str, Expectation] = {
    "cut-off": Expectation(
        "evict that pod, once",
        "one of two is affected and the other reaches the backend, so the fault goes with the pod",
        RESTART,
        MINORITY,
        helps=True,
    ),
    "two-faults": Expectation(
        "hold while the outage lasts, then evict the pod that is still cut off",
        "with the Request Service away all pods are affected; when it is back one of two is left",
        RESTART,
        ("SharedFault", "MinorityAffected"),
        not_before=220,
        helps=True,
    ),
    "stopped": Expectation(
        "nothing",
        "a process that stands still opens no breaker; the liveness probe restarts its container within a minute",
        restarts=True,
    ),
    "starved": Expectation(
        "nothing",
        "its symptom is HighEventLoopLag, which the default policy does not list; the liveness probe is the remedy",
    ),
    "memory": Expectation(
        "nothing",
        "the kernel kills the process and the kubelet starts it again before any alert could fire",
        restarts=True,
    ),
    "backend-down": Expectation(
        "hold, and say that the backend is the fault", "all pods are affected: a restart helps nobody", (), HOLD
    ),
    "backend-slow": Expectation(
        "hold, and say that the backend is the fault", "all pods are affected: a restart helps nobody", (), HOLD
    ),
    "backend-half": Expectation(
        "nothing, or hold",
        "breakers open here and there by chance; a restart would only move the chance to another pod",
    ),
    "backend-flapping": Expectation(
        "nothing, or hold", "all pods are affected each time; a flapping alert must not turn into restarts"
    ),
    "tenfold": Expectation("nothing", "load opens no breaker, and the default policy does not take load for a cause"),
    "redis-restarted": Expectation(
        "nothing", "no breaker stands before Redis; the gateway waits and goes on by itself"
    ),
    "redis-frozen": Expectation("nothing", "no breaker stands before Redis; the gateway waits and goes on by itself"),
    "bad-image": Expectation(
        "touch nothing while the rollout is under way; evict the cut-off pod once it is taken back",
        "whoever rolls out is at work on the target",
        RESTART,
        ("RolloutInProgress", "MinorityAffected"),
        not_before=210,
        helps=True,
    ),
    "person-scales": Expectation(
        "evict the cut-off pod once the new one is ready, and leave the number to the person",
        "adding a replica mends nothing, and the number is not the operator's",
        RESTART,
        MINORITY,
        helps=True,
    ),
    "helm-upgrade": Expectation(
        "nothing: wait for the rollout, which replaces the cut-off pod",
        "the upgrade must be accepted, and the alert goes with the old pod",
        replaces=True,
    ),
    "alertmanager-down": Expectation(
        "nothing while Alertmanager is away, then evict the cut-off pod",
        "without Alertmanager nobody can silence it, so nothing new is begun",
        RESTART,
        MINORITY,
        not_before=190,
        helps=True,
    ),
    "prometheus-down": Expectation(
        "evict that pod once, then hold: no second step, and no success before Prometheus is back",
        "a lost signal is neither recovery nor failure",
        RESTART,
        MINORITY,
        helps=True,
    ),
    "operator-killed": Expectation(
        "evict that pod exactly once, in spite of the kill",
        "the restarted operator reads its intent and looks at the world",
        RESTART,
        MINORITY,
        helps=True,
    ),
}
