"""The signals of several replicas of Prometheus as one reading; each scrapes and evaluates for itself."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from remediator.api.names import Backend, PodName
from remediator.intake.replicas import ask_all
from remediator.observe.signals import Firing, Signals

V = TypeVar("V", int, datetime)


class SignalSource(Protocol):
    """Prometheus' signals, of one replica or of several."""

    async def prove(self) -> bool:
        """Ask something that always has an answer; raises SourceError when there is none."""

    async def read(self, workload: str) -> Signals:
        """Return the signals of one workload; raises SourceError when a query has no answer."""


class SignalReplicas:
    """Several replicas of Prometheus as one."""

    def __init__(self, replicas: Sequence[SignalSource]) -> None:
        self._replicas = replicas

    async def prove(self) -> bool:
        """Tell whether any replica answers; raises SourceError when none does."""
        found, _ = await ask_all([replica.prove() for replica in self._replicas])
        return any(found)

    async def read(self, workload: str) -> Signals:
        """Return what the replicas that answer say; raises SourceError when none does."""
        found, complete = await ask_all([replica.read(workload) for replica in self._replicas])
        return merge_signals(found, complete=complete)


def merge_signals(readings: Sequence[Signals], *, complete: bool) -> Signals:
    """Return one reading: whatever one replica has firing or open, and the oldest time by which all of them looked."""
    firing: Firing = {}
    for reading in readings:
        for pod, series in reading.firing.items():
            firing.setdefault(pod, []).extend(series)
    successes: dict[PodName, frozenset[Backend]] = {}
    for reading in readings:
        for name, backends in reading.successes.items():
            successes[name] = successes.get(name, frozenset()) | backends
    scraped = [reading.scraped for reading in readings]
    evaluations = [reading.evaluations for reading in readings]
    return Signals(
        firing=firing,
        breakers=_newest(reading.breakers for reading in readings),
        successes=successes,
        opened=_newest_times(reading.opened for reading in readings),
        last_success=_newest_times(reading.last_success for reading in readings),
        scraped={pod: min(item[pod] for item in scraped) for pod in _in_all(scraped)},
        pending=frozenset().union(*(reading.pending for reading in readings)),
        evaluations={
            name: min((item[name] for item in evaluations), key=lambda item: item.at) for name in _in_all(evaluations)
        },
        complete=complete,
    )


def _in_all(readings: Sequence[dict[Any, Any]]) -> set[Any]:
    return set.intersection(*(set(reading) for reading in readings))


def _newest(readings: Iterable[dict[PodName, dict[Backend, V]]]) -> dict[PodName, dict[Backend, V]]:
    """Return the highest value of each pod and backend: an open breaker before a closed one, a later time."""
    found: dict[PodName, dict[Backend, V]] = {}
    for reading in readings:
        for pod, values in reading.items():
            known = found.setdefault(pod, {})
            for backend, value in values.items():
                known[backend] = max(value, known.get(backend, value))
    return found


def _newest_times(
    readings: Iterable[dict[PodName, dict[Backend, datetime]] | None],
) -> dict[PodName, dict[Backend, datetime]] | None:
    known = [reading for reading in readings if reading is not None]
    return _newest(known) if known else None
