"""Which failed calls of the Bot API are repeated: never one that has had its effect."""

import pytest


async def test_a_reply_reaches_the_user(town) -> None:
    await town.say(1001, "/help")
    assert len(town.texts(1001)) == 1


@pytest.mark.parametrize("error", ["immediately_deleted", "closed_after"])
async def test_a_message_that_was_sent_is_not_sent_again(town, error: str) -> None:
    town.fail(error, method="sendMessage", chat_id=1001, count=1)
    await town.say(1001, "/help")
    assert len(town.texts(1001)) == 1


async def test_an_immediately_deleted_message_makes_no_dead_letter(town) -> None:
    town.fail("immediately_deleted", method="sendMessage")
    await town.say(1001, "/help")
    assert await town.gateway.dead_letters.count_or_nan() == 0


@pytest.mark.parametrize("error", ["restart", "closed_before", "too_many_requests"])
async def test_a_message_that_was_not_sent_is_sent_again(town, error: str) -> None:
    town.fail(error, method="sendMessage", chat_id=1001, count=1, retry_after=1)
    await town.say(1001, "/help")
    expected = 0 if error == "closed_before" else 1
    # Nobody knows whether a call on a closed connection arrived, so it is not repeated.
    assert len(town.texts(1001)) == expected
