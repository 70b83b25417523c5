import math
from collections.abc import Callable
from typing import Any

import pytest
from aiogram import Bot
from redis.asyncio import Redis
from structlog.testing import capture_logs

from app.core.election import Election
from app.core.settings import Settings
from app.telegram.registration import INTERVAL_SECONDS, WebhookRegistration

Make = Callable[..., Settings]
Sample = Callable[..., float]
URL = "https://bot.example.org/webhook"


def info(url: str = URL, pending: int = 0, **more: Any) -> tuple[int, Any]:
    result = {
        "url": url,
        "has_custom_certificate": False,
        "pending_update_count": pending,
        "max_connections": 100,
        "allowed_updates": ["message"],
        **more,
    }
    return 200, {"ok": True, "result": result}


DONE = (200, {"ok": True, "result": True})


@pytest.fixture
def register(bot: Bot, redis: Redis, make_settings: Make) -> Callable[..., WebhookRegistration]:
    def make(**settings: Any) -> WebhookRegistration:
        election = Election(redis, "elect", seconds=45)
        configured = make_settings(**{"webhook_url": URL, "webhook_secret": "s3cret", **settings})
        return WebhookRegistration(
            bot, election, configured, redis=redis, registered_by="registered_by", allowed_updates=["message"]
        )

    return make


async def test_the_elected_replica_sets_it_and_keeps_what_waits(
    register: Callable[..., WebhookRegistration], bot_api: Any
) -> None:
    bot_api.responses = [info(url=""), DONE, info()]
    registration = register()
    await registration.check()
    assert [name for name, _ in bot_api.calls] == ["getWebhookInfo", "setWebhook", "getWebhookInfo"]
    assert bot_api.calls[1][1] == {
        "url": URL,
        "max_connections": 100,
        "allowed_updates": ["message"],
        "drop_pending_updates": False,
        "secret_token": "s3cret",
    }
    await registration.check()
    assert [name for name, _ in bot_api.calls[3:]] == ["getWebhookInfo"]


@pytest.mark.parametrize("wrong", [{"url": ""}, {"max_connections": 40}, {"allowed_updates": ["poll"]}])
async def test_what_someone_changed_is_set_right(
    register: Callable[..., WebhookRegistration], bot_api: Any, wrong: dict[str, Any]
) -> None:
    registration = register()
    bot_api.responses = [info(), DONE, info()]
    await registration.check()
    bot_api.calls.clear()
    bot_api.responses = [info(**wrong), DONE, info()]
    await registration.check()
    assert [name for name, _ in bot_api.calls] == ["getWebhookInfo", "setWebhook", "getWebhookInfo"]


async def test_others_do_not_ask_and_know_nothing(
    register: Callable[..., WebhookRegistration], bot_api: Any, sample: Sample
) -> None:
    bot_api.responses = [info(), DONE, info(pending=7, last_error_date=1_700_000_000)]
    first, second = register(), register()
    await first.check()
    assert sample("webhook_pending_updates") == 7
    assert sample("webhook_last_error_timestamp_seconds") == 1_700_000_000
    bot_api.calls.clear()
    await second.check()
    assert bot_api.calls == []
    assert math.isnan(sample("webhook_pending_updates"))


async def test_without_an_address_it_only_watches(
    register: Callable[..., WebhookRegistration], bot_api: Any, sample: Sample
) -> None:
    bot_api.responses = [info(url="https://elsewhere", pending=3)]
    await register(webhook_url=None).check()
    assert [name for name, _ in bot_api.calls] == ["getWebhookInfo"]
    assert sample("webhook_pending_updates") == 3


async def test_telegram_being_down_is_only_logged(
    register: Callable[..., WebhookRegistration], bot_api: Any, sample: Sample
) -> None:
    bot_api.responses = [(502, b"<html>")]
    with capture_logs() as logs:
        await register().check()
    assert [entry["event"] for entry in logs] == ["webhook_not_checked"]
    assert math.isnan(sample("webhook_pending_updates"))


async def test_a_local_server_is_asked_for_as_many_connections_as_it_allows(
    register: Callable[..., WebhookRegistration], bot_api: Any
) -> None:
    bot_api.responses = [info(url=""), DONE, info(max_connections=100_000)]
    registration = register(telegram_max_connections=100_000)
    await registration.check()
    assert bot_api.calls[1][1]["max_connections"] == 100_000
    bot_api.responses = [info(max_connections=100_000)]
    await registration.check()
    assert [name for name, _ in bot_api.calls[3:]] == ["getWebhookInfo"]


async def test_a_former_leader_that_registers_an_old_secret_is_overruled(
    register: Callable[..., WebhookRegistration], bot_api: Any, redis: Redis
) -> None:
    """The former leader was paused between its check of the election and setWebhook."""
    former, leader = register(webhook_secret="old"), register(webhook_secret="new")
    bot_api.responses = [info(), DONE, info()]
    await former.check()
    await redis.delete("elect")
    bot_api.responses = [info(), DONE, info()]
    await leader.check()
    bot_api.responses = [DONE]
    await former._set(URL)
    bot_api.calls.clear()
    bot_api.responses = [info(), DONE, info()]
    await leader.check()
    assert [name for name, _ in bot_api.calls] == ["getWebhookInfo", "setWebhook", "getWebhookInfo"]
    assert bot_api.calls[1][1]["secret_token"] == "new"


async def test_a_refused_update_makes_the_leader_register_its_secret_again_once(
    register: Callable[..., WebhookRegistration], bot_api: Any
) -> None:
    registration = register()
    bot_api.responses = [info(), DONE, info()]
    await registration.check()
    refused = info(
        last_error_date=1_700_000_000, last_error_message="Wrong response from the webhook: 401 Unauthorized"
    )
    bot_api.responses = [refused, DONE, refused]
    await registration.check()
    bot_api.calls.clear()
    bot_api.responses = [refused]
    await registration.check()
    assert [name for name, _ in bot_api.calls] == ["getWebhookInfo"]


async def test_a_new_leader_checks_at_once_and_then_every_interval(
    bot: Bot, bot_api: Any, redis: Redis, make_settings: Make
) -> None:
    now = 1000.0
    former = Election(redis, "elect", seconds=45)
    assert await former.leads()
    registration = WebhookRegistration(
        bot,
        Election(redis, "elect", seconds=45),
        make_settings(webhook_url=URL),
        redis=redis,
        registered_by="registered_by",
        allowed_updates=["message"],
        clock=lambda: now,
    )
    await registration.run_once()
    assert bot_api.calls == []
    await former.resign()
    bot_api.responses = [info(), DONE, info(), info()]
    await registration.run_once()
    assert [name for name, _ in bot_api.calls] == ["getWebhookInfo", "setWebhook", "getWebhookInfo"]
    now += INTERVAL_SECONDS - 1
    await registration.run_once()
    assert len(bot_api.calls) == 3
    now += 1
    await registration.run_once()
    assert len(bot_api.calls) == 4
