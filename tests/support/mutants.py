"""Deciders that are wrong on purpose: each drops one condition of ``decide``, or does not judge at all.

A condition is dropped by hiding the reading that it looks at, or by changing the policy's number, so that the whole
path through deciding is still the real one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from remediator.api.policy import Action, Policy
from remediator.api.remediation import Phase, PodEntry, PodRestartState, Remediation, StepEntry
from remediator.decide.decision import Decision, EvictPod
from remediator.decide.draft import Draft
from remediator.decide.machine import decide
from remediator.decide.observed import ABSENT, AlertState, Observed, ObservedPod, Workload
from remediator.loop import Decider
from remediator.simulate.cli import DEFAULT_POLICY
from remediator.simulate.incident import Distortion, Incident
from remediator.simulate.scenario import Failure, Scenario, Trouble, draw


@dataclass(frozen=True)
class Mutant:
    """A decider, what it does wrong, and the incidents that show it best."""

    name: str
    shown_by: frozenset[Failure | Trouble]
    decider: Decider = decide
    distort: Distortion | None = None


def _mutant(name: str, change: Distortion, *shown_by: Failure | Trouble) -> Mutant:
    return Mutant(name, frozenset(shown_by), distort=change)


def _workload(**fields: Any) -> Callable[[Observed, datetime], Observed]:
    def change(observed: Observed, _now: datetime) -> Observed:
        if observed.workload is None:
            return observed
        return replace(observed, workload=replace(observed.workload, **fields))

    return change


def _pods(change: Callable[[ObservedPod, Observed, datetime], ObservedPod]) -> Callable[[Observed, datetime], Observed]:
    def changed(observed: Observed, now: datetime) -> Observed:
        pods = (observed.workload or Workload()).pods
        if observed.workload is None or pods is None:
            return observed
        found = tuple(change(pod, observed, now) for pod in pods)
        return replace(observed, workload=replace(observed.workload, pods=found))

    return changed


def _alerts(**fields: Any) -> Callable[[Observed, datetime], Observed]:
    return lambda observed, _now: replace(observed, alerts=tuple(replace(alert, **fields) for alert in observed.alerts))


def _with_closed_breakers(pod: ObservedPod, _observed: Observed, _now: datetime) -> ObservedPod:
    return replace(pod, breakers=dict.fromkeys(pod.breakers or {}, 0))


def _without_success(pod: ObservedPod, _observed: Observed, _now: datetime) -> ObservedPod:
    return replace(pod, last_success={}, successes=frozenset())


def _forgets_affected(policy: Policy, remediation: Remediation, observed: Observed, now: datetime) -> Decision:
    status = remediation.status.model_copy(update={"affected_pods": [], "remaining_pods": []})
    return decide(policy, remediation.model_copy(update={"status": status}), observed, now)


def _one_open_breaker_hidden(observed: Observed, now: datetime) -> Observed:
    """Only pods with an alert of their own count as affected."""
    named = {alert.pod for alert in observed.alerts}
    hide = _pods(lambda pod, _o, _n: pod if pod.name in named else replace(pod, breakers={}))
    return hide(observed, now)


def does_nothing(policy: Policy, remediation: Remediation, _observed: Observed, now: datetime) -> Decision:
    """Never act, and never say why."""
    status = remediation.status
    return Decision(status, changed=False, announce=False, phase=status.phase, reason=status.reason, message="")


def acts_at_once(policy: Policy, remediation: Remediation, observed: Observed, now: datetime) -> Decision:
    """Evict whatever pod an alert names, at every look, and call it a success when no alert is listed."""
    draft = Draft(policy, remediation, now)
    pods = {pod.name: pod for pod in (observed.workload or Workload()).pods or ()}
    for alert in observed.alerts:
        pod = pods.get(alert.pod)
        if pod is not None and not pod.terminating:
            intent = EvictPod(pod.name, pod.uid)
            entry = PodEntry(name=pod.name, uid=pod.uid, state=PodRestartState.EVICTING, at=now)
            draft.add_step(StepEntry(index=0, action=Action.RESTART_PODS, started_at=now, pods=[entry]))
            return draft.act(Phase.ACTING, Action.RESTART_PODS, "MinorityAffected", "", intent, pods=(pod.name,))  # type: ignore[arg-type]
    return draft.finish(Phase.SUCCEEDED, "Recovered", "")  # type: ignore[arg-type]


def settles_only(policy: Policy, remediation: Remediation, observed: Observed, now: datetime) -> Decision:
    """Wait for 45 seconds, then act like :func:`acts_at_once`."""
    if now - remediation.created_at < timedelta(seconds=45):
        return does_nothing(policy, remediation, observed, now)
    return acts_at_once(policy, remediation, observed, now)


MUTANTS: tuple[Mutant, ...] = (
    _mutant("ignores silences and mutes", _alerts(state=AlertState.ACTIVE), Trouble.SILENCED, Trouble.ROUTE_MUTED),
    _mutant("takes a posted alert for confirmed", _alerts(confirmed=None), Failure.FALSE_ALARM, Trouble.POSTED_BY_HAND),
    _mutant("ignores a pause", _workload(paused=False), Trouble.PAUSED),
    _mutant("acts during a rollout", _workload(rollout_complete=True), Trouble.PERSON_ROLLS_OUT),
    _mutant("ignores PodDisruptionBudgets", _workload(disruptions_allowed=ABSENT), Trouble.BUDGET_FULL),
    _mutant(
        "acts on the last known alerts",
        lambda observed, now: replace(observed, alertmanager_up=True, alerts_read_at=now),
        Trouble.ALERTMANAGER_DOWN,
    ),
    _mutant(
        "needs no proof that Prometheus works",
        lambda observed, _now: replace(observed, prometheus_up=True),
        Trouble.PROMETHEUS_DOWN,
        Trouble.PARTIAL_RESPONSE,
    ),
    _mutant("counts only pods with an alert", _one_open_breaker_hidden, Failure.ROLLING_OUTAGE, Failure.SLOW),
    _mutant(
        "does not see that pods are missing",
        _pods(lambda pod, _o, _n: replace(pod, ready=True, terminating=False)),
        Failure.BAD_IMAGE,
        Trouble.NO_ROOM,
    ),
    _mutant(
        "is satisfied with a smaller target", lambda o, n: _desired_is_ready(o, n), Failure.BAD_IMAGE, Trouble.NO_ROOM
    ),
    Mutant("forgets which pods were affected", frozenset({Failure.WANDERING_LOSS}), decider=_forgets_affected),
    _mutant("calls every alert silenced", _alerts(state=AlertState.SUPPRESSED), Failure.SINGLE_POD),
    _mutant("believes no alert", _alerts(confirmed=False), Failure.SINGLE_POD),
    _mutant("sees a pause everywhere", _workload(paused=True), Failure.SINGLE_POD),
    _mutant("sees no opt-in", _workload(allowed=False), Failure.SINGLE_POD),
    _mutant("sees a rollout everywhere", _workload(rollout_complete=False), Failure.SINGLE_POD),
    _mutant("sees a full PodDisruptionBudget", _workload(disruptions_allowed=0), Failure.SINGLE_POD),
    _mutant("sees no ready pod", _pods(lambda pod, _o, _n: replace(pod, ready=False)), Failure.SINGLE_POD),
    _mutant("sees every breaker closed", _pods(_with_closed_breakers), Failure.SINGLE_POD),
    _mutant("sees no peer that reaches the backend", _pods(_without_success), Failure.SINGLE_POD),
    _mutant("never reaches Alertmanager", lambda o, _n: replace(o, alertmanager_up=False), Failure.SINGLE_POD),
    _mutant("never believes in Prometheus", lambda o, _n: replace(o, prometheus_up=False), Failure.SINGLE_POD),
)


def _desired_is_ready(observed: Observed, _now: datetime) -> Observed:
    workload = observed.workload
    if workload is None:
        return observed
    ready = sum(pod.ready and not pod.terminating for pod in workload.pods or ())
    return replace(observed, workload=replace(workload, replicas=ready))


def first_noticed(mutant: Mutant, seed: int, incidents: int, kinds: tuple[str, ...]) -> int | None:
    """Return the first of these incidents in which a judge objects to the mutant and not to the real decider.

    Only those that have what shows the mutant are run; ``None`` where no judge objects in any of them.
    """
    for index in range(incidents):
        scenario = draw(seed, index)
        features = {scenario.failure, *(item.trouble for item in scenario.troubles)}
        if not features & mutant.shown_by:
            continue
        if _objected(scenario, mutant, kinds) and not _objected(scenario, None, kinds):
            return index
    return None


def _objected(scenario: Scenario, mutant: Mutant | None, kinds: tuple[str, ...]) -> bool:
    decider, distort = (mutant.decider, mutant.distort) if mutant is not None else (decide, None)
    verdict = Incident(DEFAULT_POLICY, scenario, decider, distort).run()
    return any(getattr(verdict, kind) for kind in kinds)
