"""From the ledger's updates to the moment at which users were served again."""

import pytest

from game_day.error_messages import ERROR_MESSAGES, LANGUAGES, error_message_digests, translated
from game_day.measure import BIN_SECONDS, binned, is_affected, recovered
from game_day.model import Bin
from sandbox.ledger import text_hash
from sandbox.telegram.sending import visible_content


def update(created, *, took=0.1, text="Your requests"):
    """An update as /ledger/updates gives it; ``took`` None was never handled."""
    send = {"text_hash": text_hash(visible_content("sendMessage", {"text": text}))}
    return {"created": created, "handled": None if took is None else created + took, "sends": [send], "user_id": 1001}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ERROR_MESSAGES)
def test_every_error_message_is_known_in_every_language(text, language):
    said = translated(text, language)
    assert (said == text) == (language == "en")
    assert is_affected(update(0.0, text=said))


def test_a_reworded_error_message_is_an_error_not_a_silence():
    with pytest.raises(KeyError, match="catalogue"):
        translated("We are so sorry.", "ru")


def test_digests_differ():
    assert len(error_message_digests()) == len(ERROR_MESSAGES) * len(LANGUAGES)


@pytest.mark.parametrize(("took", "expected"), [(0.1, False), (2.0, False), (2.1, True), (None, True)])
def test_late_or_never_is_affected(took, expected):
    assert is_affected(update(50.0, took=took)) is expected


def test_updates_are_counted_where_they_were_written():
    bins = binned([update(95.0), update(100.0), update(109.9, took=None), update(110.0)], start=100.0, ended=125.0)
    assert [entry for entry in bins if entry.updates] == [Bin(-10, 1, 0), Bin(0, 2, 1), Bin(10, 1, 0)]
    assert (bins[0].at, bins[-1].at) == (-20, 20)


def bins(*affected, updates=40):
    return [Bin(number * BIN_SECONDS, updates, count) for number, count in enumerate(affected)]


def test_recovered_at_the_end_of_the_last_affected_bin():
    assert recovered(bins(0, 12, 9, 0, 0)) == 30


def test_a_healthy_moment_between_is_no_recovery():
    assert recovered(bins(0, 12, 0, 0, 9, 0)) == 50


def test_noise_does_not_count():
    assert recovered(bins(0, 2, 2, 0)) is None
    assert recovered(bins(0, 12, 4, updates=100)) == 20


def test_updates_before_the_fault_does_not_count():
    assert recovered([Bin(-10, 40, 20), Bin(0, 40, 0)]) is None
