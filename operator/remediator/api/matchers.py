"""Matchers of alert labels, with the syntax and the semantics of Alertmanager's.

A label that an alert does not have counts as the empty string, and a regular expression must match the whole
value. Alertmanager uses RE2; the few constructs that Python has and RE2 does not are refused, so that a
matcher never means one thing here and another in a route.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

_SYNTAX = re.compile(r"\s*(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>.*?)\s*", re.DOTALL)
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
_NOT_RE2 = re.compile(r"\(\?(?:=|!|<=|<!|>|P=|\()|\\[1-9]|[*+?}]\+")


class MatchError(ValueError):
    """A matcher is not written as Alertmanager writes it; the message says what is wrong."""


class Operator(StrEnum):
    """How a label is compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One comparison of one label, for example ``severity=~"critical|warning"``."""

    name: str
    operator: Operator
    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a matcher; the value may stand in double quotes.

        Raises:
            MatchError: the text is not a matcher.
        """
        match = _SYNTAX.fullmatch(text)
        if match is None:
            raise MatchError(f'{text!r} is not a matcher such as alertname="CircuitBreakerOpen"')
        matcher = cls(match["name"], Operator(match["operator"]), _unquoted(match["value"], text))
        if matcher.operator in {Operator.REGEX, Operator.NOT_REGEX}:
            _compiled(matcher.value)
        return matcher

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether an alert with these labels is meant."""
        actual = labels.get(self.name, "")
        if self.operator is Operator.EQUAL:
            return actual == self.value
        if self.operator is Operator.NOT_EQUAL:
            return actual != self.value
        found = _compiled(self.value).fullmatch(actual) is not None
        return found if self.operator is Operator.REGEX else not found

    def __str__(self) -> str:
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{self.operator}"{value}"'


def matches_all(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Tell whether every matcher holds for these labels."""
    return all(matcher.matches(labels) for matcher in matchers)


def _unquoted(value: str, text: str) -> str:
    if not value.startswith('"'):
        if '"' in value:
            raise MatchError(f"{text!r} has a quote in the middle of its value")
        return value
    match = _QUOTED.fullmatch(value)
    if match is None:
        raise MatchError(f"{text!r} has a quote that is not closed, or text after it")
    return re.sub(r"\\.", lambda escape: _ESCAPES.get(escape[0], escape[0]), match[1], flags=re.DOTALL)


def _compiled(expression: str) -> re.Pattern[str]:
    if _NOT_RE2.search(expression):
        raise MatchError(f"the regular expression {expression!r} uses what Alertmanager's RE2 does not have")
    try:
        return re.compile(expression, re.ASCII)
    except re.error as error:
        raise MatchError(f"the regular expression {expression!r} does not compile: {error}") from error
