"""Push and poll as one state, in whatever order they come."""

from datetime import UTC, datetime, timedelta

from remediator.intake.book import AlertBook
from remediator.intake.payload import AlertState, Received

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


def received(fingerprint: str, state: AlertState = AlertState.ACTIVE, name: str = "A") -> Received:
    return Received(fingerprint, {"alertname": name}, START, state)


def names(book: AlertBook) -> set[str]:
    return {alert.fingerprint for alert in book.alerts()}


def test_poll_replaces_what_was_known() -> None:
    clock = Clock()
    book = AlertBook(clock=clock, polling=True)
    book.push([received("a")])
    book.replace([received("b")], clock.forward(1))
    assert names(book) == {"b"}


def test_webhook_during_a_poll_is_newer_than_its_answer() -> None:
    clock = Clock()
    book = AlertBook(clock=clock, polling=True)
    book.push([received("old")])
    asked = clock.forward(1)
    clock.forward(1)
    book.push([received("new"), received("old", AlertState.RESOLVED)])
    book.replace([received("old")], asked)
    assert names(book) == {"new"}


def test_silenced_alert_stays_known_as_suppressed() -> None:
    clock = Clock()
    book = AlertBook(clock=clock, polling=True)
    book.push([received("a")])
    book.replace([received("a", AlertState.SUPPRESSED)], clock.forward(1))
    assert [alert.state for alert in book.alerts()] == [AlertState.SUPPRESSED]


def test_failed_poll_holds_what_was_known_and_says_that_it_is_old() -> None:
    clock = Clock()
    book = AlertBook(clock=clock, polling=True)
    assert not book.known
    book.replace([received("a")], clock.forward(1))
    assert book.known
    book.fail()
    assert not book.known
    assert names(book) == {"a"}


def test_watchdog_proves_only_while_it_is_active_in_a_poll_that_worked() -> None:
    clock = Clock()
    book = AlertBook(clock=clock, polling=True)
    book.replace([received("w", name="Watchdog")], clock.forward(1))
    assert book.watchdog
    book.fail()
    assert not book.watchdog
    book.replace([], clock.forward(1))
    assert not book.watchdog


def test_without_polling_nothing_is_known_until_alertmanager_has_repeated_itself() -> None:
    clock = Clock()
    book = AlertBook(clock=clock, polling=False, grace=timedelta(minutes=6))
    assert not book.known
    clock.forward(361)
    assert book.known
    assert book.read_at == clock.now


def test_pushed_watchdog_is_proof_for_a_while() -> None:
    clock = Clock()
    book = AlertBook(clock=clock, polling=False)
    book.push([received("w", name="Watchdog")])
    assert book.watchdog
    clock.forward(16 * 60)
    assert not book.watchdog
