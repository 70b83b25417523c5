"""Every documented error happens on demand, by method, chat and count."""

import aiohttp
import pytest
from pydantic import ValidationError

from sandbox.telegram.injected_errors import ErrorSpec
from sandbox.telegram.known_errors import KNOWN_ERRORS

CHAT = 1001


@pytest.mark.parametrize("name", [name for name, known in KNOWN_ERRORS.items() if known.code])
async def test_a_known_error_on_demand(api, simulator, name: str) -> None:
    simulator.errors.add(ErrorSpec(errors=[name], method="sendMessage", chat_id=CHAT, count=1, retry_after=4))
    known = KNOWN_ERRORS[name]
    refused = await api("sendMessage", chat_id=CHAT, text="hi")
    assert (refused["error_code"], refused["description"]) == (known.code, known.description.format(retry_after=4))
    assert refused.get("parameters", {}).get("retry_after") == (4 if known.code == 429 else None)
    assert len(simulator.chats.private(CHAT).messages) == int(known.performed)
    assert (await api("sendMessage", chat_id=CHAT, text="again"))["text"] == "again"


@pytest.mark.parametrize("method", ["getMe", "getUpdates", "sendPhoto", "editMessageText", "answerCallbackQuery"])
async def test_any_method_may_be_limited(api, simulator, method: str) -> None:
    simulator.errors.add(ErrorSpec(errors=["too_many_requests"], method=method, count=1, retry_after=7))
    refused = await api(method, chat_id=CHAT)
    assert (refused["error_code"], refused["parameters"]) == (429, {"retry_after": 7})


@pytest.mark.parametrize(("name", "sent"), [("closed_before", 0), ("closed_after", 1)])
async def test_a_connection_can_be_closed_before_or_after_the_call(api, simulator, name: str, sent: int) -> None:
    simulator.errors.add(ErrorSpec(errors=[name], count=1))
    with pytest.raises(aiohttp.ClientError):
        await api("sendMessage", chat_id=CHAT, text="hi")
    assert len(simulator.chats.private(CHAT).messages) == sent


async def test_method_chat_and_ratio_limit_an_error(api, simulator) -> None:
    simulator.errors.add(ErrorSpec(errors=["blocked"], method="sendPhoto"))
    simulator.errors.add(ErrorSpec(errors=["blocked"], chat_id=1002))
    assert (await api("sendMessage", chat_id=CHAT, text="hi"))["text"] == "hi"
    assert (await api("sendMessage", chat_id=1002, text="hi"))["error_code"] == 403


def test_an_unknown_error_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValidationError, match="unknown errors nonsense; known are immediately_deleted"):
        ErrorSpec(errors=["nonsense"])


async def test_an_immediately_deleted_message_counts_as_sent(api, simulator) -> None:
    simulator.errors.add(ErrorSpec(errors=["immediately_deleted"]))
    await api("sendMessage", chat_id=CHAT, text="hi")
    assert simulator.ledger.summary()["sends"]["total"] == 1
