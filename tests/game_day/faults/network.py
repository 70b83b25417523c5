"""The network between a pod and a backend fails: packets are dropped in the pod's own network namespace."""

from __future__ import annotations

from game_day.fault import Fault
from game_day.scenario import Scenario

SECONDS = 270
"""Long enough for alert, settling, action and recovery; in DryRun the drill removes the fault then."""
LOST_SHARE = 0.75
OUTAGE_FROM, OUTAGE_TO = 60, 220
RECOVERY_DELAY = 600
"""The default policy's `recoveryDelay`: only after it is the pod that is left of a shared failure judged anew."""
BOTH_SECONDS = OUTAGE_TO + RECOVERY_DELAY + 180


def cut_off(scenario: Scenario) -> None:
    """One pod can no longer reach one backend."""
    with scenario.cut_off(scenario.victim(), "request"):
        scenario.until(SECONDS)


def packet_loss(scenario: Scenario) -> None:
    """One pod of three loses most of its packets to one backend: some calls succeed, after repeated packets."""
    with scenario.cut_off(scenario.victim(), "request", LOST_SHARE):
        scenario.until(SECONDS)


def two_at_once(scenario: Scenario) -> None:
    """One pod is cut off; before its alert fires the backend goes down for all pods, and recovers first."""
    with scenario.cut_off(scenario.victim(), "request"):
        scenario.until(OUTAGE_FROM)
        with scenario.backend_fault("request", kind="down"):
            scenario.until(OUTAGE_TO)
        scenario.until(BOTH_SECONDS)


FAULTS = (
    Fault(
        "cut-off",
        "One pod cut off from one backend",
        f"a rule in the pod's network namespace drops what it sends to the Request Service, for {SECONDS} s",
        SECONDS,
        cut_off,
    ),
    Fault(
        "cut-off-of-three",
        "One pod of three cut off from one backend",
        f"a rule in the pod's network namespace drops what it sends to the Request Service, for {SECONDS} s",
        SECONDS,
        cut_off,
        replicas=3,
    ),
    Fault(
        "packet-loss",
        "One pod of three loses packets to one backend",
        f"a rule in the pod's network namespace drops {100 * LOST_SHARE:.0f} % of what it sends to the Request "
        f"Service, at random, for {SECONDS} s",
        SECONDS,
        packet_loss,
        replicas=3,
    ),
    Fault(
        "two-faults",
        "Two faults at once: one pod cut off, and the backend down for all",
        f"one pod is cut off from the Request Service, which itself is down from second {OUTAGE_FROM} to {OUTAGE_TO}; "
        f"the cut is removed after {BOTH_SECONDS} s",
        BOTH_SECONDS,
        two_at_once,
    ),
)
