"""promtool's notation of series."""

import pytest

from remediator.policy_test.notation import NotationError, parse_series, parse_values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1", [1]),
        ("1x3", [1, 1, 1, 1]),
        ("0+1x3", [0, 1, 2, 3]),
        ("3-1x2", [3, 2, 1]),
        ("-2+4x3", [-2, 2, 6, 10]),
        ("1.5", [1.5]),
        ("_", [None]),
        ("_x3 1", [None, None, None, 1]),
        ("1 stale 1", [1, None, 1]),
        ("", []),
    ],
)
def test_values(text, values):
    assert parse_values(text) == values


@pytest.mark.parametrize("text", ["x3", "1+2", "one", "1x", "{{count:1}}", "1x99999999"])
def test_wrong_values(text):
    with pytest.raises(NotationError):
        parse_values(text)


def test_series():
    assert parse_series('ALERTS{alertname="X",alertstate="firing",pod="a"}') == {"alertname": "X", "pod": "a"}
    assert parse_series('X{pod="a"}') == {"alertname": "X", "pod": "a"}
    assert parse_series('{alertname="X", note="say \\"hi\\""}') == {"alertname": "X", "note": 'say "hi"'}


@pytest.mark.parametrize(
    "text", ['ALERTS{pod="a"}', "ALERTS{alertname=X}", 'X{alertstate="pending"}', "1X", 'X{pod="a"']
)
def test_wrong_series(text):
    with pytest.raises(NotationError):
        parse_series(text)
