"""What Prometheus says about the pods of a namespace: which alerts it confirms, breakers, successful calls."""

import asyncio
import math
from dataclasses import dataclass, field

from remediator.api.names import Backend, PodName
from remediator.intake.payload import Received
from remediator.intake.sources import Prometheus, Sample
from remediator.single_flight import SingleFlight

_ANSWERED = "[234].."
"""A backend that refuses a request (4xx) is reached all the same; its breaker counts that as a success too."""
_OWN_LABELS = ("__name__", "alertstate")
_PREFIX_LENGTH = 40

Firing = dict[str, list[frozenset[tuple[str, str]]]]


@dataclass(frozen=True, slots=True)
class Signals:
    """One reading of Prometheus."""

    firing: Firing = field(default_factory=dict)
    """The labels of each firing alert, by the pod that it names (or by the empty string)."""
    breakers: dict[PodName, dict[Backend, int]] = field(default_factory=dict)
    successes: dict[PodName, frozenset[Backend]] = field(default_factory=dict)

    def confirms(self, alert: Received) -> bool:
        """Tell whether Prometheus has the alert firing.

        Alertmanager may know more labels than Prometheus' own series has (external labels), never fewer.
        """
        labels = alert.labels.items()
        pod = alert.labels.get("pod", "")
        return any(series <= labels for name in {pod, ""} for series in self.firing.get(name, ()))


class SignalReader:
    """Asks for the signals of one namespace; ``prefix`` is how the names of the gateway's metrics start."""

    def __init__(self, prometheus: Prometheus, namespace: str, prefix: str) -> None:
        self._prometheus = prometheus
        self._namespace = namespace
        self._prefix = prefix
        self._firing = SingleFlight(self._read_firing)

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
        breakers, successes, firing = await asyncio.gather(
            self._prometheus.query(
                f"max by (pod, service_name) ({self._prefix}service_circuit_breaker_state{{{pods}}})"
            ),
            self._prometheus.query(
                "sum by (pod, service_name) (increase("
                f'{self._prefix}service_requests_total{{{pods},status=~"{_ANSWERED}"}}[2m])) > 0'
            ),
            self._firing.get(),
        )
        return Signals(
            firing=firing,
            breakers=_by_pod(breakers),
            successes={pod: frozenset(backends) for pod, backends in _by_pod(successes).items()},
        )

    async def _read_firing(self) -> Firing:
        found: Firing = {}
        for sample in await self._prometheus.query(f'ALERTS{{alertstate="firing",namespace="{self._namespace}"}}'):
            found.setdefault(sample.labels.get("pod", ""), []).append(_identity(sample))
        return found


def _identity(sample: Sample) -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in sample.labels.items() if name not in _OWN_LABELS)


def _by_pod(samples: list[Sample]) -> dict[PodName, dict[Backend, int]]:
    found: dict[PodName, dict[Backend, int]] = {}
    for sample in samples:
        pod, backend = sample.labels.get("pod", ""), sample.labels.get("service_name", "")
        if pod and backend and math.isfinite(sample.value):
            found.setdefault(PodName(pod), {})[Backend(backend)] = int(sample.value)
    return found
