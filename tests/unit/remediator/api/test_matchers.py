"""Matchers mean what they mean in Alertmanager."""

import pytest

from remediator.api.matchers import Matcher, MatchError, matches_all

LABELS = {"alertname": "CircuitBreakerOpen", "severity": "critical", "note": 'say "hi"\n', "path": "a\\b"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ('alertname="CircuitBreakerOpen"', True),
        ("alertname=CircuitBreakerOpen", True),
        (' alertname = "CircuitBreakerOpen" ', True),
        ('alertname="CircuitBreaker"', False),
        ('alertname!="Other"', True),
        ('severity=~"critical|warning"', True),
        ('severity=~"crit"', False),
        ('severity=~"crit.*"', True),
        ('severity!~"crit"', True),
        ('severity!~"crit.*"', False),
        ('missing=""', True),
        ('missing!=""', False),
        ('missing=~".*"', True),
        ('missing=~".+"', False),
        ('missing!~"x"', True),
        ('note="say \\"hi\\"\\n"', True),
        ('path="a\\\\b"', True),
        ('note=~"say.*"', False),  # a dot does not match the line's end, as in RE2
    ],
)
def test_semantics(text, matches):
    assert Matcher.parse(text).matches(LABELS) is matches


@pytest.mark.parametrize(
    "text", ["CircuitBreakerOpen", "1a=b", 'a="b', 'a="b"c', 'a=b"c', "=b", 'a=~"("', r'a=~"(x)\1"', 'a=~"(?=x)y"']
)
def test_what_alertmanager_does_not_take_is_refused(text):
    with pytest.raises(MatchError):
        Matcher.parse(text)


@pytest.mark.parametrize("text", ['a="b"', 'a!="b\\"c\\\\d\\n"', 'a=~"x|y"', 'a!~""'])
def test_a_matcher_is_written_as_it_is_read(text):
    assert str(Matcher.parse(text)) == text
    assert Matcher.parse(str(Matcher.parse(text))) == Matcher.parse(text)


def test_all_of_several_must_hold():
    matchers = [Matcher.parse('alertname="CircuitBreakerOpen"'), Matcher.parse('severity="warning"')]
    assert not matches_all(matchers, LABELS)
    assert matches_all(matchers[:1], LABELS)
