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
    RemoveFieldOwnership,
    RevertScale,
    RolloutRestart,
    Scale,
)
from remediator.decide.machine import decide
from remediator.decide.observed import SavedBaseline
from remediator.decide.opening import close_foreign, open_remediation
from remediator.decide.results import record_result
from remediator.kube import ConflictError
from remediator.kubernetes_api import KubernetesApi
from remediator.metrics import Metrics
from remediator.observe.observer import Observer, World
from remediator.reconcile.announce import Announcer
from remediator.reconcile.housekeeping import run_housekeeping
from remediator.reconcile.repair_stages import acting_stages, closing_stages
from remediator.reconcile.store import Store

MAX_CONFLICTS = 5
MAX_TRANSITIONS = 100
RETRY = timedelta(seconds=5)
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
        self._writing = asyncio.Lock()

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
        existing = self._store.snapshot.remediations
        observed = self._observer.observed(world, existing, policy.spec.target_ref, current="")
        opening = open_remediation(policy, existing, observed, now)
        self._announcer.ignored(policy, world.target, opening.ignored)
        if opening.remediation is None:
            self._announcer.opening(policy, world.target, opening)
            undecided = opening.reason if opening.reason in UNDECIDED else ""
            return ReconcileResult(self._look_for_orphaned_scale_out(world), undecided=undecided)
        created = await self._store.create(opening.remediation, policy)
        self._announcer.opening(policy, world.target, opening)
        began = min((alert.starts_at for alert in created.status.alerts), default=None)
        if began is not None:
            self._metrics.stage_duration.labels("alert_to_webhook").observe(max(0.0, (now - began).total_seconds()))
        # Whoever sent the alert waits for this to be written, and for nothing more: what is next is another round's.
        return ReconcileResult(now, at_work=True, opened=True)

    def _look_for_orphaned_scale_out(self, world: World) -> datetime | None:
        """Return when to look again at an orphaned scale-out that cannot be reverted yet."""
        saved = world.target.workload.baseline if world.target is not None else None
        return self._clock() + ORPHANED_SCALE_OUT_INTERVAL if isinstance(saved, SavedBaseline) else None

    async def _continue(self, policy: Policy, remediation: Remediation, world: World) -> ReconcileResult:
        """Decide until nothing changes any more, or until something was done that must be seen first."""
        now = self._clock()
        wake_at: datetime | None = None
        for _ in range(MAX_TRANSITIONS):
            async with self._writing:
                others = self._store.snapshot.remediations
                observed = self._observer.observed(world, others, remediation.spec.target_ref, current=remediation.name)
                decision = decide(policy, remediation, observed, now)
                remediation = await self._persist(policy, remediation, decision)
            self._announcer.ignored(policy, world.target, decision.ignored)
            self._announcer.decision(policy, remediation, world.target, decision)
            wake_at = decision.wake_at
            if decision.intent is not None:
                remediation, wake_at = await self._act(policy, remediation, decision.intent, world)
                break
            if not remediation.active:
                self._close(remediation)
                break
            if not decision.changed:
                break
        return ReconcileResult(wake_at, at_work=True) if remediation.active else ReconcileResult()

    async def _act(
        self, policy: Policy, remediation: Remediation, intent: Intent, world: World
    ) -> tuple[Remediation, datetime]:
        """Carry out an intent that is written down, and write what came of it."""
        intent_at = self._clock()
        outcome = await execute(self._kubernetes, remediation.spec.target_ref, intent)
        accepted_at = self._clock()
        self._metrics.actions.labels(policy.name, _ACTION_NAME[type(intent)], outcome.result).inc()
        _log.info(
            "action",
            remediation=remediation.name,
            action=_ACTION_NAME[type(intent)],
            result=outcome.result,
            message=outcome.message,
        )
        decision = record_result(policy, remediation, intent, outcome.result, outcome.message, accepted_at)
        remediation = await self._persist(policy, remediation, decision)
        self._announcer.decision(policy, remediation, world.target, decision)
        if outcome.result is ActResult.ACCEPTED:
            self._observe(acting_stages(remediation, intent_at, accepted_at))
        if not remediation.active:
            self._close(remediation)
        if outcome.result in {ActResult.ACCEPTED, ActResult.ALREADY_DONE}:
            return remediation, accepted_at
        return remediation, remediation.status.retry_at or accepted_at + RETRY

    async def _persist(self, policy: Policy, remediation: Remediation, decision: Decision) -> Remediation:
        if not decision.changed:
            return remediation
        return await self._store.write(remediation, decision.status, policy)

    def _close(self, remediation: Remediation) -> None:
        self._observe(closing_stages(remediation))

    def _observe(self, stages: Iterable[tuple[str, float]]) -> None:
        for stage, seconds in stages:
            self._metrics.stage_duration.labels(stage).observe(max(0.0, seconds))


def _bound_to(policy: Policy, ref: TargetRef) -> Policy:
    """Return the policy as a remediation of another target may use it: to end, not to act."""
    if policy.spec.target_ref == ref:
        return policy
    spec = policy.spec.model_copy(update={"mode": Mode.PAUSED, "target_ref": ref})
    return policy.model_copy(update={"spec": spec})
