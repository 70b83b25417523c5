"""One round for one target: observe, decide, write the intent, execute it, write the result."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from remediator.act.execute import execute
from remediator.api.policy import Mode, Policy, TargetRef
from remediator.api.reasons import Reason
from remediator.api.remediation import Remediation
from remediator.decide.decision import (
    ActResult,
    Decision,
    EvictPod,
    Intent,
    Opening,
    Outcome,
    RemoveFieldOwnership,
    RevertScale,
    RolloutRestart,
    Scale,
)
from remediator.decide.observed import Observed, SavedBaseline
from remediator.decide.opening import close_foreign
from remediator.kube import ConflictError
from remediator.kubernetes_api import KubernetesApi
from remediator.loop import RETRY, Execution, IncidentLoop, UnsettledError
from remediator.metrics import Metrics
from remediator.observe.observer import Observer, World
from remediator.reconcile.announce import Announcer
from remediator.reconcile.housekeeping import run_housekeeping
from remediator.reconcile.repair_stages import acting_stages, closing_stages
from remediator.reconcile.store import Store
from remediator.tracing import trace_step

MAX_CONFLICTS = 5
ORPHANED_SCALE_OUT_INTERVAL = timedelta(minutes=1)
UNDECIDED = frozenset({Reason.ALERTMANAGER_UNREACHABLE, Reason.PROMETHEUS_NOT_PROVEN, Reason.WORKLOAD_UNKNOWN})
"""Reasons not to open a remediation that say nothing about the alert, so that the sender must repeat it."""

_ACTION_NAME: dict[type[Intent], str] = {
    EvictPod: "RestartPods",
    RolloutRestart: "RolloutRestart",
    Scale: "ScaleOut",
    RevertScale: "Revert",
    RemoveFieldOwnership: "ReleaseFields",
}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReconcileResult:
    """What a round came to.

    ``wake_at`` is when a clock of an incident runs out, ``at_work`` whether there is an incident at all.
    ``undecided`` is the reason where it is not known whether one starts.
    """

    wake_at: datetime | None = None
    at_work: bool = False
    opened: bool = False
    undecided: str = ""

    def joined(self, other: "ReconcileResult") -> "ReconcileResult":
        """Return both results as one."""
        moments = [moment for moment in (self.wake_at, other.wake_at) if moment is not None]
        return ReconcileResult(
            wake_at=min(moments, default=None),
            at_work=self.at_work or other.at_work,
            opened=self.opened or other.opened,
            undecided=self.undecided or other.undecided,
        )


class Reconciler:
    """Runs rounds.

    All that is read is read side by side, and shared by the rounds that start together. Continuing a remediation
    is decided and written one at a time in the whole namespace, because ``maxConcurrent`` counts what others have
    started; opening one, acting and housekeeping do not wait for that.
    """

    def __init__(
        self,
        *,
        kubernetes: KubernetesApi,
        store: Store,
        observer: Observer,
        announcer: Announcer,
        metrics: Metrics,
        clock: Callable[[], datetime],
    ) -> None:
        self._kubernetes = kubernetes
        self._store = store
        self._observer = observer
        self._announcer = announcer
        self._metrics = metrics
        self._clock = clock

    async def run(self, ref: TargetRef, *, poll: bool = False) -> ReconcileResult:
        """Run one round, with ``poll`` from alerts that are read anew; who finds the fence moved decides again.

        Raises:
            KubeError: when the API server cannot be read or written.
        """
        for _ in range(MAX_CONFLICTS - 1):
            try:
                return await self._once(ref, poll=poll)
            except ConflictError as conflict:
                _log.info("state changed meanwhile, deciding again", target=str(ref), what=conflict.what)
        return await self._once(ref, poll=poll)

    async def _once(self, ref: TargetRef, *, poll: bool) -> ReconcileResult:
        if self._store.read_only:
            return ReconcileResult()
        world, _ = await asyncio.gather(self._observer.look(ref, poll=poll), self._store.refresh())
        on_target = [item for item in self._store.snapshot.remediations if item.active and item.spec.target_ref == ref]
        active = {item.spec.policy_name: item for item in on_target if not item.foreign}
        await self._close_foreign([item for item in on_target if item.foreign])
        result = ReconcileResult()
        for policy in self._store.snapshot.policies:
            remediation = active.get(policy.name)
            if policy.spec.target_ref != ref and remediation is None:
                continue
            if remediation is None:
                outcome = await self._open(policy, world)
            else:
                outcome = await self._continue(_bound_to(policy, ref), remediation, world)
            result = result.joined(outcome)
            if not outcome.opened:
                await run_housekeeping(self._store, policy, self._store.snapshot.remediations, self._clock())
            self._announcer.state(policy, self._store.snapshot.remediations)
        return result

    async def _close_foreign(self, foreign: list[Remediation]) -> None:
        policies = {policy.name: policy for policy in self._store.snapshot.policies}
        for remediation in foreign:
            policy = policies.get(remediation.spec.policy_name)
            if policy is not None:
                decision = close_foreign(policy, remediation, self._clock())
                closed = await self._persist(policy, remediation, decision)
                self._announcer.decision(policy, closed, None, decision)

    async def _open(self, policy: Policy, world: World) -> ReconcileResult:
        now = self._clock()
        opening, created = await self._loop(policy.spec.target_ref, world).open(policy)
        if created is None:
            self._announcer.ignored(policy, world.target, opening.ignored)
            undecided = opening.reason if opening.reason in UNDECIDED and not opening.idle else ""
            return ReconcileResult(wake_at=self._look_for_orphaned_scale_out(world), undecided=undecided)
        started = min((alert.starts_at for alert in created.status.alerts), default=None)
        if started is not None:
            self._metrics.stage_duration.labels("alert_to_webhook").observe(max(0.0, (now - started).total_seconds()))
        # The sender of the alert waits for this to be written, and for nothing more: the next round continues.
        return ReconcileResult(now, at_work=True, opened=True)

    def _look_for_orphaned_scale_out(self, world: World) -> datetime | None:
        """Return when to look again at an orphaned scale-out that cannot be reverted yet."""
        saved = world.target.workload.baseline if world.target is not None else None
        return self._clock() + ORPHANED_SCALE_OUT_INTERVAL if isinstance(saved, SavedBaseline) else None

    async def _continue(self, policy: Policy, remediation: Remediation, world: World) -> ReconcileResult:
        try:
            progress = await self._loop(remediation.spec.target_ref, world).advance(policy, remediation)
        except UnsettledError as error:
            _log.error("decisions did not settle", error=str(error))
            return ReconcileResult(self._clock() + RETRY, at_work=True)
        if not progress.remediation.active:
            self._observe(closing_stages(progress.remediation))
            return ReconcileResult()
        return ReconcileResult(progress.wake_at, at_work=True)

    def _loop(self, ref: TargetRef, world: World) -> IncidentLoop:
        return IncidentLoop(
            world=_ObservedWorld(self._observer, self._store, world, ref),
            store=self._store,
            actuator=_Cluster(self._kubernetes),
            reporter=_Reporter(self._announcer, self._metrics, world, self._clock),
            clock=self._clock,
        )

    async def _persist(self, policy: Policy, remediation: Remediation, decision: Decision) -> Remediation:
        if not decision.changed:
            return remediation
        return await self._store.write(remediation, decision.status, policy)

    def _observe(self, stages: Iterable[tuple[str, float]]) -> None:
        for stage, seconds in stages:
            self._metrics.stage_duration.labels(stage).observe(max(0.0, seconds))


@dataclass(frozen=True, slots=True)
class _ObservedWorld:
    """What was read of one target in this round, with the newest remediations."""

    observer: Observer
    store: Store
    world: World
    ref: TargetRef

    def observe(self, _policy: Policy, current: str) -> Observed:
        """Return what ``decide`` looks at."""
        return self.observer.observed(self.world, self.store.existing, self.ref, current=current)


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Carries out intents through the API server."""

    kubernetes: KubernetesApi

    async def execute(self, _policy: Policy, remediation: Remediation, intent: Intent) -> Outcome:
        """Carry out the intent on the remediation's target."""
        return await execute(self.kubernetes, remediation.spec.target_ref, intent)


@dataclass(frozen=True, slots=True)
class _Reporter:
    """Reports to people and to Prometheus."""

    announcer: Announcer
    metrics: Metrics
    world: World
    clock: Callable[[], datetime]

    def opened(self, policy: Policy, opening: Opening) -> None:
        """Report an opening."""
        self.announcer.opening(policy, self.world.target, opening)

    def decided(self, policy: Policy, remediation: Remediation, decision: Decision) -> None:
        """Report a decision."""
        self.announcer.ignored(policy, self.world.target, decision.ignored)
        self.announcer.decision(policy, remediation, self.world.target, decision)
        if decision.announce:
            now = self.clock()
            trace_step(remediation, "decided", now, now, phase=decision.phase, reason=decision.reason)

    def executed(self, policy: Policy, remediation: Remediation, execution: Execution) -> None:
        """Report an action and its result."""
        name, outcome = _ACTION_NAME[type(execution.intent)], execution.outcome
        self.metrics.actions.labels(policy.name, name, outcome.result).inc()
        _log.info("action", remediation=remediation.name, action=name, result=outcome.result, message=outcome.message)
        self.announcer.decision(policy, remediation, self.world.target, execution.decision)
        trace_step(remediation, "acted", execution.started_at, execution.ended_at, action=name, result=outcome.result)
        if outcome.result is ActResult.ACCEPTED:
            for stage, seconds in acting_stages(remediation, execution.started_at, execution.ended_at):
                self.metrics.stage_duration.labels(stage).observe(max(0.0, seconds))


def _bound_to(policy: Policy, ref: TargetRef) -> Policy:
    """Return the policy as a remediation of another target may use it: to end, not to act."""
    if policy.spec.target_ref == ref:
        return policy
    spec = policy.spec.model_copy(update={"mode": Mode.PAUSED, "target_ref": ref})
    return policy.model_copy(update={"spec": spec})
