"""The start script of the chart's Redis: who may connect before, during and after the change to a password."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, BusyLoadingError, ConnectionError as NotConnectedError, RedisError

from app.core.redis import RedisConnections
from app.core.redis_batch import RedisUnavailableError, Script
from app.core.settings import Settings
from sandbox.redis_server import find_redis_binary, free_port
from support.tools import ROOT

Make = Callable[..., Settings]
SCRIPT = ROOT / "charts/bot-gateway/files/redis_start.sh"
GET = Script("get", "return redis.call('get', KEYS[1])")
PASSWORD = "derived-password"
NEW = {"REDISCLI_AUTH": PASSWORD, "REDIS_PASSWORD_REQUIRED": "auto"}


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the server under the name that the image has it by."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "redis-server").symlink_to(find_redis_binary())
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The volume."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def old_data(data: Path) -> Path:
    """The volume of a release whose chart knew no password."""
    (data / "appendonlydir").mkdir()
    return data


@asynccontextmanager
async def bundled(programs: Path, data: Path, variables: Mapping[str, str]) -> AsyncIterator[str]:
    """The server as the chart starts it; its URL."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", SCRIPT.read_text(), "redis", "--bind", "127.0.0.1", "--port", str(port)),
        *("--dir", str(data), "--appendonly", "yes", "--protected-mode", "no"),
        env={"PATH": f"{programs}:{os.environ['PATH']}", "REDIS_DATA": str(data), **variables},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        url = f"redis://127.0.0.1:{port}/0"
        while not await _replies(url):
            assert process.returncode is None
            await asyncio.sleep(0.02)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def _replies(url: str) -> bool:
    """Whether the server replies, be it that it wants a password."""
    client = Redis.from_url(url)
    try:
        await client.ping()
    except (AuthenticationError, BusyLoadingError) as error:
        return isinstance(error, AuthenticationError)
    except NotConnectedError:
        return False
    finally:
        await client.aclose()
    return True


async def accepts(url: str, password: str | None, make_settings: Make) -> bool:
    """Whether a gateway with that REDIS_PASSWORD can use both kinds of its connections."""
    connections = RedisConnections(make_settings(redis_url=url, redis_password=password))
    try:
        await connections.client.set("key", "value")
        return bool(await connections.batched.run(GET, ("key",)) == b"value")
    except (RedisError, RedisUnavailableError):
        return False
    finally:
        await connections.close()


async def test_a_new_installation_requires_the_password(programs: Path, data: Path, make_settings: Make) -> None:
    for _ in range(2):  # also when it starts again, with data
        async with bundled(programs, data, NEW) as url:
            assert await accepts(url, PASSWORD, make_settings)
            assert not await accepts(url, None, make_settings)
            assert not await accepts(url, "wrong", make_settings)


async def test_an_upgrade_accepts_old_pods_without_and_new_pods_with_the_password(
    programs: Path, old_data: Path, make_settings: Make
) -> None:
    async with bundled(programs, old_data, NEW) as url:
        assert await accepts(url, None, make_settings)
        assert await accepts(url, PASSWORD, make_settings)
    async with bundled(programs, old_data, {**NEW, "REDIS_PASSWORD_REQUIRED": "true"}) as url:
        assert await accepts(url, PASSWORD, make_settings)
        assert not await accepts(url, None, make_settings)
    # A rollback to the first step must let in the pods of the chart before it again.
    async with bundled(programs, old_data, NEW) as url:
        assert await accepts(url, None, make_settings)


async def test_a_new_pod_works_with_a_redis_that_knows_no_password(redis: Redis, make_settings: Make) -> None:
    """After a rollback of the chart the old Redis may serve new pods for a moment."""
    assert await accepts(make_settings().redis_url, PASSWORD, make_settings)


async def test_the_previous_password_is_accepted_while_it_changes(
    programs: Path, data: Path, make_settings: Make
) -> None:
    changing = {**NEW, "REDISCLI_AUTH": "newer", "REDIS_PASSWORD_PREVIOUS": PASSWORD}
    async with bundled(programs, data, changing) as url:
        assert await accepts(url, "newer", make_settings)
        assert await accepts(url, PASSWORD, make_settings)
        assert not await accepts(url, None, make_settings)


async def test_a_secret_without_the_key_leaves_redis_open_and_is_refused_if_required(
    programs: Path, data: Path, make_settings: Make
) -> None:
    async with bundled(programs, data, {"REDIS_PASSWORD_REQUIRED": "auto"}) as url:
        assert await accepts(url, None, make_settings)
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", SCRIPT.read_text()),
        env={"PATH": os.environ["PATH"], "REDIS_DATA": str(data), "REDIS_PASSWORD_REQUIRED": "true"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, message = await process.communicate()
    assert process.returncode == 1
    assert message.decode().splitlines() == [
        "redis: redis.auth.required is true, but the Secret has no key redis-password"
    ]


async def test_a_user_or_password_of_the_url_takes_precedence(programs: Path, data: Path, make_settings: Make) -> None:
    async with bundled(programs, data, NEW) as url:
        with_password = url.replace("redis://", f"redis://:{PASSWORD}@")
        assert await accepts(with_password, "another", make_settings)
