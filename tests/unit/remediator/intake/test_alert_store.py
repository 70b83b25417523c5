"""Push and poll as one state, in whatever order they come."""

from datetime import UTC, datetime, timedelta

from remediator.intake.alert_store import AlertStore
from remediator.intake.payload import Received, ReceivedState
from remediator.intake.sources import Polled

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START
        self.seconds = 0.0

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.seconds

    def forward(self, seconds: float) -> float:
        self.now += timedelta(seconds=seconds)
        self.seconds += seconds
        return self.seconds


def received(fingerprint: str, state: ReceivedState = ReceivedState.ACTIVE, name: str = "A") -> Received:
    return Received(fingerprint, {"alertname": name}, START, state)


def names(alert_store: AlertStore) -> set[str]:
    return {alert.fingerprint for alert in alert_store.alerts()}


def test_poll_replaces_what_was_known() -> None:
    clock = Clock()
    alert_store = AlertStore(clock=clock, monotonic=clock.monotonic, polling=True)
    alert_store.push([received("a")])
    alert_store.replace(Polled([received("b")]), clock.forward(1))
    assert names(alert_store) == {"b"}


def test_webhook_during_a_poll_is_newer_than_its_answer() -> None:
    clock = Clock()
    alert_store = AlertStore(clock=clock, monotonic=clock.monotonic, polling=True)
    alert_store.push([received("old")])
    asked = clock.forward(1)
    clock.forward(1)
    alert_store.push([received("new"), received("old", ReceivedState.RESOLVED)])
    alert_store.replace(Polled([received("old")]), asked)
    assert names(alert_store) == {"new"}


def test_silenced_alert_stays_known_as_suppressed() -> None:
    clock = Clock()
    alert_store = AlertStore(clock=clock, monotonic=clock.monotonic, polling=True)
    alert_store.push([received("a")])
    alert_store.replace(Polled([received("a", ReceivedState.SUPPRESSED)]), clock.forward(1))
    assert [alert.state for alert in alert_store.alerts()] == [ReceivedState.SUPPRESSED]


def test_failed_poll_holds_what_was_known_and_says_that_it_is_old() -> None:
    clock = Clock()
    alert_store = AlertStore(clock=clock, monotonic=clock.monotonic, polling=True)
    assert not alert_store.known
    alert_store.replace(Polled([received("a")]), clock.forward(1))
    assert alert_store.known
    alert_store.fail()
    assert not alert_store.known
    assert names(alert_store) == {"a"}


def test_watchdog_proves_only_while_it_is_active_in_a_poll_that_worked() -> None:
    clock = Clock()
    alert_store = AlertStore(clock=clock, monotonic=clock.monotonic, polling=True)
    alert_store.replace(Polled([received("w", name="Watchdog")]), clock.forward(1))
    assert alert_store.watchdog
    alert_store.fail()
    assert not alert_store.watchdog
    alert_store.replace(Polled([]), clock.forward(1))
    assert not alert_store.watchdog


def test_without_polling_nothing_is_known_until_alertmanager_has_repeated_itself() -> None:
    clock = Clock()
    alert_store = AlertStore(clock=clock, monotonic=clock.monotonic, polling=False, grace=timedelta(minutes=6))
    assert not alert_store.known
    clock.forward(361)
    assert alert_store.known
    assert alert_store.read_at == clock.now


def test_pushed_watchdog_is_proof_for_a_while() -> None:
    clock = Clock()
    alert_store = AlertStore(clock=clock, monotonic=clock.monotonic, polling=False)
    alert_store.push([received("w", name="Watchdog")])
    assert alert_store.watchdog
    clock.forward(16 * 60)
    assert not alert_store.watchdog


def test_an_alert_whose_route_is_muted_counts_as_suppressed() -> None:
    """Alertmanager says `active` in /api/v2/alerts; only the groups of the operator's receiver say that it is muted."""
    clock = Clock()
    alert_store = AlertStore(clock=clock, monotonic=clock.monotonic, polling=True)
    alert_store.replace(Polled([received("a"), received("b")], muted=frozenset({"a"})), clock.forward(1))
    states = {alert.fingerprint: alert.state for alert in alert_store.alerts()}
    assert states == {"a": ReceivedState.SUPPRESSED, "b": ReceivedState.ACTIVE}


def test_a_wall_clock_that_is_set_back_neither_ends_nor_refreshes_an_alert() -> None:
    clock = Clock()
    alert_store = AlertStore(clock=clock, monotonic=clock.monotonic, polling=True)
    alert_store.push([received("a", ReceivedState.RESOLVED)])
    clock.now -= timedelta(hours=1)
    alert_store.replace(Polled([received("a")]), clock.forward(1))
    assert names(alert_store) == {"a"}
