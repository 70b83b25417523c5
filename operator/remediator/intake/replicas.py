"""A highly available pair: several replicas of Alertmanager, or several of Prometheus, asked as one.

What one replica has firing fires. That something does *not* fire needs the answer of every replica, so a reading in
which one of them is missing says so and proves no absence.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from remediator.intake.payload import Received, ReceivedState
from remediator.intake.sources import Polled, SourceError

T = TypeVar("T")


class AlertSource(Protocol):
    """Alertmanager, or several as one."""

    async def poll(self, receiver: str = "") -> Polled:
        """Return the alerts; raises SourceError when there is no usable answer."""


class AlertmanagerReplicas:
    """Several replicas of Alertmanager as one."""

    def __init__(self, replicas: Sequence[AlertSource]) -> None:
        self._replicas = replicas

    async def poll(self, receiver: str = "") -> Polled:
        """Return the alerts of every replica that answers.

        Raises:
            SourceError: when none of them answers.
        """
        found, complete = await ask_all([replica.poll(receiver) for replica in self._replicas])
        muted = [item.muted for item in found if item.muted is not None]
        return Polled(
            alerts=list(_merged(alert for item in found for alert in item.alerts).values()),
            malformed=max(item.malformed for item in found),
            started_at=_youngest([item.started_at for item in found]),
            muted=frozenset().union(*muted) if muted else None,
            complete=complete,
        )


async def ask_all(questions: Sequence[Coroutine[Any, Any, T]]) -> tuple[list[T], bool]:
    """Return the answers there are, and whether all of them are there.

    Raises:
        SourceError: when there is none.
    """
    answers = await asyncio.gather(*questions, return_exceptions=True)
    found: list[T] = []
    errors: list[SourceError] = []
    for answer in answers:
        if isinstance(answer, SourceError):
            errors.append(answer)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found.append(answer)
    if not found:
        raise SourceError("; ".join(str(error) for error in errors), max(error.retry_after for error in errors))
    return found, not errors


def _merged(alerts: Iterable[Received]) -> dict[str, Received]:
    """Return each alert once. Silences travel between the replicas, so one that knows of a silence is the newer one."""
    found: dict[str, Received] = {}
    for alert in alerts:
        known = found.get(alert.fingerprint, alert)
        is_suppressed = ReceivedState.SUPPRESSED in {alert.state, known.state}
        state = ReceivedState.SUPPRESSED if is_suppressed else alert.state
        earlier = min(alert.starts_at, known.starts_at)
        found[alert.fingerprint] = replace(alert, state=state, starts_at=earlier)
    return found


def _youngest(starts: list[datetime | None]) -> datetime | None:
    """Return the latest start: a replica that is younger than the resolve timeout may lack alerts that still fire."""
    return max((start for start in starts if start is not None), default=None) if None not in starts else None
