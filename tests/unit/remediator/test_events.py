"""Events: what a person sees of a decision, and that losing one stops nothing."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

from kubernetes.aio import client

from remediator.events import QUEUE_LIMIT, EventRecorder, Note, ObjectReference, as_event
from remediator.kube import RefusedError

ABOUT = ObjectReference("apps/v1", "Deployment", "shop", "web", "uid")


def note(message: str = "web-a is replaced.") -> Note:
    return Note(ABOUT, "Normal", "RestartPods", "MinorityAffected", message, datetime(2026, 1, 1, tzinfo=UTC))


class Poster:
    def __init__(self) -> None:
        self.posted: list[str] = []

    async def post_event(self, body: client.CoreV1Event) -> None:
        if "refused" in body.message:
            raise RefusedError("post event", 403, "no")
        self.posted.append(body.message)


def test_event_names_action_reason_and_object() -> None:
    event = as_event(note(), "pod-1")
    assert (event.action, event.reason, event.type) == ("RestartPods", "MinorityAffected", "Normal")
    assert (event.involved_object.kind, event.involved_object.uid) == ("Deployment", "uid")
    assert event.metadata.name.startswith("web.")


def test_long_message_is_cut_to_what_the_api_server_takes() -> None:
    event = as_event(note("x" * 5000), "pod-1")
    assert len(event.message) == 1024


async def test_event_that_is_refused_does_not_stop_the_next() -> None:
    poster = Poster()
    recorder = EventRecorder(poster, "pod-1")
    task = asyncio.create_task(recorder.run())
    for message in ("first", "refused", "last"):
        recorder.note(note(message))
    await recorder.drain(5)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert poster.posted == ["first", "last"]


async def test_events_beyond_the_queue_are_dropped_without_waiting() -> None:
    poster = Poster()
    recorder = EventRecorder(poster, "pod-1")
    for number in range(QUEUE_LIMIT + 100):
        recorder.note(note(str(number)))
    task = asyncio.create_task(recorder.run())
    await recorder.drain(5)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert poster.posted == [str(number) for number in range(QUEUE_LIMIT)]
