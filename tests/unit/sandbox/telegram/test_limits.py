"""The flood limits answer 429 with the seconds to wait, and let bursts through as Telegram does."""

import pytest

from sandbox.telegram.errors import BotApiError
from sandbox.telegram.limits import FloodLimits


def refused(limits: FloodLimits, chat_id: int) -> int:
    with pytest.raises(BotApiError) as caught:
        limits.take(chat_id)
    assert caught.value.code == 429
    assert caught.value.parameters is not None
    return int(caught.value.parameters["retry_after"])


def test_thirty_messages_per_second_in_all(virtual_time) -> None:
    limits = FloodLimits(virtual_time.clock)
    for chat_id in range(1, 31):
        limits.take(chat_id)
    assert refused(limits, 31) == 1
    virtual_time.now += 1
    for chat_id in range(101, 131):
        limits.take(chat_id)


def test_one_message_per_second_in_a_chat_after_a_burst(virtual_time) -> None:
    limits = FloodLimits(virtual_time.clock)
    for _ in range(20):
        limits.take(1)
    assert refused(limits, 1) == 1
    virtual_time.now += 1
    limits.take(1)
    assert refused(limits, 1) == 1


def test_twenty_per_minute_in_a_group(virtual_time) -> None:
    limits = FloodLimits(virtual_time.clock)
    for _ in range(20):
        limits.take(-1)
    assert refused(limits, -1) == 3
    virtual_time.now += 60
    for _ in range(20):
        limits.take(-1)


def test_limits_can_be_disabled(virtual_time) -> None:
    limits = FloodLimits(virtual_time.clock, enabled=False)
    errors = 0
    for _ in range(100):
        try:
            limits.take(1)
        except BotApiError:
            errors += 1
    assert errors == 0
