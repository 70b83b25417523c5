"""Every family of the registry is moved by the real code path that it names, by the right amount, and no other is.

Gateways, a real Redis and the sandbox run as on a laptop. After each act all counters are compared: what was not
expected to move must not have moved.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from app.core.metrics import FAMILIES
from sandbox.redis_server import free_port
from support import metric_failures as failures, metric_gauges as gauges, metric_user_actions as users
from support.metric_watch import PREFIX, MetricWatch

APPLICANTS = 60
BURST = 6
IN_FLIGHT = 4
NOTHING_LISTENS = "9"

# Families that nothing here moves, each with its reason.
NOT_MOVED: dict[str, str] = {}

DOCUMENTED_LINES = (
    r'bot_gateway_messages_total\{language="ru",message_type="text",user_role="applicant"\} \d+\.0',
    r'bot_gateway_message_processing_duration_seconds_bucket\{le="0\.1"\} \d+\.0',
    r'bot_gateway_active_sessions\{user_role="applicant"\} \d+\.0',
)


def watched(world: Any, replica: Any, later: failures.Later) -> MetricWatch:
    async def settle() -> None:
        await world.all_handled(30)
        await later.done()

    return MetricWatch(replica.url, settle)


async def all_goes_well(world: Any) -> set[str]:
    """What users and backends do while nothing fails but the collector of traces."""
    replica = await world.started(
        TELEGRAM_MESSAGES_PER_SECOND="0",
        RATE_LIMIT_BURST="1000",
        TRACING_ENABLED="true",
        TRACING_SAMPLE_RATIO="1",
        JAEGER_HOST="127.0.0.1",
        JAEGER_PORT=NOTHING_LISTENS,
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
    )
    later = failures.Later()
    watch = watched(world, replica, later)
    acts = users.Acts(world)
    await users.applicant_files_a_request(acts, watch)
    await users.applicant_looks_after_it(acts, watch)
    await users.everybody_s_other_actions(acts, watch)
    await users.executor_s_shifts(acts, watch)
    await users.admin_s_panel(acts, watch)
    await users.admin_s_broadcast(acts, watch, recipients=APPLICANTS)
    await failures.what_is_posted_to_the_webhook(world, watch, later)
    await failures.a_fault_of_ours(world, watch, acts)
    await failures.telegram_refuses(world, watch, acts)
    await failures.what_backends_post(world, watch, later)
    lost = 'spans_dropped_total{reason="export_failed"}'
    await watch.shows(
        lambda now: now[lost] > 0 and now['traces_kept_total{reason="sampled"}'] > 50, "spans_dropped_total"
    )
    assert (await watch.samples())["spans_exported_total"] == 0
    await gauges.what_the_process_uses(watch, replica.process.pid)
    await gauges.what_redis_uses(world, watch)
    await gauges.whose_clock_is_right(watch)
    await gauges.cpu_follows_proc(watch, replica.process.pid)
    page = await watch.text()
    for line in DOCUMENTED_LINES:
        assert re.search(f"^{line}$", page, re.MULTILINE), line
    await replica.kill()
    return watch.moved


async def much_goes_wrong(world: Any, collector_port: int) -> set[str]:
    """Outages, floods and the process' own beginning and end."""
    replica = world.replica(
        TELEGRAM_MESSAGES_PER_SECOND="0",
        MAX_IN_FLIGHT=str(IN_FLIGHT),
        RATE_LIMIT_BURST=str(BURST),
        RATE_LIMIT_PER_SECOND="0.001",
        BREAKER_MIN_CALLS="3",
        BREAKER_OPEN_SECONDS="1",
        CHAT_LOCK_WAIT_SECONDS="0.1",
        REDIS_TIMEOUT_SECONDS="1",
        SESSION_TTL_SECONDS="8",
        TRACING_ENABLED="true",
        TRACING_SAMPLE_RATIO="0",
        TRACING_SLOW_SECONDS="0.5",
        TRACING_ERRORS_PER_SECOND="1",
        JAEGER_HOST="127.0.0.1",
        JAEGER_PORT=str(collector_port),
    )
    later = failures.Later()
    watch = watched(world, replica, later)
    acts = users.Acts(world)
    await gauges.the_start(world, watch, replica)
    await gauges.who_is_active(watch, acts)
    await failures.a_backend_is_down(world, watch, acts)
    await failures.auth_is_down(world, watch, acts)
    await failures.one_backend_takes_too_long(world, watch, acts)
    await failures.somebody_writes_too_much(watch, acts, BURST)
    await failures.more_than_it_can_take(world, watch, later, IN_FLIGHT)
    await failures.redis_does_not_answer(world, watch)
    await watch.shows(
        lambda now: all(
            now[name] > 0
            for name in (
                "spans_exported_total",
                'spans_dropped_total{reason="error_budget"}',
                'traces_kept_total{reason="error"}',
                'traces_kept_total{reason="slow"}',
            )
        ),
        *("spans_exported_total", "spans_dropped_total", "traces_kept_total"),
    )
    await failures.it_ends(world, watch, later, replica)
    return watch.moved


async def another_program_uses_the_bot(world: Any) -> set[str]:
    """It sets a webhook while the gateway polls; the gateway deletes it."""
    replica = await world.started(UPDATE_MODE="polling")
    watch = watched(world, replica, failures.Later())
    await failures.a_webhook_of_another_program(world, watch)
    return watch.moved


@pytest.mark.timeout(600)
async def test_every_family_is_moved_by_what_it_names(make_world: Callable[..., Any]) -> None:
    moved = await all_goes_well(await make_world(flood_limits=False, traffic_users=APPLICANTS))
    collector_port = free_port()
    moved |= await much_goes_wrong(await make_world(otlp_receiver_port=collector_port), collector_port)
    moved |= await another_program_uses_the_bot(await make_world())
    assert {family.name.removeprefix(PREFIX) for family in FAMILIES} - moved == NOT_MOVED.keys()
