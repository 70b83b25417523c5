"""What does not go well, with what each failure moves; `world` and `watch` are those of test_every_metric."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp
from redis.asyncio import Redis

from sandbox.faults import FaultSpec
from sandbox.telegram.webhook import WebhookSettings
from support.metric_moves import (
    action,
    answered,
    button,
    command,
    one,
    redis,
    service,
    telegram,
    update,
    verified,
)
from support.metric_user_actions import ADMIN, Acts
from support.metric_watch import MetricWatch, Moves

SECRET = {"X-Telegram-Bot-Api-Secret-Token": "known-webhook-secret"}
HELP = {
    "message_id": 1,
    "date": 1,
    "chat": {"id": 1003, "type": "private"},
    "from": {"id": 1003, "is_bot": False, "first_name": "A", "language_code": "en"},
    "text": "/help",
}


def update_body(update_id: int, **changes: Any) -> bytes:
    """An update as Telegram posts it: /help of an applicant who speaks English."""
    return json.dumps({"update_id": update_id, "message": {**HELP, **changes}}).encode()


def posted(outcome: str, *more: Moves) -> tuple[Moves, ...]:
    """A post that came to no handler."""
    return (one("webhook_requests_total", outcome=outcome), {"webhook_request_duration_seconds_count": 1}, *more)


async def post(url: str, body: bytes, headers: dict[str, str] | None = None) -> int:
    """The status of one post."""
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as response:
        return response.status


class Later:
    """Acts that are to be awaited: `MetricWatch` does them and its `settle` awaits them."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[int]] = []
        self.statuses: list[int] = []

    def post(self, url: str, body: bytes, headers: dict[str, str] | None = None) -> Any:
        return lambda: self._tasks.append(asyncio.create_task(post(url, body, headers)))

    async def done(self) -> None:
        while self._tasks:
            self.statuses.append(await self._tasks.pop(0))


async def what_is_posted_to_the_webhook(world: Any, watch: MetricWatch, later: Later) -> None:
    url, invalid = f"{watch.url}/webhook", one("errors_total", error_type="invalid_update", severity="warning")

    def dead_letter(reason: str) -> tuple[Moves, ...]:
        return posted("invalid", invalid, one("dead_letters_total", reason=reason), redis("dead_letters"))

    role = "applicant"
    handled = (update("command", role, "en"), command("help", role), action("help", role), answered())
    await watch.exactly(later.post(url, update_body(10**9), SECRET), *handled, verified(role))
    duplicate = posted("duplicate", redis("claim"), {"duplicate_updates_total": 1})
    await watch.exactly(later.post(url, update_body(10**9), SECRET), *duplicate)
    await watch.exactly(later.post(url, b"{", SECRET), *dead_letter("invalid_json"))
    await watch.exactly(later.post(url, b'{"update_id": 1}', SECRET), *dead_letter("invalid_update"))
    too_large = posted("too_large", invalid, one("dead_letters_total", reason="too_large"), redis("dead_letters"))
    await watch.exactly(later.post(url, b"x" * (1024 * 1024 + 1), SECRET), *too_large)
    await watch.exactly(later.post(url, update_body(10**9 + 1)), *posted("unauthorized"))
    wrong = dict.fromkeys(SECRET, "another-secret")
    await watch.exactly(later.post(url, update_body(10**9 + 1), wrong), *posted("unauthorized"))
    encoded = SECRET | {"Content-Encoding": "gzip"}
    await watch.exactly(later.post(url, update_body(10**9 + 1), encoded), *posted("unsupported"))
    assert later.statuses == [200, 200, 200, 200, 200, 401, 401, 415]
    await watch.shows(lambda now: now["dead_letters_queued"] == 3, "dead_letters_queued")


async def a_fault_of_ours(world: Any, watch: MetricWatch, acts: Acts) -> None:
    """A dialogue whose data another version of the bot left behind."""
    client: Redis = Redis.from_url(world.redis.url)
    key = f"bg:{{42:{ADMIN}}}:fsm:{ADMIN}"
    await client.hset(key, mapping={"state": "BroadcastDialog:text", "data": '{"role": "emperor"}'})
    await client.aclose()
    await watch.exactly(
        acts.say(ADMIN, "Hello"),
        *(update("text", "admin", outcome="failed"), answered(), one("exceptions_total", exception_type="ValueError")),
        one("errors_total", error_type="handler_failed", severity="error"),
        *(one("dead_letters_total", reason="handler_failed"), redis("dead_letters", 2)),
    )


async def telegram_refuses(world: Any, watch: MetricWatch, acts: Acts) -> None:
    who, role = 1004, "applicant"
    fault = world.sandbox.faults.add(FaultSpec(service="telegram", kind="error", status=400))
    await watch.exactly(
        acts.say(who, "/help"),
        *(update("command", role, outcome="failed"), command("help", role), verified(role)),
        *(telegram("sendMessage", status="400"), one("errors_total", error_type="telegram_failed", severity="error")),
        *(one("dead_letters_total", reason="handler_failed"), redis("dead_letters", 2)),
    )
    world.sandbox.faults.remove(fault.id)


async def what_backends_post(world: Any, watch: MetricWatch, later: Later) -> None:
    url, token = f"{watch.url}/internal/notify", {"Authorization": "Bearer known-service-token-of-the-tests"}
    event = {"type": "request_status_changed", "request_id": 1, "request_number": "R-1", "status": "done"}

    def body(event_id: str, telegram_id: int = 1001) -> bytes:
        return json.dumps({**event, "event_id": event_id, "telegram_id": telegram_id, "language": "ru"}).encode()

    def result(name: str) -> Moves:
        return one("notifications_total", result=name)

    sent = (result("sent"), answered(), redis("notify", 2))
    await watch.exactly(later.post(url, body("e1"), token), *sent)
    await watch.exactly(later.post(url, body("e1"), token), result("duplicate"), redis("notify", 2))
    await watch.exactly(later.post(url, b"{}", token), result("invalid"))
    await watch.exactly(later.post(url, body("e2")), result("unauthorized"))
    world.sandbox.telegram.chats.private(1009).blocked = True
    blocked = (result("blocked"), telegram("sendMessage", status="403"), redis("notify", 2))
    await watch.exactly(later.post(url, body("e3", 1009), token), *blocked)
    fault = world.sandbox.faults.add(FaultSpec(service="telegram", kind="down"))
    # The connection is closed without a response: the message may have been sent, so the backend is not to repeat it.
    in_doubt = (result("sent"), one("errors_total", error_type="telegram_failed", severity="error"))
    lost = (*in_doubt, telegram("sendMessage", status="error"), redis("notify", 2))
    await watch.exactly(later.post(url, body("e4"), token), *lost)
    world.sandbox.faults.remove(fault.id)
    fault = world.sandbox.faults.add(FaultSpec(service="telegram", kind="error", status=404))
    failed = (result("failed"), telegram("sendMessage", status="404"), redis("notify", 2))
    await watch.exactly(later.post(url, body("e6"), token), *failed)
    world.sandbox.faults.remove(fault.id)
    fault = world.sandbox.faults.add(FaultSpec(service="telegram", kind="error", status=429, retry_after=60))
    queued = (result("queued"), telegram("sendMessage", status="429"), redis("notify", 2))
    await watch.exactly(later.post(url, body("e5"), token), *queued, {"telegram_retry_after_seconds_total": 60})
    world.sandbox.faults.remove(fault.id)
    await watch.shows(lambda now: now["outbox_messages"] == 1, "outbox_messages")


async def a_backend_is_down(world: Any, watch: MetricWatch, acts: Acts) -> None:
    """Three calls fail, the breaker opens, the next is refused, and it closes by itself when the backend is back."""
    who, role = 1001, "applicant"
    name = {"service_name": "request"}
    began = time.time()
    fault = world.sandbox.faults.add(FaultSpec(service="request", kind="error", status=503))
    pressed = update("callback_query", role, outcome="degraded")
    asked = (pressed, button("request_open", role), telegram("answerCallbackQuery"))
    failed = one("errors_total", error_type="backend_unavailable", severity="warning")
    refused = one("service_errors_total", error_type="circuit_open", **name)
    opened = one("service_circuit_breaker_transitions_total", to_state="open", **name)
    await watch.exactly(acts.say(who, "/help"), *_help(role), verified(role))
    await watch.exactly(
        acts.press(who, "ro:1:1"),
        *(*asked, failed, service("request", "GET", "503", times=3)),
        *({'service_errors_total{error_type="server_error",service_name="request"}': 3}, opened),
        {'service_retries_total{service_name="request"}': 2},
    )
    state = 'service_circuit_breaker_state{service_name="request"}'
    now = await watch.samples()
    assert now[state] == 1
    assert began <= now['service_breaker_opened_timestamp_seconds{service_name="request"}'] <= time.time()
    assert now['service_last_success_timestamp_seconds{service_name="auth"}'] > began
    # A replica without peers is never an outlier.
    assert now['service_outlier{service_name="request"}'] == 0
    watch.moved |= {
        *("service_breaker_opened_timestamp_seconds", "service_last_success_timestamp_seconds", "service_outlier"),
    }
    await watch.exactly(acts.press(who, "ro:1:1"), *asked, failed, refused)
    world.sandbox.faults.remove(fault.id)
    closed = 'service_circuit_breaker_transitions_total{service_name="request",to_state="closed"}'
    after = await watch.shows(lambda now: now[state] == 0 and now[closed] == 1, "service_circuit_breaker_state")
    # The breaker's own probes are no requests of users.
    assert after['service_requests_total{method="GET",service_name="request",status="503"}'] == 3


def _help(role: str) -> tuple[Moves, ...]:
    return (update("command", role), command("help", role), action("help", role), answered())


async def one_backend_takes_too_long(world: Any, watch: MetricWatch, acts: Acts) -> None:
    """The second call in the same moment finds no place; what is in flight is seen meanwhile."""
    await watch.exactly(acts.say(1004, "/help"), *_help("applicant"), verified("applicant"))
    fault = world.sandbox.faults.add(FaultSpec(service="request", kind="latency", latency_seconds=1.5))
    for user in (1001, 1004):
        acts.press(user, "ro:1:1")()
    await watch.shows(lambda now: now["webhook_in_flight"] == 1, "webhook_in_flight")
    await watch.settle()
    world.sandbox.faults.remove(fault.id)
    now = await watch.samples()
    assert now["webhook_in_flight"] == 0
    assert now['service_bulkhead_rejections_total{service_name="request"}'] == 1
    assert now['service_errors_total{error_type="bulkhead_full",service_name="request"}'] == 1
    watch.moved.add("service_bulkhead_rejections_total")


async def auth_is_down(world: Any, watch: MetricWatch, acts: Acts) -> None:
    """A user who is known from before is served; an unknown one gets an error message."""
    who, role = 1001, "applicant"
    client: Redis = Redis.from_url(world.redis.url)
    await client.hset(f"bg:{{42:{who}}}:ident:{who}", "stored_at", int(time.time() - 600) * 1000)
    await client.aclose()
    fault = world.sandbox.faults.add(FaultSpec(service="auth", kind="error", status=500))
    error = one("service_errors_total", error_type="server_error", service_name="auth")
    failing = (service("auth", "POST", "500"), error)
    stale = one("auth_attempts_total", result="stale", user_role=role)
    await watch.exactly(acts.say(who, "/help"), *_help(role), *failing, stale)
    refused = update(
        "command", "unknown", outcome="degraded", middlewares=("metrics", "addressed", "i18n", "rate_limit", "auth")
    )
    await watch.exactly(
        acts.say(5004, "/help"),
        *(refused, command("help", "unknown"), answered(), *failing),
        one("auth_attempts_total", result="failure", user_role="unknown"),
        one("errors_total", error_type="backend_unavailable", severity="warning"),
    )
    world.sandbox.faults.remove(fault.id)


async def more_than_it_can_take(world: Any, watch: MetricWatch, later: Later, most: int) -> None:
    """More chats than may be in flight, and two updates of one chat at once; only Telegram is slow."""
    url = f"{watch.url}/webhook"
    fault = world.sandbox.faults.add(FaultSpec(service="telegram", kind="latency", latency_seconds=1))
    before = await watch.samples()

    def of(number: int, user: int) -> None:
        person = {"id": user, "is_bot": False, "first_name": "A"}
        body = update_body(3 * 10**9 + number, chat={"id": user, "type": "private"}, **{"from": person})
        later.post(url, body, SECRET)()

    for number, user in enumerate([1011, 1011]):
        of(number, user)
        await watch.shows(lambda now: now["webhook_in_flight"] >= 1, "webhook_in_flight")
    await later.done()
    for number in range(most + 2):
        of(10 + number, 1012 + number)
    await later.done()
    world.sandbox.faults.remove(fault.id)
    after = await watch.samples()
    # The Auth Service's only slot is in use, so that some of the new users get an error message.
    for outcomes, times in ((("busy",), 1), (("overloaded",), 2), (("handled", "degraded"), 1 + most)):
        names = [f'webhook_requests_total{{outcome="{outcome}"}}' for outcome in outcomes]
        assert sum(after[name] - before[name] for name in names) == times, outcomes
    assert sorted(later.statuses)[-3:] == [503, 503, 503]


async def a_webhook_of_another_program(world: Any, watch: MetricWatch) -> None:
    """One poll is refused; then the webhook is gone."""
    conflicts = 'polling_conflicts_total{reason="webhook"}'
    # The gateway polls once it has deleted the sandbox's own webhook.
    await watch.shows(lambda now: now.get('telegram_requests_total{method="deleteWebhook",status="200"}', 0) == 1)
    assert (await watch.samples())[conflicts] == 0
    await world.sandbox.telegram.set_webhook(WebhookSettings(url="http://127.0.0.1:9/other"))
    await watch.shows(lambda now: now[conflicts] == 1, "polling_conflicts_total")
    await watch.shows(lambda now: now['telegram_requests_total{method="deleteWebhook",status="200"}'] == 2)
    assert (await watch.samples())[conflicts] == 1


async def it_ends(world: Any, watch: MetricWatch, later: Later, replica: Any) -> None:
    """Not ready, then refusing while it finishes what is in hand."""
    url = f"{watch.url}/webhook"
    world.sandbox.faults.add(FaultSpec(service="telegram", kind="latency", latency_seconds=6))
    later.post(url, update_body(4 * 10**9), SECRET)()
    await watch.shows(lambda now: now["webhook_in_flight"] == 1, "webhook_in_flight")
    ending = asyncio.create_task(replica.stop())
    await watch.shows(lambda now: now["ready"] == 0, "ready")
    draining = 'webhook_requests_total{outcome="draining"}'
    async with asyncio.timeout(60):
        while await post(url, b"{", SECRET) != 503:  # noqa: ASYNC110 - another process tells nobody
            await asyncio.sleep(0.2)
    assert (await watch.samples())[draining] == 1
    await later.done()
    assert await ending == 0
    assert later.statuses[-1] == 200


async def somebody_writes_too_much(watch: MetricWatch, acts: Acts, burst: int) -> None:
    who, role = 1007, "applicant"

    def write() -> None:
        for _ in range(burst + 2):
            acts.say(who, "/help")()

    handled = _help(role)
    blocked = update("command", role, middlewares=("metrics", "addressed", "i18n", "rate_limit"))
    limited = (one("rate_limit_blocks_total", user_role=role), command("help", role), blocked)
    warned = (one("rate_limit_hits_total", user_role=role), answered())
    await watch.exactly(write, *handled * burst, verified(role), *limited * 2, *warned)


async def redis_does_not_answer(world: Any, watch: MetricWatch) -> None:
    """Its clients are paused: claims time out twice, and the pool's connections are all waiting."""
    size = (await watch.samples())["redis_connection_pool_size"]
    assert size == 20
    client: Redis = Redis.from_url(world.redis.url)
    await client.execute_command("CLIENT", "PAUSE", "4000", "ALL")
    before = await watch.samples()
    status = await post(f"{watch.url}/webhook", update_body(10**9 + 5), SECRET)
    assert status == 503
    after = await watch.shows(
        lambda now: now["redis_connection_pool_available"] < size, "redis_connection_pool_available", seconds=3
    )
    await client.aclose()
    for name in (
        'errors_total{error_type="redis_unavailable",severity="error"}',
        'webhook_requests_total{outcome="unavailable"}',
    ):
        assert after[name] - before.get(name, 0) == 1, name
    claims = 'redis_operations_total{operation="claim",status="error"}'
    assert after[claims] - before.get(claims, 0) == 2
    await watch.shows(lambda now: now["redis_connection_pool_available"] == size, "redis_connection_pool_size")
