import pytest

from app.core.redis_url import Topology, parse_redis_url


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
        ("redis+cluster://a:port", "cannot be read"),
        ("redis+cluster://a/1", "must not name a database"),
        ("redis+sentinel://a", "must name the master"),
        ("redis+sentinel://a/main/zero", "number of a database"),
    ],
)
def test_what_is_wrong_is_said_without_the_url(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        parse_redis_url(url)
    assert url not in str(raised.value)
