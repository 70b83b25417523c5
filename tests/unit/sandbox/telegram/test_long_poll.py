"""getUpdates conflicts with a webhook and with another getUpdates."""

import asyncio

from sandbox.telegram.known_errors import KNOWN_ERRORS
from sandbox.telegram.long_poll import CONFLICT_SECONDS
from sandbox.telegram.webhook import WebhookSettings


async def test_a_second_poller_ends_the_first(api, users) -> None:
    first = asyncio.create_task(api("getUpdates", timeout=30))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(api("getUpdates", timeout=30))
    refused = await first
    assert refused["description"] == KNOWN_ERRORS["conflict_poller"].description
    users.say(1001, "hi")
    assert [update["message"]["text"] for update in await second] == ["hi"]


async def test_set_webhook_ends_a_poll(api, simulator) -> None:
    polling = asyncio.create_task(api("getUpdates", timeout=30))
    await asyncio.sleep(0.05)
    await simulator.set_webhook(WebhookSettings(url="http://127.0.0.1:9/webhook"))
    assert (await polling)["description"] == KNOWN_ERRORS["conflict_set_webhook"].description
    await simulator.set_webhook(WebhookSettings())


async def test_a_repeated_conflict_is_delayed(simulator, virtual_time) -> None:
    polls = simulator.long_poll
    polls._sleep = virtual_time.sleep
    started = virtual_time.now
    for _attempt in range(2):
        conflict = asyncio.create_task(polls.conflict("conflict_webhook"))
        await virtual_time.run_until(conflict.done)
        assert conflict.exception().code == 409
    assert virtual_time.now - started == CONFLICT_SECONDS


async def test_the_same_updates_are_given_one_by_one_to_a_bot_that_asks_again_at_once(api, users) -> None:
    for text in "abc":
        users.say(1001, text)
    assert len(await api("getUpdates", offset=0)) == 3
    assert len(await api("getUpdates", offset=0)) == 1


async def test_a_bot_that_asks_again_at_once_waits_although_it_did_not_ask_for_it(api, users, simulator) -> None:
    assert await api("getUpdates", offset=0) == []
    again = asyncio.create_task(api("getUpdates", offset=0))
    async with asyncio.timeout(30):
        while simulator.long_poll._ended is None:  # noqa: ASYNC110 - the simulator has no event for it
            await asyncio.sleep(0)
    users.say(1001, "hi")
    assert [update["message"]["text"] for update in await again] == ["hi"]


async def test_a_negative_offset_keeps_the_last_updates(api, users) -> None:
    for text in "abc":
        users.say(1001, text)
    assert [update["message"]["text"] for update in await api("getUpdates", offset=-1)] == ["c"]
