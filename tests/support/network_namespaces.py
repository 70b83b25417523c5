"""Processes in network namespaces of their own, whose packets to one port can be dropped.

Each namespace is joined to this machine by a veth pair with a /30 of its own. It needs root, `ip` and `iptables` with
the statistic match (netfilter's xt_statistic); without them the test is skipped, with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from support.tools import run, tool

# 198.18.0.0/15 is reserved for tests of networks (RFC 2544), so it clashes with no real one.
_NETWORK = "198.18"


@dataclass(frozen=True)
class Namespace:
    """A namespace, this machine's address as seen from it, and its own."""

    name: str
    outside: str
    inside: str

    @property
    def command(self) -> tuple[str, ...]:
        """What to put in front of a command, so that it runs inside. The process id stays that of the command."""
        return (tool("ip"), "netns", "exec", self.name)

    def drop(self, port: int, ratio: float) -> None:
        """Drop this ratio of the packets to a TCP port of this machine."""
        self._rule("-A", port, ratio)

    def restore(self, port: int, ratio: float) -> None:
        """Undo `drop`."""
        self._rule("-D", port, ratio)

    def _rule(self, change: str, port: int, ratio: float) -> None:
        match = ("-m", "statistic", "--mode", "random", "--probability", str(ratio))
        rule = ("-p", "tcp", "-d", self.outside, "--dport", str(port), *match, "-j", "DROP")
        _do(*self.command[1:], tool("iptables"), "-w", change, "OUTPUT", *rule)


@contextmanager
def namespaces(count: int) -> Iterator[list[Namespace]]:
    """Make namespaces, and remove them with their interfaces."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root: run as root")
    for name in ("ip", "iptables"):
        tool(name)
    made: list[Namespace] = []
    try:
        # One by one: what was made before a failure is removed too.
        made.extend(_make(number) for number in range(count))
        yield made
    finally:
        for namespace in made:
            run(tool("ip"), "netns", "del", namespace.name)


def _make(number: int) -> Namespace:
    unique = os.getpid() % 60_000
    name, link = f"bg-{unique}-{number}", f"bg{unique}x{number}"
    subnet = f"{_NETWORK}.{unique % 250}"
    outside, inside = f"{subnet}.{4 * number + 1}", f"{subnet}.{4 * number + 2}"
    done = run(tool("ip"), "netns", "add", name)
    if done.returncode != 0:
        pytest.skip(f"network namespaces are not permitted here: {done.stderr.strip()}")
    _do("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
    _do("addr", "add", f"{outside}/30", "dev", link)
    _do("link", "set", link, "up")
    for arguments in (("addr", "add", f"{inside}/30", "dev", "eth0"), ("link", "set", "eth0", "up")):
        _do("-n", name, *arguments)
    _do("-n", name, "link", "set", "lo", "up")
    return Namespace(name, outside, inside)


def _do(*arguments: str) -> None:
    done = run(tool("ip"), *arguments)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
