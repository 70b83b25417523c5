"""What a replica tells of itself and of the cluster; `world` and `watch` are those of test_every_metric."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import time
from pathlib import Path
from typing import Any

import psutil
from redis.asyncio import Redis

import app.core.version
from support.metric_failures import SECRET, post, update_body
from support.metric_user_actions import Acts
from support.metric_watch import MetricWatch


async def the_start(world: Any, watch: MetricWatch, replica: Any) -> None:
    """Not ready while Redis is stopped; an update waits at Telegram meanwhile, which tells of its failed delivery."""
    world.balancer.replicas.clear()
    began = int(time.time())
    world.users.say(1008, "/help")
    os.kill(world.redis.pid, signal.SIGSTOP)
    try:
        await replica.start()
        async with asyncio.timeout(60):
            while await _is_closed(replica.port):  # noqa: ASYNC110 - another process tells nobody
                await asyncio.sleep(0.1)
        assert (await watch.samples())["ready"] == 0
    finally:
        os.kill(world.redis.pid, signal.SIGCONT)
    await replica.ready()
    now = await watch.shows(lambda now: now["ready"] == 1, "ready")
    version = f'version="{app.core.version.VERSION}"'
    assert now[f'build_info{{python_version="{platform.python_version()}",{version}}}'] == 1
    watch.moved.add("build_info")
    now = await watch.shows(lambda now: now["webhook_pending_updates"] == 1, "webhook_pending_updates")
    assert began <= now["webhook_last_error_timestamp_seconds"] <= time.time()
    watch.moved.add("webhook_last_error_timestamp_seconds")
    world.balancer.replicas.append(replica)
    await watch.settle()


async def _is_closed(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return True
    writer.close()
    return False


async def who_is_active(watch: MetricWatch, acts: Acts) -> None:
    """A user in a dialogue, seen by the whole cluster, until the session's time is over."""
    acts.say(1010, "/newrequest")()
    names = ("active_sessions", "active_users", "active_fsm_sessions")
    here, dialogue = 'active_sessions{user_role="applicant"}', 'active_fsm_sessions{state="NewRequestDialog:category"}'
    shown = await watch.shows(lambda now: now[here] >= 1 and now[dialogue] == 1, *names)
    assert shown['active_users{user_role="applicant",window="5m"}'] >= 1
    count = 'session_duration_seconds_count{user_role="applicant"}'
    await watch.shows(lambda now: now[here] == 0 and now.get(count, 0) >= 1, "session_duration_seconds")


async def what_the_process_uses(watch: MetricWatch, pid: int) -> None:
    """Memory is the kernel's own number; CPU is that of the same seconds by /proc; a stopped process is late."""
    process = psutil.Process(pid)
    names = ("memory_usage_bytes", "cpu_usage_percent")
    now = await watch.shows(lambda now: now['memory_usage_bytes{type="rss"}'] > 0, *names)
    rss, heap, external = (now[f'memory_usage_bytes{{type="{kind}"}}'] for kind in ("rss", "heap", "external"))
    assert abs(rss - process.memory_info().rss) < 8e6
    # The three are read one after another while the process works; the sum is exact in tests/unit.
    assert abs(rss - (heap + external)) < 8e6
    late = await watch.samples()
    process.suspend()
    await asyncio.sleep(0.3)
    process.resume()

    def over(samples: dict[str, float]) -> float:
        return samples["event_loop_lag_seconds_count"] - samples['event_loop_lag_seconds_bucket{le="0.1"}']

    await watch.shows(lambda now: over(now) > over(late), "event_loop_lag_seconds")


async def what_redis_uses(world: Any, watch: MetricWatch) -> None:
    """Memory is Redis' own number; limit and policy are those that it is given."""
    names = ("redis_memory_used_bytes", "redis_memory_max_bytes", "redis_evicts_keys")
    client: Redis = Redis.from_url(world.redis.url)
    # A value so large that the rest of the memory is a rounding error.
    await client.setrange("bg:filler", 50 * 2**20, b"x")
    await client.config_set("maxmemory", 100 * 2**20)
    await client.config_set("maxmemory-policy", "volatile-lru")
    now = await watch.shows(lambda now: now["redis_evicts_keys"] == 1, *names)
    assert now["redis_memory_max_bytes"] == 100 * 2**20
    assert abs(now["redis_memory_used_bytes"] - (await client.info("memory"))["used_memory"]) < 5 * 2**20
    await client.config_set("maxmemory", 0)
    await client.config_set("maxmemory-policy", "noeviction")
    await client.delete("bg:filler")
    await client.aclose()
    now = await watch.shows(lambda now: now["redis_evicts_keys"] == 0, *names)
    assert now["redis_memory_max_bytes"] == 0


async def whose_clock_is_right(watch: MetricWatch) -> None:
    """Redis runs on this machine: its clock is the gateway's."""
    await watch.shows(lambda now: abs(now["clock_offset_seconds"]) < 1, "clock_offset_seconds")


async def cpu_follows_proc(watch: MetricWatch, pid: int) -> None:
    """Burn CPU by posts for as long as one sample of the gauge lasts, and compare with /proc over the same time."""
    name = "cpu_usage_percent"
    first = (await watch.samples())[name]
    busy, number = True, 2 * 10**9

    async def burn() -> None:
        nonlocal number
        while busy:
            number += 1
            await post(f"{watch.url}/webhook", update_body(number), SECRET)

    burning = asyncio.create_task(burn())
    second = (await watch.shows(lambda now: now[name] != first, name))[name]
    used, at = _cpu_seconds(pid), time.monotonic()
    third = (await watch.shows(lambda now: now[name] != second, name))[name]
    percent = (_cpu_seconds(pid) - used) / (time.monotonic() - at) * 100
    busy = False
    await burning
    # The sample's own few seconds and these differ by how late a busy machine shows it.
    assert abs(third - percent) < max(10.0, 0.5 * percent), (third, percent)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
