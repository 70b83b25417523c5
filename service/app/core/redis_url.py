"""Reads `REDIS_URL`, which names one server, the sentinels that know the master, or some nodes of a cluster.

One server's URL is redis-py's own and is left to it. The others add a list of hosts, which redis-py has no words for;
user, password, database and options mean the same in all of them.
"""

from dataclasses import dataclass
from enum import Enum
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

REDIS_PORT = 6379
SENTINEL_PORT = 26379


class Topology(Enum):
    """What the URL names; the value is the word in its scheme."""

    SERVER = ""
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


_SCHEMES = {
    f"{scheme}{'+' if topology.value else ''}{topology.value}": (scheme, topology)
    for topology in Topology
    for scheme in ("redis", "rediss")
}


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """`plain` is the URL of one server (the first host) with everything else as given.

    `service` is the name that sentinels know the master by; `sentinel_options` are for the connections to them.
    """

    topology: Topology
    plain: str
    hosts: tuple[tuple[str, int], ...]
    service: str
    sentinel_options: dict[str, str]


def parse_redis_url(url: str) -> RedisUrl:
    """Take it apart: `redis[s][+sentinel|+cluster]://[user:password@]host[:port][,host...][/service][/db][?options]`.

    Raises:
        ValueError: it is wrong; the message does not repeat it, for it may hold a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"must start with one of {', '.join(f'{scheme}://' for scheme in _SCHEMES)}")
    scheme, topology = _SCHEMES[parts.scheme]
    if topology is Topology.SERVER:
        return RedisUrl(topology, url, (), "", {})
    credentials, at, netloc = parts.netloc.rpartition("@")
    default_port = SENTINEL_PORT if topology is Topology.SENTINEL else REDIS_PORT
    hosts = tuple(_host(text, default_port) for text in netloc.split(","))
    service, database = _path(parts, topology)
    options = dict(parse_qsl(parts.query))
    sentinel_options = {name: options.pop(f"sentinel_{name}", "") for name in ("username", "password")}
    query = f"?{urlencode(options)}" if options else ""
    return RedisUrl(
        topology,
        f"{scheme}://{credentials}{at}{netloc.split(',')[0]}/{database}{query}",
        hosts,
        service,
        {name: value for name, value in sentinel_options.items() if value},
    )


def _host(text: str, default_port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("names a host or port that cannot be read") from None
    if not host:
        raise ValueError("must name a host")
    return host, port or default_port


def _path(parts: SplitResult, topology: Topology) -> tuple[str, int]:
    first, _, second = parts.path.strip("/").partition("/")
    service, database = (first, second) if topology is Topology.SENTINEL else ("", first)
    if topology is Topology.SENTINEL and not service:
        raise ValueError("must name the master that the sentinels watch: redis+sentinel://host:port/name")
    if database and not database.isdecimal():
        raise ValueError("must end with the number of a database")
    if topology is Topology.CLUSTER and int(database or 0):
        raise ValueError("must not name a database: a cluster has only one")
    return service, int(database or 0)
