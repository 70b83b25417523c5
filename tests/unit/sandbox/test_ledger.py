"""The ledger tells handled from delivered, doubles from honest repeats, and forgets the oldest."""

import pytest

from sandbox.ledger import Ledger


def handled(ledger: Ledger, update_id: int, *statuses: int, sends: tuple[str, ...] = ()) -> None:
    ledger.update_created(update_id, "message", "chat:1", 1, 1)
    for number, status in enumerate(statuses):
        ledger.attempt_started(update_id)
        if number == 0:
            for text in sends:
                ledger.sent("sendMessage", 1, 200, text)
        ledger.attempt_ended(update_id, status)


def test_summary_counts(ledger: Ledger) -> None:
    handled(ledger, 1, 503, 200)
    handled(ledger, 2, 200)
    ledger.update_created(3, "message", "chat:1", 1, 1)
    updates = ledger.summary()["updates"]
    assert updates == {
        "created": 3,
        "delivered": 3,
        "redelivered": 1,
        "handled": 2,
        "failed_attempts": 1,
        "expired": 0,
        "open": 1,
    }


def test_a_send_is_attributed_to_the_open_update_of_its_chat(ledger: Ledger) -> None:
    handled(ledger, 1, 200, sends=("a",))
    handled(ledger, 2, 200, sends=("a",))
    ledger.sent("sendMessage", 1, 200, "broadcast")
    assert [send["updates"] for send in ledger.sends()] == [[1], [2], []]
    assert ledger.duplicates()["sends"] == []


@pytest.mark.parametrize(("statuses", "redelivered"), [((0, 200), True), ((200,), False)])
def test_a_duplicate_send_tells_whether_the_update_was_redelivered(ledger: Ledger, statuses, redelivered: bool) -> None:
    handled(ledger, 1, *statuses, sends=("a", "a", "b"))
    (double,) = ledger.duplicates()["sends"]
    assert (double["update_id"], len(double["times"]), double["redelivered"]) == (1, 2, redelivered)


def test_equal_sends_while_two_updates_are_open_are_not_duplicates(ledger: Ledger) -> None:
    for update_id, kind, queue in ((1, "message", "chat:1"), (2, "callback_query", "user:1")):
        ledger.update_created(update_id, kind, queue, 1, 1)
        ledger.attempt_started(update_id)
    for _ in range(2):
        ledger.sent("sendMessage", 1, 200, "a")
    assert ledger.duplicates()["sends"] == []


def test_a_refused_send_is_not_an_effect(ledger: Ledger) -> None:
    handled(ledger, 1, 200, sends=())
    ledger.update_created(2, "message", "chat:1", 1, 1)
    ledger.attempt_started(2)
    ledger.sent("sendMessage", 1, 403, "a")
    ledger.attempt_ended(2, 200)
    handled(ledger, 3, 200, sends=("a",))
    assert ledger.without_effect() == [1, 2]


def effect(ledger: Ledger, key: str, body: bytes = b"{}") -> None:
    ledger.effect_executed("request", "POST", "/api/v1/requests", "1", key, body, 201)


def test_the_same_write_under_two_keys_is_a_duplicate(ledger: Ledger) -> None:
    effect(ledger, "k1")
    effect(ledger, "k2")
    effect(ledger, "k3", b"other")
    (double,) = ledger.duplicates()["backend"]
    assert double["keys"] == ["k1", "k2"]


def test_replays_are_counted_per_key(ledger: Ledger) -> None:
    effect(ledger, "k1")
    ledger.effect_replayed("request", "k1")
    (record,) = ledger.effects()
    assert (record["executed"], record["replayed"]) == (1, 1)
    assert ledger.summary()["backend"] == {
        "executed": 1,
        "executed_without_key": 0,
        "executed_twice": 0,
        "replayed": 1,
    }


def test_a_key_executed_twice_is_reported(ledger: Ledger) -> None:
    effect(ledger, "k1")
    effect(ledger, "k1")
    assert ledger.summary()["backend"]["executed_twice"] == 1


def test_records_are_bounded_and_totals_are_not(virtual_time) -> None:
    ledger = Ledger(virtual_time.clock, size=3)
    for update_id in range(1, 11):
        handled(ledger, update_id, 200, sends=("a",))
        effect(ledger, f"k{update_id}", str(update_id).encode())
    assert [update["update_id"] for update in ledger.updates()] == [8, 9, 10]
    assert (len(ledger.sends()), len(ledger.effects())) == (3, 3)
    assert ledger.summary()["updates"]["handled"] == 10


def test_since_returns_newer_records(ledger: Ledger) -> None:
    handled(ledger, 1, 200, sends=("a",))
    handled(ledger, 2, 200, sends=("b",))
    assert [update["update_id"] for update in ledger.updates(since=1)] == [2]
    assert len(ledger.sends(since=ledger.sends()[0]["number"])) == 1
