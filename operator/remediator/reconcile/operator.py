"""The running operator: what was seen wakes the right target's worker, and a webhook waits until it is written."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from remediator.api.matchers import matches_all
from remediator.api.policy import Policy, TargetRef
from remediator.health import Heartbeat, Readiness
from remediator.intake.alert_store import AlertStore
from remediator.intake.payload import Received
from remediator.intake.poll import Poller
from remediator.intake.server import NotPersistedError
from remediator.kube import KubeError
from remediator.metrics import Metrics
from remediator.observe.observer import Observer
from remediator.reconcile.announce import Announcer
from remediator.reconcile.reconciler import Reconciler, ReconcileResult
from remediator.reconcile.store import Snapshot, Store
from remediator.reconcile.worker import TargetWorker

PULSE_SECONDS = 1.0
FIRST_READ_RETRY_SECONDS = 2.0

_log = structlog.get_logger(__name__)


class Operator:
    """Owns the workers. ``stuck_after`` is how long a round may take before the heartbeat stops."""

    def __init__(
        self,
        *,
        store: Store,
        reconciler: Reconciler,
        observer: Observer,
        announcer: Announcer,
        alert_store: AlertStore,
        poller: Poller,
        metrics: Metrics,
        heartbeat: Heartbeat,
        readiness: Readiness,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        interval: timedelta,
        stuck_after: timedelta,
    ) -> None:
        self._store = store
        self._reconciler = reconciler
        self._observer = observer
        self._announcer = announcer
        self._alert_store = alert_store
        self._poller = poller
        self._metrics = metrics
        self._heartbeat = heartbeat
        self._readiness = readiness
        self._clock = clock
        self._monotonic = monotonic
        self._interval = interval
        self._stuck_after = stuck_after
        self._policies: dict[str, Policy] = {}
        self._active: dict[str, TargetRef] = {}
        self._annotations: dict[str, Any] = {}
        self._workers: dict[TargetRef, TargetWorker] = {}
        self._group: asyncio.TaskGroup | None = None
        readiness.require("state", "policies and remediations have not been read yet")

    async def run(self) -> None:
        """Run until cancelled; an unexpected error ends it, because a restart continues from the written status."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._pulse(), name="pulse")
            snapshot = await self._first_snapshot()
            await self._poller.refresh()
            await self._observer.check()
            self._resume(snapshot)
            self._readiness.fulfil("state")
            self._metrics.up.set(1)
            group.create_task(self._poll(), name="poll")

    # What kopf saw

    def policy_seen(self, body: Mapping[str, Any], *, deleted: bool) -> None:
        """A policy is there, changed or went."""
        name = str(body["metadata"]["name"])
        before = self._policies.pop(name, None)
        policy = None if deleted else self._store.parse_policy(dict(body))
        if policy is not None:
            self._policies[name] = policy
        for known in (before, policy):
            if known is not None and (before is None or policy is None or before.generation != policy.generation):
                self._wake(known.spec.target_ref)

    def remediation_seen(self, body: Mapping[str, Any], *, deleted: bool) -> None:
        """A remediation is there, changed or went. Its status is our own writing and is no news."""
        name = str(body["metadata"]["name"])
        remediation = self._store.parse_remediation(dict(body))
        if remediation is None:
            return
        ref = remediation.spec.target_ref
        annotations = body["metadata"].get("annotations")
        if deleted or not remediation.active:
            self._active.pop(name, None)
        else:
            self._active[name] = ref
        is_news = deleted or self._annotations.get(name, ...) != annotations
        if deleted:
            self._annotations.pop(name, None)
        else:
            self._annotations[name] = annotations
        if is_news:
            self._wake(ref)

    def pod_seen(self, owner: str) -> None:
        """A pod was made, changed or went; ``owner`` is the name of what controls it."""
        for ref in set(self._active.values()):
            if owner == ref.name or owner.startswith(f"{ref.name}-"):
                self._wake(ref)

    # What Alertmanager sent

    async def submit(self, alerts: list[Received], *, receiver: str = "", truncated: bool = False) -> None:
        """Write down what a policy wants of these alerts.

        Raises:
            NotPersistedError: when it could not be written, so that it must be sent again.
        """
        if not self._readiness.ready:
            raise NotPersistedError("; ".join(self._readiness.reasons))
        arrived = self._clock()
        self._alert_store.push(alerts)
        self._alert_store.receiver = receiver or self._alert_store.receiver
        if truncated:
            # The alerts that the message leaves out are known to Alertmanager only.
            await self._poller.refresh()
            alerts = self._alert_store.alerts()
        refs = self._wanted_by(alerts)
        if not refs:
            return
        results = await asyncio.gather(*(self._worker(ref).round() for ref in refs), return_exceptions=True)
        for result in results:
            if isinstance(result, KubeError):
                raise NotPersistedError(str(result)) from result
            if isinstance(result, BaseException):
                raise result
            self._judge(result, arrived)

    def _judge(self, result: ReconcileResult, arrived: datetime) -> None:
        if result.undecided:
            raise NotPersistedError(f"not decided: {result.undecided}")
        if result.opened:
            seconds = (self._clock() - arrived).total_seconds()
            self._metrics.stage_duration.labels("webhook_to_intent").observe(max(0.0, seconds))

    def _wanted_by(self, alerts: Iterable[Received]) -> set[TargetRef]:
        found: set[TargetRef] = set()
        for policy in self._policies.values():
            if policy.spec.target_ref in found:
                continue
            if any(matches_all(policy.spec.alerts, alert.labels) for alert in alerts):
                found.add(policy.spec.target_ref)
        return found

    # Tasks

    async def _first_snapshot(self) -> Snapshot:
        while True:
            try:
                await self._store.refresh()
            except KubeError as error:
                self._readiness.require("state", str(error))
                _log.warning("state not read yet", error=str(error))
                await asyncio.sleep(FIRST_READ_RETRY_SECONDS)
            else:
                return self._store.snapshot

    def _resume(self, snapshot: Snapshot) -> None:
        self._know(snapshot)
        for policy in snapshot.policies:
            self._wake(policy.spec.target_ref)
        for remediation in snapshot.remediations:
            if remediation.active:
                self._wake(remediation.spec.target_ref)
                _log.info("resuming", remediation=remediation.name, phase=remediation.status.phase)

    def _know(self, snapshot: Snapshot) -> None:
        self._policies = {policy.name: policy for policy in snapshot.policies}
        self._active = {item.name: item.spec.target_ref for item in snapshot.remediations if item.active}
        self._announcer.states(snapshot.policies, snapshot.remediations)

    async def _poll(self) -> None:
        """Look at everything at an interval: a watch that stalls, or never began, is only slower then."""
        while True:
            await asyncio.sleep(self._interval.total_seconds())
            try:
                await self._store.refresh()
            except KubeError as error:
                _log.warning("state not read", error=str(error))
                self._metrics.source_up.labels("apiserver").set(0)
            else:
                self._know(self._store.snapshot)
                self._metrics.source_up.labels("apiserver").set(1)
                self._metrics.last_success.labels("apiserver").set(self._clock().timestamp())
            await self._poller.refresh()
            await self._observer.check()
            for ref in self._wanted_by(self._alert_store.alerts()) | set(self._active.values()):
                self._wake(ref)

    async def _pulse(self) -> None:
        while True:
            now = self._monotonic()
            busy = [worker.busy_since for worker in self._workers.values() if worker.busy_since is not None]
            if all(now - since <= self._stuck_after.total_seconds() for since in busy):
                self._heartbeat.beat()
            await asyncio.sleep(PULSE_SECONDS)

    def _wake(self, ref: TargetRef) -> None:
        if self._group is not None:
            self._worker(ref).wake()

    def _worker(self, ref: TargetRef) -> TargetWorker:
        worker = self._workers.get(ref)
        if worker is None:
            if self._group is None:
                raise NotPersistedError("the operator has not started yet")
            worker = TargetWorker(
                ref=ref,
                reconciler=self._reconciler,
                metrics=self._metrics,
                clock=self._clock,
                monotonic=self._monotonic,
                interval=self._interval,
            )
            self._workers[ref] = worker
            self._group.create_task(worker.run(), name=f"worker {ref}")
        return worker
