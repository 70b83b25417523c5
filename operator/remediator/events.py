"""Kubernetes Events about decisions, on the policy and on the target.

An Event is for the person who runs ``kubectl describe``; the record is the remediation's status. So events
are posted behind the decisions' back, one after another, and an event that cannot be posted is only logged.
"""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

import structlog
from kubernetes.aio import client

from remediator.kube import KubeError

COMPONENT = "remediator"
QUEUE_LIMIT = 1000
_MESSAGE_LIMIT = 1024
_NAME_LIMIT = 230

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """What an Event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Note:
    """The content of one Event: ``reason`` is a CamelCase code, ``message`` a sentence for a person."""

    about: ObjectReference
    kind: Literal["Normal", "Warning"]
    action: str
    reason: str
    message: str
    at: datetime


class EventPoster(Protocol):
    """The one call that this module makes."""

    async def post_event(self, body: client.CoreV1Event) -> None:
        """Create an Event."""


class EventRecorder:
    """Posts notes in the order in which they were given."""

    def __init__(self, poster: EventPoster, instance: str) -> None:
        self._poster = poster
        self._instance = instance
        self._queue: asyncio.Queue[Note] = asyncio.Queue(QUEUE_LIMIT)

    def note(self, note: Note) -> None:
        """Take a note without waiting; where too many wait it is dropped, and the log says so."""
        try:
            self._queue.put_nowait(note)
        except asyncio.QueueFull:
            _log.warning("event dropped", reason=note.reason, about=f"{note.about.kind}/{note.about.name}")

    async def run(self) -> None:
        """Post for ever."""
        while True:
            note = await self._queue.get()
            try:
                await self._poster.post_event(as_event(note, self._instance))
            except KubeError as error:
                _log.warning("event not posted", reason=note.reason, error=str(error))
            finally:
                self._queue.task_done()

    async def drain(self, seconds: float) -> None:
        """Wait until all notes are posted, for at most ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                await self._queue.join()
        except TimeoutError:
            _log.warning("events left unposted", count=self._queue.qsize())


def as_event(note: Note, instance: str) -> client.CoreV1Event:
    """Return the Event of a note."""
    about = note.about
    message = note.message if len(note.message) <= _MESSAGE_LIMIT else note.message[: _MESSAGE_LIMIT - 1] + "…"
    return client.CoreV1Event(
        metadata=client.V1ObjectMeta(
            name=f"{about.name[:_NAME_LIMIT]}.{secrets.token_hex(8)}", namespace=about.namespace
        ),
        involved_object=client.V1ObjectReference(
            api_version=about.api_version,
            kind=about.kind,
            namespace=about.namespace,
            name=about.name,
            uid=about.uid,
        ),
        type=note.kind,
        reason=note.reason,
        message=message,
        action=note.action,
        event_time=note.at,
        first_timestamp=note.at,
        last_timestamp=note.at,
        count=1,
        reporting_component=COMPONENT,
        reporting_instance=instance,
        source=client.V1EventSource(component=COMPONENT),
    )
