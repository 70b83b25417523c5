"""What Prometheus says about the pods of a namespace: which alerts it confirms, breakers, successful calls."""

import asyncio
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime

from remediator.api.limits import SAMPLE_AGE_LIMIT
from remediator.api.names import Backend, PodName
from remediator.api.values import LATEST
from remediator.decide.observed import Evaluation
from remediator.intake.payload import Received
from remediator.intake.sources import Prometheus, Sample, SourceError
from remediator.single_flight import SingleFlight

_ANSWERED = "[234].."
"""A backend that refuses a request (4xx) is reached all the same; its breaker counts that as a success too."""
_OWN_LABELS = ("__name__", "alertstate")
_PREFIX_LENGTH = 40
_LATEST_SECONDS = LATEST.timestamp()

Firing = dict[str, list[frozenset[tuple[str, str]]]]


@dataclass(frozen=True, slots=True)
class Signals:
    """One reading of Prometheus."""

    firing: Firing = field(default_factory=dict)
    """The labels of each firing alert, by the pod that it names (or by the empty string)."""
    breakers: dict[PodName, dict[Backend, int]] = field(default_factory=dict)
    successes: dict[PodName, frozenset[Backend]] = field(default_factory=dict)
    opened: dict[PodName, dict[Backend, datetime]] | None = None
    """When breakers opened; ``None`` where no gateway exports it."""
    last_success: dict[PodName, dict[Backend, datetime]] | None = None
    """Times of the last successful call or probe; ``None`` where no gateway exports it."""
    scraped: dict[PodName, datetime] = field(default_factory=dict)
    """Time of each pod's newest breaker sample."""
    pending: frozenset[tuple[str, PodName, Backend]] = frozenset()
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    complete: bool = True
    """Whether every replica answered."""

    def confirms(self, alert: Received) -> bool:
        """Tell whether Prometheus has the alert firing.

        Alertmanager may know more labels than Prometheus' own series has (external labels), never fewer.
        """
        labels = alert.labels.items()
        pod = alert.labels.get("pod", "")
        return any(series <= labels for name in {pod, ""} for series in self.firing.get(name, ()))


@dataclass(frozen=True, slots=True)
class _Alerts:
    firing: Firing
    pending: frozenset[tuple[str, PodName, Backend]]


class SignalReader:
    """Asks for the signals of one namespace; ``prefix`` is how the names of the gateway's metrics start."""

    def __init__(self, prometheus: Prometheus, namespace: str, prefix: str) -> None:
        self._prometheus = prometheus
        self._namespace = namespace
        self._prefix = prefix
        self._alerts = SingleFlight(self._read_alerts)
        self._evaluations = SingleFlight(self._read_evaluations)

    async def prove(self) -> bool:
        """Ask something that always has an answer; raises SourceError when there is none."""
        return bool(await self._prometheus.query("vector(1)"))

    async def read(self, workload: str) -> Signals:
        """Return the signals of one workload as they are now.

        The pods' series are selected by the prefix of their names, so that it costs the same among two
        hundred workloads as among two; the alerts that fire are few, and one answer serves all who ask at once.

        Raises:
            SourceError: when one of the queries has no answer; half an answer is none.
        """
        # A controller shortens long names of its own before it makes those of its pods from them.
        begin = workload[:_PREFIX_LENGTH].replace(".", r"\\.")
        pods = f'namespace="{self._namespace}",pod=~"{begin}.*"'
        by = "max by (pod, service_name)"
        queries = asyncio.gather(
            self._query(f"{by} ({self._prefix}service_circuit_breaker_state{{{pods}}})"),
            # The time of the sample itself: `timestamp(up == 1)` would be the time of the evaluation.
            self._query(f"max by (pod) (timestamp({self._prefix}service_circuit_breaker_state{{{pods}}}))"),
            self._query(f"{by} ({self._prefix}service_breaker_opened_timestamp_seconds{{{pods}}})"),
            self._query(f"{by} ({self._prefix}service_last_success_timestamp_seconds{{{pods}}})"),
            self._query(
                "sum by (pod, service_name) (increase("
                f'{self._prefix}service_requests_total{{{pods},status=~"{_ANSWERED}"}}[2m])) > 0'
            ),
        )
        (breakers, scraped, opened, last_success, successes), alerts, evaluations = await asyncio.gather(
            queries, self._alerts.get(), self._evaluations.get()
        )
        return Signals(
            firing=alerts.firing,
            breakers={
                pod: {backend: int(value) for backend, value in states.items()}
                for pod, states in _by_pod(breakers).items()
            },
            successes={pod: frozenset(backends) for pod, backends in _by_pod(successes).items()},
            opened=_times(opened),
            last_success=_times(last_success),
            scraped={
                PodName(sample.labels.get("pod", "")): _moment(sample.value)
                for sample in scraped
                if math.isfinite(sample.value)
            },
            pending=alerts.pending,
            evaluations=evaluations,
        )

    async def _query(self, expression: str) -> list[Sample]:
        return await self._prometheus.query(expression)

    async def _read_alerts(self) -> _Alerts:
        firing: Firing = {}
        pending: set[tuple[str, PodName, Backend]] = set()
        # The age of each sample: after a crash of Prometheus its last ones are shown for up to five minutes.
        for sample in await self._prometheus.query(f'time() - timestamp(ALERTS{{namespace="{self._namespace}"}})'):
            if sample.value > SAMPLE_AGE_LIMIT.total_seconds():
                continue
            labels = sample.labels
            pod = labels.get("pod", "")
            if labels.get("alertstate") == "firing":
                firing.setdefault(pod, []).append(_identity(sample))
            else:
                pending.add((labels.get("alertname", ""), PodName(pod), Backend(labels.get("service_name", ""))))
        return _Alerts(firing, frozenset(pending))

    async def _read_evaluations(self) -> dict[str, Evaluation]:
        """Return the rules' evaluations; nothing where Prometheus does not serve them, as some proxies do not."""
        try:
            return await self._prometheus.evaluations()
        except SourceError:
            return {}


def _identity(sample: Sample) -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in sample.labels.items() if name not in _OWN_LABELS)


def _by_pod(samples: list[Sample]) -> dict[PodName, dict[Backend, float]]:
    found: dict[PodName, dict[Backend, float]] = {}
    for sample in samples:
        pod, backend = sample.labels.get("pod", ""), sample.labels.get("service_name", "")
        if pod and backend and math.isfinite(sample.value):
            found.setdefault(PodName(pod), {})[Backend(backend)] = sample.value
    return found


def _times(samples: list[Sample]) -> dict[PodName, dict[Backend, datetime]] | None:
    """Return Unix times by pod and backend; 0 means never. ``None`` where there is no series at all."""
    if not samples:
        return None
    return {
        pod: {backend: _moment(value) for backend, value in values.items() if value > 0}
        for pod, values in _by_pod(samples).items()
    }


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(min(max(seconds, 0.0), _LATEST_SECONDS), UTC)
