"""Parses `REDIS_URL`, which names one server, the sentinels that know the master, or some nodes of a Redis Cluster.

redis-py parses the URL of one server. It has no syntax for several hosts, which the other forms add; user, password,
database and options mean the same in all of them. The list of hosts is parsed here and not by
``urllib.parse.urlsplit``, which knows one host: since the fixes for CVE-2024-11168 and CVE-2025-0938 it refuses text
around a bracketed IPv6 address, in some patch releases of each Python and not in others.
"""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv6Address
from string import ascii_letters, digits
from urllib.parse import parse_qsl, quote, urlencode

REDIS_PORT = 6379
SENTINEL_PORT = 26379
MAX_PORT = 65535

_LONGEST_NUMBER = 9
_HOST_CHARACTERS = frozenset(ascii_letters + digits + ".-_")
_ALL_BUT_BRACKETS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "[]")


class Topology(Enum):
    """What the URL names; the value is the suffix of its scheme."""

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
    """Parse `redis[s][+sentinel|+cluster]://[user:password@]host[:port][,host...][/service][/db][?options]`.

    Raises:
        ValueError: the URL is invalid; the message does not quote it, because it may hold a password.
    """
    scheme_given, separator, rest = url.partition("://")
    if not separator or scheme_given.lower() not in _SCHEMES:
        raise ValueError(f"must start with one of {', '.join(f'{scheme}://' for scheme in _SCHEMES)}")
    scheme, topology = _SCHEMES[scheme_given.lower()]
    if topology is Topology.SERVER:
        return RedisUrl(topology, url, (), "", {})
    authority, path, query = _split(rest)
    credentials, at, host_list = authority.rpartition("@")
    default_port = SENTINEL_PORT if topology is Topology.SENTINEL else REDIS_PORT
    hosts = tuple(_host(text, default_port) for text in host_list.split(","))
    service, database = _path(path, topology)
    options = dict(parse_qsl(query))
    sentinel_options = {name: options.pop(f"sentinel_{name}", "") for name in ("username", "password")}
    plain_query = f"?{urlencode(options)}" if options else ""
    # redis-py reads `plain` with urlsplit, which takes a bare bracket in a password for that of an address.
    plain_credentials = quote(credentials, safe=_ALL_BUT_BRACKETS)
    return RedisUrl(
        topology,
        f"{scheme}://{plain_credentials}{at}{host_list.split(',')[0]}/{database}{plain_query}",
        hosts,
        service,
        {name: value for name, value in sentinel_options.items() if value},
    )


def _split(rest: str) -> tuple[str, str, str]:
    """Return authority, path and query of what follows ``://``; a fragment is dropped (RFC 3986, section 3)."""
    before_fragment = rest.partition("#")[0]
    hierarchy, _, query = before_fragment.partition("?")
    authority, _, path = hierarchy.partition("/")
    return authority, path, query


def _host(text: str, default_port: int) -> tuple[str, int]:
    """Return the host, in lower case and without brackets, and its port."""
    if not text:
        raise ValueError("must name a host")
    if text.startswith("["):
        host, closing, port_part = text[1:].partition("]")
        if not closing or not _is_ipv6(host):
            raise ValueError("names a host or port that cannot be read: [...] must hold an IPv6 address")
    else:
        host, colon, port_text = text.partition(":")
        port_part = colon + port_text
        if ":" in port_text:
            raise ValueError("names a host or port that cannot be read: an IPv6 address needs brackets, [::1]:6379")
        if not host:
            raise ValueError("must name a host")
        if not set(host) <= _HOST_CHARACTERS:
            raise ValueError("names a host or port that cannot be read: a host has A-Z, a-z, 0-9, '.', '-' and '_'")
    return host.lower(), _port(port_part, default_port)


def _port(text: str, default: int) -> int:
    """Read ``:6379``; nothing, or nothing after the colon, means the default."""
    if text in ("", ":"):
        return default
    number = text[1:]
    if not text.startswith(":") or not _is_number(number) or not 1 <= int(number) <= MAX_PORT:
        raise ValueError(f"names a host or port that cannot be read: a port is a number from 1 to {MAX_PORT}")
    return int(number)


def _is_number(text: str) -> bool:
    """Whether it is at most nine ASCII digits; ``str.isdecimal`` takes other scripts' digits too."""
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return text.isascii()  # the name of a zone, fe80::1%eth0, may hold anything


def _path(path: str, topology: Topology) -> tuple[str, int]:
    first, _, second = path.strip("/").partition("/")
    service, database = (first, second) if topology is Topology.SENTINEL else ("", first)
    if topology is Topology.SENTINEL and not service:
        raise ValueError("must name the master that the sentinels watch: redis+sentinel://host:port/name")
    if database and not _is_number(database):
        raise ValueError("must end with the number of a database")
    if topology is Topology.CLUSTER and int(database or 0):
        raise ValueError("must not name a database: a cluster has only one")
    return service, int(database or 0)
