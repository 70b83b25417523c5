"""Polling while another program uses the same bot."""

import asyncio
from typing import Any

import aiohttp
import pytest

from sandbox.telegram.webhook import WebhookSettings

PERSON = 1003


@pytest.fixture
def environment() -> dict[str, Any]:
    return {"update_mode": "polling"}


async def ready(town: Any) -> tuple[int, str]:
    url = f"http://127.0.0.1:{town.gateway.settings.port}/readyz"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def poll_as_another_program(town: Any, stop: asyncio.Event) -> None:
    """Call getUpdates in a loop, as a forgotten process with the same token does; handle nothing."""
    url = f"{town.gateway.settings.telegram_api_base}/bot{town.gateway.bot.token}/getUpdates"
    async with aiohttp.ClientSession() as session:
        while not stop.is_set():
            async with session.post(url, json={"timeout": 1}) as response:
                await response.read()


async def set_foreign_webhook(town: Any) -> None:
    await town.sandbox.telegram.set_webhook(WebhookSettings(url="http://127.0.0.1:9/other"))


async def test_updates_are_polled_and_confirmed_at_the_end(town) -> None:
    await town.say(PERSON, "/help")
    assert len(town.texts(PERSON)) == 1
    await town.gateway.stop()
    assert town.sandbox.telegram.queues.pending == 0


async def test_a_webhook_that_another_program_set_is_taken_back(town, logged, moved) -> None:
    conflicts = moved("polling_conflicts_total", reason="webhook")
    await town.say(PERSON, "/help")
    await set_foreign_webhook(town)
    await town.say(PERSON, "/help")
    assert town.sandbox.telegram.webhook.url == ""
    assert conflicts() == 1
    assert len([entry for entry in logged if entry["event"] == "polling_conflict"]) == 1


async def test_a_webhook_that_is_set_again_and_again_makes_the_replica_unready(town, logged) -> None:
    async with asyncio.timeout(90):
        while (await ready(town))[0] == 200:
            await set_foreign_webhook(town)
            await asyncio.sleep(0.2)
    assert await ready(town) == (503, "cannot poll: another program has set a webhook\n")
    await town.sandbox.telegram.set_webhook(WebhookSettings())
    async with asyncio.timeout(60):
        while (await ready(town))[0] != 200:  # noqa: ASYNC110 - the gateway tells by HTTP only
            await asyncio.sleep(0.2)


async def test_a_second_poller_is_counted_and_makes_the_replica_unready_until_it_stops(town, logged, moved) -> None:
    conflicts = moved("polling_conflicts_total", reason="poller")
    stop = asyncio.Event()
    other = asyncio.create_task(poll_as_another_program(town, stop))
    async with asyncio.timeout(90):
        while (await ready(town))[0] == 200:  # noqa: ASYNC110 - the gateway tells by HTTP only
            await asyncio.sleep(0.2)
    assert await ready(town) == (503, "cannot poll: another program polls for this bot\n")
    assert conflicts() >= 3
    assert [entry["reason"] for entry in logged if entry["event"] == "polling_conflict"] == [
        "another program polls for this bot"
    ]
    stop.set()
    await other
    async with asyncio.timeout(60):
        while (await ready(town))[0] != 200:  # noqa: ASYNC110 - the gateway tells by HTTP only
            await asyncio.sleep(0.2)
