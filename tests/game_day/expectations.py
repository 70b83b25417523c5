"""What the operator should do about each fault, and why. Written before the first run.

A run that differs is a defect of the operator or of this table; the report names it in either case.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Expectation:
    """The right behaviour.

    ``actions`` are those that Enforce takes, in order; RestartPods may only affect the drill's victim. ``reasons`` must
    all be given. ``not_before`` is the earliest second at which an action is right. ``helps`` tells whether the
    operator can act on the fault. ``replaces`` tells whether a person's change replaces pods, and ``restarts`` whether
    Kubernetes restarts a container: if it does not, the fault had no effect.
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
        "one of two pods is affected and the other reaches the backend, so the pod is at fault",
        RESTART,
        MINORITY,
        helps=True,
    ),
    "cut-off-of-three": Expectation(
        "evict that pod, once",
        "one of three pods is affected and the others reach the backend, so the pod is at fault",
        RESTART,
        MINORITY,
        helps=True,
    ),
    "packet-loss": Expectation(
        "evict that pod, once",
        "one of three pods fails or is slow and the others are not, so the pod is at fault although no breaker opens",
        RESTART,
        MINORITY,
        helps=True,
    ),
    "two-faults": Expectation(
        "hold while the outage lasts and for `recoveryDelay` after it, then evict the pod that is still cut off",
        "without the Request Service all pods are affected; when it is back, one of two is left, and a shared failure "
        "that ends looks the same for a while",
        RESTART,
        ("SharedFault", "MinorityAffected"),
        not_before=220,
        helps=True,
    ),
    "stopped": Expectation(
        "nothing",
        "a stopped process opens no breaker; the liveness probe restarts its container within a minute",
        restarts=True,
    ),
    "starved": Expectation(
        "nothing",
        "its symptom is HighEventLoopLag, which the default policy does not list; the liveness probe handles it",
    ),
    "memory": Expectation(
        "nothing",
        "the kernel kills the process and the kubelet starts it again before any alert could fire",
        restarts=True,
    ),
    "backend-down": Expectation(
        "hold, and say that the backend is at fault", "all pods are affected, so a restart does not help", (), HOLD
    ),
    "backend-slow": Expectation(
        "hold, and say that the backend is at fault", "all pods are affected, so a restart does not help", (), HOLD
    ),
    "backend-half": Expectation(
        "nothing, or hold",
        "breakers open here and there by chance; a restart would not change that",
    ),
    "backend-flapping": Expectation(
        "nothing, or hold", "all pods are affected each time; a flapping alert must not cause restarts"
    ),
    "tenfold": Expectation("nothing", "load opens no breaker, and the default policy does not act on load"),
    "redis-restarted": Expectation(
        "nothing", "Redis has no circuit breaker; the gateway waits and continues by itself"
    ),
    "redis-frozen": Expectation("nothing", "Redis has no circuit breaker; the gateway waits and continues by itself"),
    "bad-image": Expectation(
        "do nothing during the rollout; evict the cut-off pod once it is rolled back",
        "a person is changing the target",
        RESTART,
        ("RolloutInProgress", "MinorityAffected"),
        not_before=210,
        helps=True,
    ),
    "person-scales": Expectation(
        "evict the cut-off pod once the new one is ready, and keep the person's number of replicas",
        "another replica does not help, and the number is not the operator's",
        RESTART,
        MINORITY,
        helps=True,
    ),
    "helm-upgrade": Expectation(
        "nothing: wait for the rollout, which replaces the cut-off pod",
        "the upgrade must be accepted, and the alert ends with the old pod",
        replaces=True,
    ),
    "alertmanager-down": Expectation(
        "nothing while Alertmanager is down, then evict the cut-off pod",
        "without Alertmanager nobody can silence the alert, so no remediation starts",
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
        "evict that pod exactly once, despite the kill",
        "the restarted operator reads its intent and checks the cluster",
        RESTART,
        MINORITY,
        helps=True,
    ),
}
