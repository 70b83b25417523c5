"""What the operator is told: Prometheus, Alertmanager and the API server, each with its own delays and lies."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from remediator.api.names import Backend, Fingerprint, PodName, PodUid
from remediator.decide.observed import (
    ABSENT,
    AlertState,
    Evaluation,
    Observed,
    ObservedAlert,
    ObservedPod,
    Workload,
)
from remediator.simulate.cluster import Cluster, Pod, moment
from remediator.simulate.scenario import Trouble

TICK = 15.0
"""Scrape interval, evaluation interval and poll interval: the chart's and the operator's defaults."""
HOLDS_FOR = 60.0
RESEND = 60.0
LOOKBACK = 300.0
BACKEND = Backend("request")
ALERT = "CircuitBreakerOpen"

SOURCES: dict[Trouble, tuple[str, str]] = {
    Trouble.SCRAPE_MISSES: (
        "half of the scrapes of a pod fail; its last sample is shown for five minutes",
        "Prometheus, `query.lookback-delta` (default 5m) and the staleness section of its documentation",
    ),
    Trouble.PROMETHEUS_RESTARTS: (
        "a firing alert is pending again and must hold for a whole `for`",
        "prometheus/prometheus `rules/group.go`, `RestoreForState`: a hold below `rules.alert.for-grace-period` "
        "(10m) is not restored",
    ),
    Trouble.PROMETHEUS_DOWN: (
        "no query answers, nothing is scraped; Alertmanager keeps an alert until its `endsAt`",
        "prometheus/prometheus `rules/alerting.go`, `sendAlerts`: `endsAt` is four times the resend delay or interval",
    ),
    Trouble.PARTIAL_RESPONSE: ("an answer with warnings, which counts as none", "Thanos, `partial_response` of Query"),
    Trouble.NO_PROMETHEUS: ("the operator has no URL of Prometheus", "docs/remediation.md, settings"),
    Trouble.ALERTMANAGER_RESTARTS: (
        "an empty list until Prometheus sends again",
        "prometheus/alertmanager `provider/mem/mem.go`: alerts are in memory only; `rules.alert.resend-delay` is 1m",
    ),
    Trouble.ALERTMANAGER_DOWN: ("polls fail; the operator knows the last alerts only", "a refused connection"),
    Trouble.REPLICA_DOWN: ("one replica of a pair does not answer", "Alertmanager's documentation, high availability"),
    Trouble.LABEL_LOST: (
        "the pod label is missing from the alert in Alertmanager",
        "prometheus/prometheus, `alert_relabel_configs`: applied to what is sent, not to the series ALERTS",
    ),
    Trouble.POSTED_BY_HAND: ("an alert that no rule has firing", "Alertmanager, `POST /api/v2/alerts`"),
    Trouble.SILENCED: ("the state is `suppressed`", "Alertmanager, `GET /api/v2/alerts`"),
    Trouble.ROUTE_MUTED: (
        "the alert is active, and muted for the operator's receiver",
        "prometheus/alertmanager 0.28, `mutedBy` of `GET /api/v2/alerts/groups`",
    ),
    Trouble.STALE_LIST: ("the list of pods is up to 90 s old", "Kubernetes, API concepts: a list may be served stale"),
    Trouble.CLOCK_JUMPS: ("the operator's wall clock is set, its monotonic one is not", "chrony, `makestep`"),
}
"""What each lie of a sensor copies, and where that behaviour is described."""


@dataclass(slots=True)
class _Sample:
    at: float
    is_open: bool
    opened_at: float | None
    last_success: float | None


@dataclass(slots=True)
class _Sent:
    pod: str
    starts_at: float
    ends_at: float


class Prometheus:
    """Scrapes the pods and evaluates one alert."""

    def __init__(self, cluster: Cluster, random: Random) -> None:
        self.samples: dict[str, _Sample] = {}
        self.active_since: dict[str, float] = {}
        self.evaluated_at = -TICK
        self._cluster = cluster
        self._random = random
        self._restarted: set[float] = set()
        self._sent_at: dict[str, float] = {}

    @property
    def answers(self) -> bool:
        """Whether a query has a whole answer now."""
        return not any(
            self._cluster.has(trouble) is not None
            for trouble in (Trouble.PROMETHEUS_DOWN, Trouble.PARTIAL_RESPONSE, Trouble.NO_PROMETHEUS)
        )

    def firing(self, now: float) -> set[str]:
        """Return the pods whose alert has held for long enough."""
        return {pod for pod, since in self.active_since.items() if now - since >= HOLDS_FOR}

    def advance(self, now: float) -> Iterable[tuple[str, float, bool]]:
        """Scrape and evaluate; yield what is sent to Alertmanager: the pod, since when, and whether it fires."""
        cluster = self._cluster
        if cluster.has(Trouble.PROMETHEUS_DOWN) is not None:
            return
        for item in cluster.scenario.troubles:
            if item.trouble is Trouble.PROMETHEUS_RESTARTS and item.start <= now and item.start not in self._restarted:
                self._restarted.add(item.start)
                self.active_since.clear()
        misses = cluster.has(Trouble.SCRAPE_MISSES) is not None
        for pod in cluster.pods:
            if now >= pod.created + 10 and not (misses and self._random.random() < 0.5):
                self.samples[pod.name] = _Sample(now, pod.opened_at is not None, pod.opened_at, pod.last_success)
        present = {pod.name for pod in cluster.pods}
        self.samples = {
            name: sample for name, sample in self.samples.items() if name in present and now - sample.at < LOOKBACK
        }
        before = self.firing(now - TICK)
        self.evaluated_at = now
        holds = {name for name, sample in self.samples.items() if sample.is_open}
        self.active_since = {name: self.active_since.get(name, now) for name in holds}
        for name in self.firing(now):
            if name not in before or now - self._sent_at.get(name, -RESEND) >= RESEND:
                self._sent_at[name] = now
                yield name, self.active_since[name] + HOLDS_FOR, True
        for name in before - self.firing(now):
            yield name, now, False


class Alertmanager:
    """Keeps what it was sent, in memory only."""

    def __init__(self, cluster: Cluster) -> None:
        self.started_at = -86400.0
        self._cluster = cluster
        self._alerts: dict[str, _Sent] = {}
        self._restarted: set[float] = set()

    def take(self, sent: Iterable[tuple[str, float, bool]], now: float) -> None:
        """Take what Prometheus sends."""
        for item in self._cluster.scenario.troubles:
            if (
                item.trouble is Trouble.ALERTMANAGER_RESTARTS
                and item.start <= now
                and item.start not in self._restarted
            ):
                self._restarted.add(item.start)
                self._alerts.clear()
                self.started_at = now
        for pod, since, fires in sent:
            known = self._alerts.get(pod)
            if fires:
                self._alerts[pod] = _Sent(pod, known.starts_at if known else since, now + 4 * RESEND)
            elif known is not None:
                known.ends_at = now
        self._alerts = {pod: item for pod, item in self._alerts.items() if item.ends_at > now}

    def list(self) -> dict[str, float]:
        """Return since when each pod's alert fires."""
        return {pod: item.starts_at for pod, item in self._alerts.items()}


class Sensors:
    """All that an operator can ask, at one tick."""

    def __init__(self, cluster: Cluster, random: Random, labels: dict[str, str]) -> None:
        self.prometheus = Prometheus(cluster, random)
        self.alertmanager = Alertmanager(cluster)
        self._cluster = cluster
        self._labels = labels
        self._lists: list[tuple[float, tuple[ObservedPod, ...]]] = []
        self._alerts: tuple[ObservedAlert, ...] = ()
        self._polled_at: datetime | None = None

    def advance(self, now: float) -> None:
        """Scrape, evaluate and send."""
        self.alertmanager.take(list(self.prometheus.advance(now)), now)
        self._lists.append((now, tuple(_listed(pod) for pod in self._cluster.pods)))
        del self._lists[:-8]

    def observe(self, clock: datetime) -> Observed:
        """Return what the operator reads; ``clock`` is its own."""
        cluster, now = self._cluster, self._cluster.now
        answers = self.prometheus.answers
        no_prometheus = cluster.has(Trouble.NO_PROMETHEUS) is not None
        reachable = cluster.has(Trouble.ALERTMANAGER_DOWN) is None
        if reachable:
            self._alerts = tuple(self._listed_alerts(self.prometheus.firing(now) if answers else None))
            self._polled_at = clock
        known = self.prometheus if answers else None
        evaluation = Evaluation(moment(self.prometheus.evaluated_at), timedelta(seconds=TICK))
        firing = self.prometheus.firing(now)
        return Observed(
            alerts=self._alerts,
            alerts_read_at=self._polled_at,
            alertmanager_up=reachable,
            prometheus_up=answers or (no_prometheus and cluster.has(Trouble.PROMETHEUS_DOWN) is None),
            has_prometheus=not no_prometheus,
            pending=frozenset((ALERT, PodName(pod), BACKEND) for pod in self.prometheus.active_since.keys() - firing)
            if known
            else frozenset(),
            evaluations={ALERT: evaluation} if known else {},
            alertmanager_started_at=moment(self.alertmanager.started_at),
            workload=self._workload(answers=answers),
            unanswered="Alertmanager" if cluster.has(Trouble.REPLICA_DOWN) is not None else "",
        )

    def _listed_alerts(self, firing: set[str] | None) -> Iterable[ObservedAlert]:
        cluster = self._cluster
        quiet = any(cluster.has(trouble) is not None for trouble in (Trouble.SILENCED, Trouble.ROUTE_MUTED))
        state = AlertState.SUPPRESSED if quiet else AlertState.ACTIVE
        loses_label = cluster.has(Trouble.LABEL_LOST) is not None
        for pod, since in self.alertmanager.list().items():
            labels = {**self._labels, "alertname": ALERT, "pod": "" if loses_label else pod, "service_name": BACKEND}
            confirmed = None if firing is None else pod in firing and not loses_label
            yield ObservedAlert(
                Fingerprint(f"{pod}{'-' if loses_label else ''}"), labels, state, moment(since), confirmed
            )
        slot = cluster.has(Trouble.POSTED_BY_HAND)
        posted = next((pod for pod in cluster.pods if pod.slot == slot and pod.stays), None)
        if posted is not None and posted.name not in self.alertmanager.list():
            labels = {**self._labels, "alertname": ALERT, "pod": posted.name, "service_name": BACKEND}
            confirmed = None if firing is None else posted.name in firing
            yield ObservedAlert(Fingerprint(f"{posted.name}!"), labels, state, moment(self._cluster.now), confirmed)

    def _workload(self, *, answers: bool) -> Workload:
        cluster, now = self._cluster, self._cluster.now
        age = cluster.has(Trouble.STALE_LIST) or 0
        old = [pods for at, pods in self._lists if at <= now - age] or [pods for _, pods in self._lists[:1]]
        pods = old[-1] if old else ()
        no_room = any(pod.ready_at - now > 120 for pod in cluster.pods if pod.stays)
        return Workload(
            replicas=cluster.replicas,
            pods=tuple(self._with_signals(pod) if answers else pod for pod in pods),
            rollout_complete=not cluster.rollout,
            restarted_for=cluster.restarted_for,
            disruptions_allowed=0 if cluster.has(Trouble.BUDGET_FULL) is not None else ABSENT,
            autoscaler=ABSENT,
            baseline=ABSENT,
            paused=cluster.has(Trouble.PAUSED) is not None,
            allowed=True,
            cannot_run="0/3 nodes are available" if no_room and cluster.has(Trouble.NO_ROOM) is not None else "",
        )

    def _with_signals(self, pod: ObservedPod) -> ObservedPod:
        sample = self.prometheus.samples.get(pod.name)
        if sample is None:
            return replace(pod, breakers={}, successes=frozenset(), breaker_opened={}, last_success={})
        success = {} if sample.last_success is None else {BACKEND: moment(sample.last_success)}
        recent = sample.last_success is not None and self._cluster.now - sample.last_success <= 120
        return replace(
            pod,
            breakers={BACKEND: 1 if sample.is_open else 0},
            breaker_opened={BACKEND: moment(sample.opened_at)} if sample.opened_at is not None else {},
            last_success=success,
            successes=frozenset({BACKEND}) if recent else frozenset(),
            scraped_at=moment(sample.at),
        )


def _listed(pod: Pod) -> ObservedPod:
    return ObservedPod(
        name=PodName(pod.name),
        uid=PodUid(pod.uid),
        ready=pod.ready,
        terminating=not pod.stays,
        created_at=moment(pod.created),
    )
