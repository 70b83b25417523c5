"""How often an update asks Redis: counted by MONITOR, on a whole gateway."""

from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis

LAST = "after-the-update"
BACKGROUND = (
    *(":activity:", ":elect:", ":outbox", ":dead-letters", ":broadcast", ":views", ":refusing"),
    *("HELLO ", "CLIENT SETINFO "),
)


async def commands_of(world: Any, act: Callable[[], Any]) -> list[str]:
    """What reaches Redis for one update, without the work in the background and what scripts do inside."""
    client: Redis = Redis.from_url(world.redis.url)
    marker: Redis = Redis.from_url(world.redis.url)
    await marker.ping()  # it connects before it is watched
    seen: list[str] = []
    async with client.monitor() as monitor:
        act()
        await world.all_handled(300)
        await marker.echo(LAST)
        while (command := await monitor.next_command())["command"] != f"ECHO {LAST}":
            if command["client_type"] != "lua":
                seen.append(command["command"])
    await client.aclose()
    await marker.aclose()
    return [command for command in seen if not any(part in command for part in BACKGROUND)]


async def test_an_update_takes_one_round_trip_in_and_one_out(make_world: Callable[..., Any]) -> None:
    world = await make_world(flood_limits=False)
    await world.started(TELEGRAM_MESSAGES_PER_SECOND="0")
    world.users.say(1001, "/help")
    await world.all_handled(300)
    # A step of a dialogue: duplicate, chat lock, rate limit, state and identity in one, all that changed in the other.
    commands = await commands_of(world, lambda: world.users.say(1001, "/newrequest"))
    assert [command.split()[0] for command in commands] == ["EVALSHA", "EVALSHA"], commands
    assert all(":lane" in command for command in commands)


async def test_the_list_of_requests_reads_the_cached_profile_besides(make_world: Callable[..., Any]) -> None:
    world = await make_world(flood_limits=False)
    await world.started(TELEGRAM_MESSAGES_PER_SECOND="0")
    world.users.say(1001, "/requests")
    await world.all_handled(300)
    commands = await commands_of(world, lambda: world.users.say(1001, "/requests"))
    assert [command.split()[0] for command in commands] == ["EVALSHA", "GET", "EVALSHA"], commands


async def test_the_send_budget_asks_once_for_several_messages(make_world: Callable[..., Any]) -> None:
    world = await make_world(flood_limits=False)
    await world.started()
    for user in range(1001, 1006):
        world.users.say(user, "/help")
    await world.all_handled(300)

    def five_users_write() -> None:
        for user in range(1001, 1006):
            world.users.say(user, "/help")

    commands = await commands_of(world, five_users_write)
    budget = [command for command in commands if ":send:bot" in command]
    assert len(budget) <= 2, budget
    assert len(commands) - len([command for command in commands if ":send:" in command]) == 10
