"""Durations and times, there and back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from remediator.api.values import format_duration, format_time, parse_duration, parse_time


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("10m", 600), ("1h30m", 5400), ("24h", 86400), ("90m", 5400)]
)
def test_durations(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "5x", "1d", "m", "1m1h", "-5m", "1.5h", " 5m"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


def test_a_duration_beyond_every_clock_is_refused_like_any_other_wrong_value():
    with pytest.raises(ValueError, match="too long"):
        parse_duration("99999999999999999999h")


@given(st.integers(0, 10**7))
def test_a_duration_comes_back(seconds):
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


def test_times_are_read_in_any_zone_and_written_in_utc():
    assert parse_time("2026-03-02T15:00:00+05:00") == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert parse_time("2026-03-02T10:00:00.123456789Z").microsecond == 123456
    assert format_time(parse_time("2026-03-02T15:00:00+05:00")) == "2026-03-02T10:00:00Z"
    with pytest.raises(ValueError, match="no time zone"):
        parse_time("2026-03-02T10:00:00")
