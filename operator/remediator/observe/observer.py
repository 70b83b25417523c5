"""The whole world of one decision, read at one time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog

from remediator.api.names import Fingerprint
from remediator.api.policy import Mode, TargetRef
from remediator.api.remediation import Remediation
from remediator.decide.action_history import history
from remediator.decide.guards import is_acting, is_held
from remediator.decide.observed import AlertState, Observed, ObservedAlert, OtherRemediation
from remediator.intake.alert_store import AlertStore
from remediator.intake.sources import SourceError
from remediator.kube import KubeError, NotFoundError
from remediator.kubernetes_api import KubernetesApi
from remediator.metrics import Metrics
from remediator.observe.namespace_objects import read_namespace_objects
from remediator.observe.replicas import SignalSource
from remediator.observe.signals import Firing, Signals
from remediator.observe.target import Target, read_target, with_signals
from remediator.single_flight import SingleFlight

T = TypeVar("T")

LABEL_LIMIT = 512
"""Characters of a label's value: some of them are written into the status, which must stay small."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class World:
    """What was read about one target; ``target`` is None where it is gone or could not be read."""

    target: Target | None
    target_gone: bool
    signals: Signals | None


@dataclass(frozen=True, slots=True)
class _ObservedAlerts:
    """What :meth:`Observer.observed` made of one state of the alert store and one reading of Prometheus."""

    alert_store_version: int
    firing: Firing | None
    alerts: tuple[ObservedAlert, ...]


class Observer:
    """Reads the world; ``signals`` is None where no Prometheus is configured."""

    def __init__(
        self,
        *,
        kubernetes: KubernetesApi,
        alert_store: AlertStore,
        signals: SignalSource | None,
        metrics: Metrics,
        refresh: Callable[[], Awaitable[None]],
        clock: Callable[[], datetime],
        settling: timedelta,
    ) -> None:
        self._kubernetes = kubernetes
        self._alert_store = alert_store
        self._signals = signals
        self._refresh = refresh
        self._metrics = metrics
        self._clock = clock
        self._settling = settling
        self._observed_alerts: _ObservedAlerts | None = None
        self._selectors: dict[TargetRef, str] = {}
        self._namespace_objects = SingleFlight(partial(read_namespace_objects, kubernetes))

    async def look(self, ref: TargetRef, *, poll: bool = False) -> World:
        """Read the target and Prometheus, and with ``poll`` Alertmanager into the alert store.

        What cannot be read is unknown, never empty.
        """
        (found, gone), signals, _ = await asyncio.gather(self._target(ref), self._read_signals(ref), self._poll(poll))
        return World(found, gone, signals)

    def observed(self, world: World, remediations: Sequence[Remediation], ref: TargetRef, current: str) -> Observed:
        """Return what ``decide`` looks at; ``current`` is the name of the remediation that is decided about."""
        remediations = [item for item in remediations if not item.foreign]
        self._measure_age(world)
        same_target = [item for item in remediations if item.spec.target_ref == ref]
        return Observed(
            alerts=self._alerts(world.signals),
            alerts_read_at=self._alert_store.read_at,
            alertmanager_up=self._alert_store.known,
            pending=world.signals.pending if world.signals else frozenset(),
            evaluations=world.signals.evaluations if world.signals else {},
            alertmanager_started_at=self._alert_store.started_at,
            prometheus_up=self._prometheus_proven(world),
            has_prometheus=self._signals is not None,
            workload=with_signals(world.target.workload, world.signals) if world.target else None,
            target_gone=world.target_gone,
            history=history(same_target, without=current),
            others=tuple(_other(item, ref) for item in remediations if item.active and item.name != current),
            settling=self._settling,
            unanswered=self._unanswered(world),
        )

    async def check(self) -> None:
        """Bring the metrics about the sources up to date, also while there is no incident to look at."""
        proven = self._alert_store.watchdog
        if self._signals is not None:
            proven = await self._answers(self._signals.prove()) is not None
        self._metrics.watchdog_up.set(proven)

    def _measure_age(self, world: World) -> None:
        signals, pods = world.signals, (world.target.workload.pods if world.target else None) or ()
        scraped = signals.scraped if signals else {}
        evidence = {
            "scrape": [scraped[pod.name] for pod in pods if pod.name in scraped],
            "evaluation": [evaluation.at for evaluation in signals.evaluations.values()] if signals else [],
            "poll": [self._alert_store.read_at] if self._alert_store.read_at is not None else [],
        }
        for name, times in evidence.items():
            if times:
                self._metrics.evidence_age.labels(name).set(max(0.0, (self._clock() - min(times)).total_seconds()))

    def _unanswered(self, world: World) -> str:
        """Return the source of which a replica did not answer, or the empty string."""
        if not self._alert_store.complete:
            return "Alertmanager"
        return "Prometheus" if world.signals is not None and not world.signals.complete else ""

    def _prometheus_proven(self, world: World) -> bool:
        # Where Prometheus can be asked its own answer is the proof, else the alert that always fires.
        return world.signals is not None if self._signals is not None else self._alert_store.watchdog

    def _alerts(self, signals: Signals | None) -> tuple[ObservedAlert, ...]:
        """Return the store's alerts, converted once for all rounds with the same store and firing alerts."""
        version, known = self._alert_store.version, self._observed_alerts
        firing = signals.firing if signals is not None else None
        if known is None or known.alert_store_version != version or known.firing is not firing:
            known = _ObservedAlerts(version, firing, tuple(self._observe_alerts(signals)))
            self._observed_alerts = known
        return known.alerts

    def _observe_alerts(self, signals: Signals | None) -> list[ObservedAlert]:
        return [
            ObservedAlert(
                fingerprint=Fingerprint(alert.fingerprint),
                labels={name: value[:LABEL_LIMIT] for name, value in alert.labels.items()},
                state=AlertState(alert.state),
                starts_at=alert.starts_at,
                confirmed=None if signals is None else signals.confirms(alert),
            )
            for alert in self._alert_store.alerts()
        ]

    async def _poll(self, wanted: bool) -> None:
        if wanted:
            await self._refresh()

    async def _target(self, ref: TargetRef) -> tuple[Target | None, bool]:
        try:
            target = await read_target(
                self._kubernetes, ref, namespace_objects=self._namespace_objects.get, selector=self._selectors.get(ref)
            )
        except NotFoundError as error:
            gone = error.what == f"read {ref.kind} {ref.name}"
            return None, gone
        except KubeError as error:
            _log.warning("target not read", target=str(ref), error=str(error))
            return None, False
        self._selectors[ref] = target.selector
        return target, False

    async def _read_signals(self, ref: TargetRef) -> Signals | None:
        return None if self._signals is None else await self._answers(self._signals.read(ref.name))

    async def _answers(self, question: Awaitable[T]) -> T | None:
        """Return Prometheus' answer, or None where there is none."""
        try:
            answer = await question
        except SourceError as error:
            _log.warning("Prometheus not read", error=str(error))
            self._metrics.source_up.labels("prometheus").set(0)
            return None
        self._metrics.source_up.labels("prometheus").set(1)
        self._metrics.last_success.labels("prometheus").set(self._clock().timestamp())
        return answer


def _other(remediation: Remediation, ref: TargetRef) -> OtherRemediation:
    return OtherRemediation(
        name=remediation.name,
        created_at=remediation.created_at,
        same_target=remediation.spec.target_ref == ref,
        is_acting=is_acting(remediation),
        is_held=is_held(remediation),
        dry_run=remediation.spec.mode is Mode.DRY_RUN,
    )
