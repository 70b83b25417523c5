"""Which receivers an alert reaches by Alertmanager's own configuration, and what Alertmanager counts of its sending.

It walks the routes as Alertmanager does, so that a drill can say beforehand who will be told. Silences, inhibition and
mute times are not looked at: they belong to the moment, and Alertmanager's state tells them.
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
    """A receiver and the integrations (`slack`, `webhook`, ...) it sends by; none means that it tells nobody."""

    name: str
    integrations: tuple[str, ...]

    @property
    def is_operator(self) -> bool:
        """Whether it is the remediator, under the name that the chart gives it."""
        return self.name.rpartition("/")[2] == OPERATOR

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.integrations) or 'tells nobody'})"


def receivers_of(config: Mapping[str, Any], labels: Mapping[str, str]) -> list[Receiver]:
    """The receivers that an alert with these labels reaches by an alertmanager.yml, in the order of the routes.

    Raises MatchError where a matcher cannot be read.
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
    """What Alertmanager's /metrics says of a counter (SENT or FAILED), by integration and over all else."""
    totals: Counter[str] = Counter()
    for family in text_string_to_metric_families(exposition):
        if family.name == metric:
            for sample in family.samples:
                if sample.name.endswith("_total"):
                    totals[sample.labels["integration"]] += int(sample.value)
    return totals


def sharers(groups: Iterable[Mapping[str, Any]], config: Mapping[str, Any], ours: Iterable[Receiver]) -> Counter[str]:
    """Groups of alerts that go to other receivers by the same integrations: their notifications count there too.

    `groups` is what `GET /api/v2/alerts/groups` answers.
    """
    own = {receiver.name for receiver in ours}
    known = {receiver["name"]: _receiver(receiver) for receiver in config.get("receivers", [])}
    return Counter(
        integration
        for group in groups
        if group["receiver"]["name"] not in own
        for integration in known.get(group["receiver"]["name"], Receiver("", ())).integrations
    )
