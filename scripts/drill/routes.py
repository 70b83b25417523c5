"""Which receivers an alert reaches by Alertmanager's configuration, and Alertmanager's counters of notifications.

It matches routes as Alertmanager does, so that the drill can print in advance who will be notified. It ignores
silences, inhibition and mute times, which change over time and are part of Alertmanager's state.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from remediator.api.matchers import Matcher, matches_all

SENT = "alertmanager_notifications"
FAILED = "alertmanager_notifications_failed"
OPERATOR = "remediator"


@dataclass(frozen=True)
class Receiver:
    """A receiver and its integrations (`slack`, `webhook`, ...); without any it notifies nobody."""

    name: str
    integrations: tuple[str, ...]

    @property
    def is_operator(self) -> bool:
        """Whether it is the operator, by the name in the chart."""
        return self.name.rpartition("/")[2] == OPERATOR

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.integrations) or 'notifies nobody'})"


def receivers_of(config: Mapping[str, Any], labels: Mapping[str, str]) -> list[Receiver]:
    """The receivers that an alert with these labels reaches in an alertmanager.yml, in the order of the routes.

    Raises MatchError if a matcher is invalid.
    """
    known = {receiver["name"]: _receiver(receiver) for receiver in config.get("receivers", [])}
    names = _reached(config["route"], labels)
    return [known.get(name, Receiver(name, ())) for name in dict.fromkeys(names)]


def _receiver(receiver: Mapping[str, Any]) -> Receiver:
    kinds = [key.removesuffix("_configs") for key, configs in receiver.items() if key.endswith("_configs") and configs]
    return Receiver(receiver["name"], tuple(sorted(kinds)))


def _reached(route: Mapping[str, Any], labels: Mapping[str, str], inherited: str = "") -> list[str]:
    if not _matches(route, labels):
        return []
    own = route.get("receiver", inherited)
    found: list[str] = []
    for child in route.get("routes", []):
        below = _reached(child, labels, own)
        found += below
        if below and not child.get("continue"):
            break
    return found or [own]


def _matches(route: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    matchers = [Matcher.parse(text) for text in route.get("matchers", [])]
    equal = all(labels.get(name, "") == value for name, value in route.get("match", {}).items())
    alike = all(re.fullmatch(pattern, labels.get(name, "")) for name, pattern in route.get("match_re", {}).items())
    return equal and alike and matches_all(matchers, labels)


def counted(exposition: str, metric: str) -> Counter[str]:
    """The value of a counter (SENT or FAILED) in Alertmanager's /metrics, by integration."""
    totals: Counter[str] = Counter()
    for family in text_string_to_metric_families(exposition):
        if family.name == metric:
            for sample in family.samples:
                if sample.name.endswith("_total"):
                    totals[sample.labels["integration"]] += int(sample.value)
    return totals


def other_groups(
    groups: Iterable[Mapping[str, Any]], config: Mapping[str, Any], ours: Iterable[Receiver]
) -> Counter[str]:
    """Number of groups of alerts that use other receivers, by integration: the same counters count them.

    `groups` is the response of `GET /api/v2/alerts/groups`.
    """
    own = {receiver.name for receiver in ours}
    known = {receiver["name"]: _receiver(receiver) for receiver in config.get("receivers", [])}
    return Counter(
        integration
        for group in groups
        if group["receiver"]["name"] not in own
        for integration in known.get(group["receiver"]["name"], Receiver("", ())).integrations
    )
