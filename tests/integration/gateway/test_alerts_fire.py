"""Every alert of the chart fires in a real Prometheus, from what really happens to a gateway.

The rules are the chart's own. Their expressions stay; durations are 0, and thresholds are lowered by the chart's
values where a rate over five minutes would otherwise need minutes of traffic. What Prometheus takes for the cluster's
is this machine's: the labels `namespace` and `job` are given to the targets.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from redis.asyncio import Redis
from redis.asyncio.connection import Connection

from app.backends.breaker import BreakerState
from app.backends.outlier import View
from app.backends.replica_views import ReplicaViews
from app.core.background import Periodic
from app.core.redis_batch import BatchedRedis
from remediator.metrics import Metrics
from sandbox.faults import FaultSpec
from sandbox.redis_server import free_port
from sandbox.telegram.webhook import WebhookSettings
from support.charts import gateway
from support.metric_failures import SECRET, post
from support.prometheus_process import PrometheusProcess

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(2400)]

NOTHING_LISTENS = 9
GATEWAY, REMEDIATOR, GRAFANA = "bot-gateway", "bot-gateway-remediator", "kube-prometheus-stack-grafana"
# Of those that compare a rate over minutes: what seconds of traffic reach. Memory: what a small process has.
THRESHOLDS = {
    "HighErrorRate": 0.2,
    "CriticalErrorRate": 0.5,
    "HighServiceErrorRate": 0.02,
    "HighServiceErrorRatio": 0.05,
    "ExcessiveRateLimitBlocks": 0.05,
    "HighMemoryUsage": 20e6,
    "CriticalMemoryUsage": 40e6,
    "ExcessiveFSMSessions": 2,
    "HighAuthFailureRate": 0.05,
    "HighWebhookFailureRate": 0.2,
    "PollingConflict": 0,
    # More than a crowd of the scenes before, fewer than wait for a slow backend.
    "WebhookUpdatesPending": 10,
    "BotGatewayRestarts": 0,
}


# A slow machine may have made these fire before it is their turn.
LATENCIES = {
    *("HighEventLoopLag", "HighMessageLatency", "HighRedisLatency", "UpdateLatencyBudgetBurn"),
    *("UpdateLatencyBudgetBurnSlow", "TelegramSlow"),
}


def shortened() -> list[dict[str, Any]]:
    """The chart's rules with every `for` 0 and the thresholds above."""
    chart = gateway()
    names = [
        rule["alert"]
        for group in chart.one("PrometheusRule", GATEWAY)["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    values = {name: {"for": "0s", **({"threshold": THRESHOLDS[name]} if name in THRESHOLDS else {})} for name in names}
    groups: list[dict[str, Any]] = gateway({"alerts": values}).one("PrometheusRule", GATEWAY)["spec"]["groups"]
    return groups


def names_of(groups: list[dict[str, Any]]) -> set[str]:
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}


@asynccontextmanager
async def exposed(registry: CollectorRegistry) -> AsyncIterator[int]:
    """A target that tells what is in the registry."""

    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), content_type="text/plain")

    application = web.Application()
    application.router.add_get("/metrics", show)
    runner = web.AppRunner(application)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield port
    finally:
        await runner.cleanup()


class Drill:
    """Makes things happen and waits for the alerts that must come of each."""

    def __init__(self, world: Any, prometheus: PrometheusProcess, operator: Metrics) -> None:
        self.world = world
        self.prometheus = prometheus
        self.operator = operator
        self.fired: set[str] = set()

    @property
    def webhook(self) -> str:
        return f"{self.world.replicas[0].url}/webhook"

    async def everybody_says(self, text: str, users: Iterable[int]) -> None:
        """Each of them writes, and all of it is handled."""
        for user in users:
            self.world.users.say(user, text)
        await self.world.all_handled(60)

    async def fires(
        self, *alerts: str, seconds: float = 400, act: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        """The alerts are silent before (all but `LATENCIES`), and fire while `act` is done again and again."""
        early = set(alerts) & (await self.prometheus.firing()).keys() - LATENCIES
        assert not early, f"{early} fired before anything happened"
        missing, began = set(alerts), time.monotonic()
        while missing:
            if act is not None:
                await act()
            await asyncio.sleep(0.2)
            firing = await self.prometheus.firing()
            missing -= firing.keys()
            assert time.monotonic() - began < seconds, f"{missing} did not fire within {seconds} s"
            for name in set(alerts) & firing.keys():
                assert firing[name]["service"] == GATEWAY
        print(f"{', '.join(alerts)}: after {time.monotonic() - began:.1f} s", flush=True)
        self.fired |= set(alerts)

    async def fires_with(self, fault: dict[str, Any], *alerts: str, act: Callable[[], Awaitable[object]]) -> None:
        """The same while a fault is in force."""
        found = self.world.sandbox.faults.add(FaultSpec.model_validate(fault))
        await self.fires(*alerts, act=act)
        self.world.sandbox.faults.remove(found.id)
        await self.world.all_handled(60)


async def before_and_at_the_start(drill: Drill) -> None:
    """Prometheus knows the target, and nothing responses there; then a gateway does, with no collector of traces."""
    await drill.fires("Watchdog", "BotGatewayDown", "BotGatewayReplicaDown", "CauseRecentlyFired")
    [replica] = drill.world.replicas

    async def start() -> None:
        if replica.process is None:
            await replica.start()
            await replica.ready()

    await drill.fires("NoActiveSessions", "HighMemoryUsage", "CriticalMemoryUsage", "TracesLost", act=start)


async def a_loop_that_stands_still(drill: Drill) -> None:
    """A stopped process is as late as a blocked loop."""
    pid = drill.world.replicas[0].process.pid

    async def stop_for_a_while() -> None:
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(0.3)
        os.kill(pid, signal.SIGCONT)

    await drill.fires("HighEventLoopLag", act=stop_for_a_while)


async def a_slow_telegram(drill: Drill) -> None:
    """Answers take longer than 2 s."""
    crowd = itertools.cycle(range(1001, 1200, 30))
    await drill.fires_with(
        {"service": "telegram", "kind": "latency", "latency_seconds": 2.6},
        *("HighMessageLatency", "TelegramSlow", "UpdateLatencyBudgetBurn", "UpdateLatencyBudgetBurnSlow"),
        act=lambda: drill.everybody_says("/help", range(first := next(crowd), first + 30)),
    )


async def a_telegram_that_fails(drill: Drill) -> None:
    """It responds with 502."""
    crowd = itertools.cycle(range(1001, 1200, 10))
    await drill.fires_with(
        {"service": "telegram", "kind": "error", "status": 502},
        "TelegramErrors",
        act=lambda: drill.everybody_says("/help", range(first := next(crowd), first + 10)),
    )


async def a_slow_redis(drill: Drill) -> None:
    """It responses late and keeps the pool's connections busy; nothing fails yet."""
    client: Redis = Redis.from_url(drill.world.redis.url)

    async def pause() -> None:
        await client.execute_command("CLIENT", "PAUSE", "1800", "ALL")
        await drill.everybody_says("/help", range(1001, 1009))

    await drill.fires("HighRedisLatency", "RedisConnectionPoolExhausted", act=pause)
    await client.aclose()


async def users_in_trouble(drill: Drill) -> None:
    """Too many dialogues, too many updates of one user, strangers; a Telegram that refuses."""
    users = iter(range(1020, 1200))
    await drill.fires("ExcessiveFSMSessions", act=lambda: drill.everybody_says("/newrequest", [next(users)]))
    await drill.fires("ExcessiveRateLimitBlocks", act=lambda: drill.everybody_says("/help", [1011] * 20))
    strangers = itertools.cycle(range(7000, 9000, 10))
    await drill.fires(
        "HighAuthFailureRate",
        act=lambda: drill.everybody_says("/help", range(first := next(strangers), first + 10)),
    )
    crowd = itertools.cycle(range(1001, 1200, 10))
    await drill.fires_with(
        {"service": "telegram", "kind": "error", "status": 400},
        *("UpdateSuccessBudgetBurn", "UpdateSuccessBudgetBurnSlow"),
        act=lambda: drill.everybody_says("/help", range(first := next(crowd), first + 10)),
    )


@asynccontextmanager
async def healthy_peers(redis_port: int) -> AsyncIterator[None]:
    """Two more replicas, as far as the gateway can see: they publish that the backend works."""
    view = View(30, 0, 0, 0, success_age=0.0, failure_age=None, breaker=BreakerState.CLOSED)
    redis = BatchedRedis(lambda: Connection(host="127.0.0.1", port=redis_port), timeout=10)
    peers = [ReplicaViews(redis, "bg:42", lambda: {"request": view}, address="peer:8000") for _ in range(2)]
    publishing = [Periodic("peer", peer.exchange, 1) for peer in peers]
    for periodic in publishing:
        periodic.start()
    yield
    for periodic in publishing:
        await periodic.stop()
    await redis.close()


async def a_backend_that_fails_at_times(drill: Drill) -> None:
    """One call in five, after good ones: too few to open the circuit breaker, and retries hide most of them."""
    for first in range(1001, 1041, 5):
        await drill.everybody_says("/requests", range(first, first + 5))
    crowd = itertools.cycle(range(1041, 1200, 5))
    await drill.fires_with(
        {"service": "request", "kind": "error", "status": 500, "ratio": 0.2},
        *("HighServiceErrorRate", "HighServiceErrorRatio"),
        act=lambda: drill.everybody_says("/requests", range(first := next(crowd), first + 5)),
    )


async def backends_in_trouble(drill: Drill) -> None:
    """One that responds with errors, to this replica only; one that responds late while updates wait."""
    crowd = itertools.cycle(range(1001, 1200, 5))
    async with healthy_peers(drill.world.redis.port):
        await drill.fires_with(
            {"service": "request", "kind": "error", "status": 500},
            *("CircuitBreakerOpen", "CircuitBreakerRecentlyOpen", "BackendOutlier"),
            act=lambda: drill.everybody_says("/requests", range(first := next(crowd), first + 5)),
        )

    async def three_lists_each() -> None:
        if not drill.world.sandbox.ledger.summary()["updates"]["open"]:
            for executor in range(2001, 2013):
                for _ in range(3):
                    drill.world.users.say(executor, "/shifts")
        await asyncio.sleep(1)

    # Longer than 10 s and shorter than the client's own limit.
    await drill.fires_with(
        {"service": "shift", "kind": "latency", "latency_seconds": 12},
        *("ServiceRequestTimeout", "WebhookUpdatesPending"),
        act=three_lists_each,
    )


async def a_full_redis(drill: Drill) -> None:
    """Nearly full of one value, with room for what users do; then with a policy that evicts."""
    client: Redis = Redis.from_url(drill.world.redis.url)
    await client.setrange("filler", 50 * 2**20, b"x")
    await client.config_set("maxmemory", 60 * 2**20)
    await drill.fires("RedisMemoryHigh")
    # Less than it holds: every write is refused.
    await client.config_set("maxmemory", 50 * 2**20)

    async def say_something() -> None:
        drill.world.users.say(1002, "/help")

    # Its webhook responds 503, and it still asks Telegram how deliveries do.
    await drill.fires("RedisFull", "WebhookDeliveryFails", act=say_something)
    await client.config_set("maxmemory", 0)
    await client.delete("filler")
    await drill.world.all_handled(120)
    await client.config_set("maxmemory-policy", "allkeys-lru")
    await drill.fires("RedisEvictsKeys")
    await client.config_set("maxmemory-policy", "noeviction")
    await client.aclose()


async def a_redis_that_does_not_respond(drill: Drill) -> None:
    """Its process is stopped; what users write meanwhile gets 503 and waits at Telegram, which says so."""
    os.kill(drill.world.redis.pid, signal.SIGSTOP)
    drill.world.users.say(1001, "/help")
    await drill.fires("RedisUnreachable")
    os.kill(drill.world.redis.pid, signal.SIGCONT)
    await drill.world.all_handled(120)


async def documented_drill(drill: Drill) -> None:
    """Invalid posts, as in its quick start."""

    async def hundred() -> None:
        bodies = [b'{"invalid": "data"}'] * 20
        await asyncio.gather(*(post(drill.webhook, body, SECRET) for body in bodies))

    await drill.fires(
        *("HighErrorRate", "CriticalErrorRate", "HighWebhookFailureRate", "DeadLettersGrowing"), act=hundred
    )


async def the_operator_in_trouble(drill: Drill) -> None:
    """What the operator would tell of itself, by its own registry: it cannot run without a cluster."""
    operator = drill.operator
    operator.source_up.labels("alertmanager").set(0)
    operator.watchdog_up.set(0)
    operator.last_success.labels("webhook").set(time.time() - 1000)
    operator.handed_over.labels("bot-gateway-circuit-breaker", "Deployment/bot-gateway").set(1)
    await drill.fires(
        *("RemediatorCannotReachAlertmanager", "RemediatorWatchdogMissing", "RemediatorWebhookSilent"),
        "RemediationGaveUp",
    )
    operator.up.set(0)
    await drill.fires("RemediatorDown")


async def a_restart(drill: Drill) -> None:
    """Of the process, in the same pod."""
    [replica] = drill.world.replicas
    first = replica.process

    async def restart_once() -> None:
        if replica.process is first:
            await replica.kill()
            await replica.start()
            await replica.ready()

    await drill.fires("BotGatewayRestarts", act=restart_once)


async def a_clock_that_is_ahead(drill: Drill) -> None:
    """As a gateway would tell on a node whose clock is two hours ahead."""
    registry = CollectorRegistry()
    Gauge("bot_gateway_ready", "1 while it accepts updates.", registry=registry).set(1)
    Gauge("bot_gateway_clock_offset_seconds", "Seconds that the clock is ahead.", registry=registry).set(7200)
    async with exposed(registry) as port:
        drill.prometheus.move(GATEWAY, port)
        await drill.fires("ClockSkew")


async def another_program_with_a_webhook(drill: Drill) -> None:
    """A second release polls for the same bot, while another program sets its webhook again and again: not ready."""
    polling = await drill.world.started(UPDATE_MODE="polling")
    drill.prometheus.move(GATEWAY, polling.port)
    telegram = drill.world.sandbox.telegram
    await drill.fires(
        *("PollingConflict", "NoReadyReplica"),
        act=lambda: telegram.set_webhook(WebhookSettings(url=f"http://127.0.0.1:{NOTHING_LISTENS}/other")),
    )


async def monitoring_in_trouble(drill: Drill) -> None:
    """Grafana does not response any more; the gateway is no longer a target."""
    drill.prometheus.move(GRAFANA, NOTHING_LISTENS)
    await drill.fires("MonitoringTargetDown")
    drill.prometheus.move(GATEWAY, None)
    await drill.fires("BotGatewayAbsent")


async def test_every_alert_fires_from_what_really_happens(make_world: Callable[..., Any], tmp_path: Path) -> None:
    groups = shortened()
    world = await make_world(flood_limits=False, traffic_users=200)
    operator = Metrics(CollectorRegistry())
    operator.up.set(1)
    operator.watchdog_up.set(1)
    operator.source_up.labels("alertmanager").set(1)
    operator.last_success.labels("webhook").set_to_current_time()
    replica = world.replica(
        TELEGRAM_MESSAGES_PER_SECOND="0",
        RATE_LIMIT_BURST="15",
        RATE_LIMIT_PER_SECOND="0.1",
        REDIS_MAX_CONNECTIONS="4",
        TRACING_ENABLED="true",
        TRACING_SAMPLE_RATIO="1",
        JAEGER_HOST="127.0.0.1",
        JAEGER_PORT=str(NOTHING_LISTENS),
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
    )
    async with exposed(operator.registry) as operator_port:
        targets = {GATEWAY: replica.port, REMEDIATOR: operator_port, GRAFANA: operator_port}
        async with PrometheusProcess(tmp_path / "prometheus", groups, targets) as prometheus:
            drill = Drill(world, prometheus, operator)
            await before_and_at_the_start(drill)
            await a_loop_that_stands_still(drill)
            await a_slow_telegram(drill)
            await a_slow_redis(drill)
            await documented_drill(drill)
            await users_in_trouble(drill)
            await a_backend_that_fails_at_times(drill)
            await backends_in_trouble(drill)
            await a_telegram_that_fails(drill)
            await a_full_redis(drill)
            await a_redis_that_does_not_respond(drill)
            await a_restart(drill)
            await the_operator_in_trouble(drill)
            await another_program_with_a_webhook(drill)
            await a_clock_that_is_ahead(drill)
            await monitoring_in_trouble(drill)
    assert names_of(groups) == drill.fired
