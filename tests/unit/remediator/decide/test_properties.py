"""What must hold in every history, whatever happens: budgets, minHealthy, cooldown, an end, and no blind action."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings, strategies as st

from remediator.api.remediation import Phase
from remediator.decide.decision import ActResult, EvictPod, RolloutRestart, Scale
from remediator.decide.observed import Observed
from support.incident import SimulatedTarget, make_policy

SPEC = {
    "escalation": [
        {"action": "RestartPods", "verify": {"timeout": "1m"}},
        {"action": "RolloutRestart", "verify": {"timeout": "1m"}},
        {"action": "ScaleOut", "when": "Majority", "by": 1, "max": 12},
        {"action": "RestartPods"},
    ],
    "guards": {"budgets": [{"actions": 2, "per": "30m"}, {"actions": 4, "per": "6h"}], "cooldown": "8m"},
}
HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "fire",
                "fire",
                "fire",
                "fire fresh",
                "fire most",
                "clear",
                "silence",
                "not ready",
                "all ready",
                "prometheus lost",
                "alertmanager lost",
                "workload lost",
                "signals back",
                "pause",
                "resume",
                "rollout",
                "rolled out",
                "budget in the way",
                "refused",
                "accepted",
                "killed before",
                "killed after",
            ]
        ),
        st.integers(0, 7),
        st.sampled_from([15, 60, 300, 900]),
    ),
    max_size=40,
)
_FEW = settings(max_examples=60)


def _happen(target, what, which):
    pods = list(target.pods)
    pod = pods[which % len(pods)]
    workload = target.workload
    if what == "fire":
        target.fire(pod)
    elif what == "fire fresh":
        target.fire(pods[-1])
    elif what == "fire most":
        target.fire(*pods[1:])
    elif what == "clear":
        target.clear()
    elif what == "silence":
        target.fire(*{name for name, _ in target.alerts} | {pod}, state="suppressed")
    elif what == "not ready":
        target.pod_ready(pod, ready=False)
    elif what == "all ready":
        for name in pods:
            target.pod_ready(name, ready=True)
    elif what.endswith("lost"):
        target.world = Observed(alertmanager_up=what[0] != "a", prometheus_up=what[0] != "p")
        if what[0] == "w":
            target.change(rollout_complete=None, paused=None)
    elif what == "signals back":
        target.world = Observed()
        target.change(rollout_complete=True, paused=False)
    elif what in {"pause", "resume"}:
        target.change(paused=what == "pause")
    elif what in {"rollout", "rolled out"}:
        target.change(rollout_complete=what == "rolled out")
    elif what.startswith("killed"):
        setattr(target, f"{what.replace(' ', '_')}_acting", True)
    else:
        result = {"budget in the way": ActResult.BLOCKED, "refused": ActResult.REFUSED}.get(what, ActResult.ACCEPTED)
        target.result_of = lambda intent, result=result: result
    assert workload is not None


def _play(happenings, pods, **spec):
    target = SimulatedTarget(make_policy(**{**SPEC, **spec}), pods=pods)
    for what, which, seconds in happenings:
        _happen(target, what, which)
        target.run(seconds, step=min(seconds, 60))
    return target


def _counted(target):
    return [item for item in target.done if isinstance(item.intent, EvictPod | RolloutRestart | Scale)]


@_FEW
@given(HAPPENINGS, st.integers(1, 8))
def test_budgets_are_never_exceeded(happenings, pods):
    target = _play(happenings, pods)
    moments = [item.at for item in _counted(target)]
    for budget in target.policy.spec.guards.budgets:
        for index, moment in enumerate(moments):
            within = [other for other in moments[index:] if other < moment + budget.per]
            assert len(within) <= budget.actions


@_FEW
@given(HAPPENINGS, st.integers(1, 8), st.sampled_from([1, 2, "50%", "80%", "100%"]))
def test_never_under_min_healthy_by_an_eviction_of_ours(happenings, pods, least):
    target = _play(happenings, pods, guards={**SPEC["guards"], "minHealthy": least})
    for item in target.done:
        if isinstance(item.intent, EvictPod):
            assert item.healthy_after >= target.policy.spec.guards.least_healthy(pods)


@_FEW
@given(HAPPENINGS, st.integers(1, 8))
def test_the_cooldown_lies_between_any_two_steps(happenings, pods):
    target = _play(happenings, pods)
    steps = sorted(
        (step for item in target.remediations for step in item.status.steps if step.action != "Revert"),
        key=lambda step: step.started_at,
    )
    for before, after in pairwise(steps):
        assert after.started_at - before.started_at >= target.policy.spec.guards.cooldown


@_FEW
@given(
    HAPPENINGS,
    st.integers(1, 8),
    st.sampled_from(["quiet", "still firing", "signals gone", "workload gone", "guard lasts"]),
)
def test_every_history_ends(happenings, pods, ending):
    target = _play(happenings, pods)
    target.result_of = lambda _: ActResult.ACCEPTED
    target.world = Observed()
    target.change(rollout_complete=True, paused=False)
    for name in list(target.pods):
        target.pod_ready(name, ready=True)
    target.clear()
    if ending == "still firing":
        target.fire(next(iter(target.pods)))
    elif ending == "signals gone":
        target.world = Observed(prometheus_up=False)
    elif ending == "guard lasts":
        target.fire(next(iter(target.pods)))
        target.change(rollout_complete=False)
    elif ending == "workload gone":
        target.workload = None
    for _ in range(60):
        if target.active is None:
            break
        target.run(600, step=60)
        if ending == "still firing" and not target.alerts:
            target.fire(next(iter(target.pods)))
    # A hold of the cause gate lasts as long as the outage does; anything else has ended.
    held = pods == 1 and ending in {"still firing", "guard lasts"}
    assert held or target.active is None


@_FEW
@given(HAPPENINGS, st.integers(1, 8))
def test_the_escalation_only_goes_up(happenings, pods):
    target = _play(happenings, pods)
    for remediation in target.remediations:
        taken = [step.index for step in remediation.status.steps if step.action != "Revert"]
        assert taken == sorted(set(taken))
        assert all(index >= remediation.spec.start_step for index in taken)


@_FEW
@given(HAPPENINGS, st.integers(1, 8), st.sampled_from(["prometheus lost", "alertmanager lost", "workload lost"]))
def test_nothing_is_done_on_what_is_not_known(happenings, pods, lost):
    target = _play(happenings, pods)
    target.fire(next(iter(target.pods)))
    _happen(target, lost, 0)
    before = len(target.done)
    target.run(3600, step=60)
    assert len(target.done) == before


@_FEW
@given(HAPPENINGS, st.integers(1, 8))
def test_no_step_starts_without_a_firing_alert(happenings, pods):
    target = SimulatedTarget(make_policy(**SPEC), pods=pods)
    for what, which, seconds in happenings:
        _happen(target, what, which)
        before = len(target.done)
        target.run(seconds, step=min(seconds, 60))
        if not any(alert.state == "active" for alert in target.alerts.values()):
            fresh = [item for item in target.done[before:] if not hasattr(item.intent, "baseline")]
            assert all(not isinstance(item.intent, EvictPod | RolloutRestart | Scale) for item in fresh)


@_FEW
@given(HAPPENINGS, st.integers(1, 8))
def test_a_dry_run_touches_nothing_and_the_status_stays_bounded(happenings, pods):
    target = _play(happenings, pods, mode="DryRun")
    assert target.done == []
    for remediation in target.remediations:
        status = remediation.status
        assert len(status.alerts) <= 50
        assert len(status.decisions) <= 50
        assert len(status.steps) <= 20
        assert remediation.active or status.phase is Phase.DRY_RUN


@_FEW
@given(HAPPENINGS, st.integers(1, 8))
def test_a_wake_up_time_is_never_in_the_past(happenings, pods):
    target = _play(happenings, pods)
    for decision in target.decisions:
        at = decision.status.decisions[-1].at
        assert decision.wake_at is None or decision.wake_at > at - timedelta(seconds=1) or not decision.announce
