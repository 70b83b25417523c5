"""What becomes of the bytes of an update, however they came."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from aiogram import Bot
from aiogram.types import Update

from app.delivery.dead_letters import DeadLetterReason, DeadLetters
from app.delivery.intake import Intake, InvalidUpdateError, parse_update
from app.delivery.pipeline import Outcome
from support.dead_letters import StoredLetters

Sample = Callable[..., float]
USER = {"id": 1001, "is_bot": False, "first_name": "A"}
MESSAGE = {"message_id": 1, "date": 0, "chat": {"id": 1001, "type": "private"}, "from": USER, "text": "a"}
UPDATE = orjson.dumps({"update_id": 7, "message": MESSAGE})
INVALID = [
    (b"", DeadLetterReason.INVALID_JSON),
    (b"\xff\xfe", DeadLetterReason.INVALID_JSON),
    (b"NaN", DeadLetterReason.INVALID_JSON),
    (b"null", DeadLetterReason.INVALID_UPDATE),
    (b'{"update_id": 7}', DeadLetterReason.INVALID_UPDATE),
    (b'{"update_id": 7, "from_the_future": {}}', DeadLetterReason.INVALID_UPDATE),
    (b'{"update_id": 7, "message": {}}', DeadLetterReason.INVALID_UPDATE),
    (b'{"update_id": 7, "message": ' + b'{"reply_to_message": ' * 900 + b"{}" + b"}" * 901, None),
]


class PipelineStub:
    """Answers as it is told."""

    def __init__(self) -> None:
        self.outcome = Outcome.HANDLED
        self.seen: list[tuple[int, str]] = []

    async def handle(
        self, update: Update, message_type: str, store_dead_letter: Callable[[], Awaitable[bool]]
    ) -> Outcome:
        self.seen.append((update.update_id, message_type))
        if self.outcome is Outcome.FAILED:
            await store_dead_letter()
        return self.outcome


@pytest.fixture
def bot() -> Bot:
    return Bot("42:AAF-known-token-of-the-tests")


@pytest.fixture
def letters() -> DeadLetters:
    return StoredLetters()


@pytest.fixture
def pipeline() -> PipelineStub:
    return PipelineStub()


@pytest.fixture
def intake(pipeline: PipelineStub, bot: Bot, letters: DeadLetters) -> Intake:
    return Intake(pipeline, bot, letters, message_type=lambda _update: "text")  # type: ignore[arg-type]  # a stub


def test_an_update_knows_its_bot(bot: Bot) -> None:
    update = parse_update(UPDATE, bot)
    assert update.message is not None
    assert (update.update_id, update.message.text, update.message.bot) == (7, "a", bot)


@pytest.mark.parametrize(("body", "reason"), INVALID)
def test_what_is_no_update_is_told_by_its_reason(bot: Bot, body: bytes, reason: DeadLetterReason | None) -> None:
    with pytest.raises(InvalidUpdateError) as raised:
        parse_update(body, bot)
    assert reason is None or raised.value.reason is reason
    # A message of the parser's would quote what a user wrote.
    assert str(raised.value) == raised.value.reason


async def test_an_update_goes_to_the_pipeline_and_is_timed(
    intake: Intake, pipeline: PipelineStub, letters: DeadLetters, sample: Sample
) -> None:
    before = sample("message_processing_duration_seconds_count")
    assert await intake.take(UPDATE) is Outcome.HANDLED
    assert pipeline.seen == [(7, "text")]
    assert sample("message_processing_duration_seconds_count") == before + 1
    assert await letters.count_or_nan() == 0


@pytest.mark.parametrize("outcome", [Outcome.DUPLICATE, Outcome.BUSY, Outcome.UNAVAILABLE])
async def test_what_was_not_handled_is_neither_timed_nor_stored_as_a_dead_letter(
    intake: Intake, pipeline: PipelineStub, letters: DeadLetters, sample: Sample, outcome: Outcome
) -> None:
    pipeline.outcome = outcome
    before = sample("message_processing_duration_seconds_count")
    assert await intake.take(UPDATE) is outcome
    assert sample("message_processing_duration_seconds_count") == before
    assert await letters.count_or_nan() == 0


async def test_a_failed_update_is_stored_as_a_dead_letter_as_it_came(
    intake: Intake, pipeline: PipelineStub, letters: DeadLetters
) -> None:
    pipeline.outcome = Outcome.FAILED
    assert await intake.take(UPDATE) is Outcome.FAILED
    [letter] = await letters.list(10)
    assert (letter.reason, letter.body) == ("handler_failed", UPDATE)


@pytest.mark.parametrize(("keep", "kept"), [(True, 1), (False, 0)])
async def test_an_invalid_update_is_counted_and_kept_only_where_its_sender_is_known(
    intake: Intake, pipeline: PipelineStub, letters: DeadLetters, sample: Sample, keep: bool, kept: int
) -> None:
    before = sample("errors_total", error_type="invalid_update", severity="warning")
    assert await intake.take(b"{", keep=keep) is Outcome.INVALID
    assert pipeline.seen == []
    assert sample("errors_total", error_type="invalid_update", severity="warning") == before + 1
    assert await letters.count_or_nan() == kept


async def test_the_deepest_json_is_a_response_too(intake: Intake, letters: DeadLetters) -> None:
    deepest: Any = b"[" * 100_000
    assert await intake.take(deepest) is Outcome.INVALID
    assert await letters.count_or_nan() == 1
