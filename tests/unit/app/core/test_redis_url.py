from ipaddress import IPv6Address

import pytest
from hypothesis import given, strategies as st
from redis.asyncio.connection import parse_url

from app.core.redis_url import Topology, parse_redis_url

names = st.from_regex(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,20}[A-Za-z0-9_])?", fullmatch=True)
addresses = st.ip_addresses(v=6).map(str) | st.just("fe80::1%eth0")
ports = st.none() | st.integers(1, 65535)
hosts = st.tuples(st.tuples(st.booleans(), names | addresses), ports).map(lambda drawn: (drawn[0][1], drawn[1]))
secrets = st.text(st.characters(codec="utf-8", exclude_characters="%/?#@:", exclude_categories=["Cs", "Cc", "Zs"]))


def _is_address(host: str) -> bool:
    return ":" in host


def _written(host: str, port: int | None) -> str:
    name = f"[{host}]" if _is_address(host) else host
    return name if port is None else f"{name}:{port}"


def test_one_server_s_url_is_left_as_it_is() -> None:
    url = "rediss://user:p%40ss@redis.example:6380/3?ssl_ca_certs=/ca.pem"
    assert (parse_redis_url(url).topology, parse_redis_url(url).plain) == (Topology.SERVER, url)


def test_sentinels_have_hosts_a_name_and_words_of_their_own() -> None:
    url = parse_redis_url(
        "redis+sentinel://user:p%40ss@a,b:26380,[::1]:1/main/2?sentinel_password=s%2Fecret&protocol=2"
    )
    assert url.topology is Topology.SENTINEL
    assert url.hosts == (("a", 26379), ("b", 26380), ("::1", 1))
    assert url.service == "main"
    assert url.plain == "redis://user:p%40ss@a/2?protocol=2"
    assert url.sentinel_options == {"password": "s/ecret"}


def test_a_cluster_has_seeds() -> None:
    url = parse_redis_url("rediss+cluster://:secret@a:1,b/0")
    assert url.topology is Topology.CLUSTER
    assert url.hosts == (("a", 1), ("b", 6379))
    assert url.plain == "rediss://:secret@a:1/0"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://host", "must start with one of redis://"),
        ("redis+cluster://a,,b", "must name a host"),
        ("redis+cluster://", "must name a host"),
        ("redis+cluster://:secret@", "must name a host"),
        ("redis+cluster://a,:6379", "must name a host"),
        ("redis+cluster://a:port", "cannot be read"),
        ("redis+cluster://a:0", "from 1 to 65535"),
        ("redis+cluster://a:65536", "from 1 to 65535"),
        ("redis+cluster://a:٦٣٧٩", "from 1 to 65535"),
        ("redis+cluster://a,::1", "needs brackets"),
        ("redis+cluster://[::1", "must hold an IPv6 address"),
        ("redis+cluster://[redis.example]", "must hold an IPv6 address"),
        ("redis+cluster://[::1]6379", "from 1 to 65535"),
        ("redis+cluster://a[::1]", "cannot be read"),
        ("redis+cluster://a, b", "cannot be read"),
        ("redis+cluster:/a", "must start with one of redis://"),
        ("redis+cluster://a/1", "must not name a database"),
        ("redis+sentinel://a", "must name the master"),
        ("redis+sentinel://a/main/zero", "number of a database"),
    ],
)
def test_what_is_wrong_is_said_without_the_url(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        parse_redis_url(url)
    assert url not in str(raised.value)


@given(listed=st.lists(hosts, min_size=1, max_size=5), credentials=st.booleans())
def test_every_host_and_port_comes_back_as_written(listed: list[tuple[str, int | None]], credentials: bool) -> None:
    user = "user:p%40ss@" if credentials else ""
    url = parse_redis_url(f"redis+cluster://{user}{','.join(_written(*each) for each in listed)}")
    assert url.hosts == tuple((host.lower(), port or 6379) for host, port in listed)
    assert all(IPv6Address(host) for host, _port in url.hosts if _is_address(host))


@given(host=hosts, password=secrets)
def test_redis_py_reads_the_plain_url(host: tuple[str, int | None], password: str) -> None:
    url = parse_redis_url(f"redis+cluster://:{password}@{_written(*host)},other:1")
    read = parse_url(url.plain)
    assert (read["host"], read.get("port", 6379), read.get("password", "")) == (*url.hosts[0], password)


@given(scheme=st.sampled_from(["redis+cluster://", "redis+sentinel://", ""]), before=st.text(), after=st.text())
def test_any_text_is_read_or_refused_in_one_line_that_does_not_repeat_it(scheme: str, before: str, after: str) -> None:
    message = _refusal(f"{scheme}{before}hunter2{after}")
    assert "\n" not in message
    assert "hunter2" not in message


def _refusal(url: str) -> str:
    try:
        parse_redis_url(url)
    except ValueError as error:
        return str(error)
    return ""
