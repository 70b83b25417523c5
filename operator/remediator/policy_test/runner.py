"""Runs one test: converts its series to observations, replays them, and compares the decisions."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from remediator.api.policy import Action, Policy
from remediator.api.values import format_duration
from remediator.policy_test.document import Expectation, PolicyTest, WorkloadFixture
from remediator.policy_test.notation import parse_series, parse_values
from remediator.replay.engine import Line, Replay
from remediator.replay.recording import Observation

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
"""A Monday at noon; the times of a test count from here."""


def run_test(policy: Policy, test: PolicyTest) -> list[str]:
    """Return each difference from the expectation as a sentence; an empty list if the test passes."""
    replay = Replay(policy)
    failures: list[str] = []
    expected = {item.at: item for item in test.expect}
    for observation in _observations(test):
        at = observation.at - START
        lines = replay.step(observation)
        failures += _compare(format_duration(at), lines, expected.get(at), replay)
    return failures


def _observations(test: PolicyTest) -> Iterator[Observation]:
    series = [(parse_series(item.series), parse_values(item.values), item.state) for item in test.alerts]
    signals = {"alertmanager": parse_values(test.alertmanager), "prometheus": parse_values(test.prometheus)}
    lengths = [len(values) for _, values, _ in series] + [len(values) for values in signals.values()]
    last = max(max(item.at for item in test.expect), test.interval * (max(lengths) - 1))
    fires_since: dict[int, datetime] = {}
    for index in range(last // test.interval + 1):
        at = index * test.interval
        alerts = []
        for number, (labels, values, state) in enumerate(series):
            if not _sample(values, index, missing=0):
                fires_since.pop(number, None)
                continue
            since = fires_since.setdefault(number, START + at)
            alerts.append({"labels": labels, "startsAt": since, "status": {"state": state}})
        yield Observation.model_validate(
            {
                "at": START + at,
                "alerts": alerts,
                **{name: "up" if _sample(values, index, missing=1) else "down" for name, values in signals.items()},
                "workload": _workload(test.workload, at),
            }
        )


def _sample(values: list[float | None], index: int, *, missing: float) -> float:
    value = values[index] if index < len(values) else None
    return missing if value is None else value


def _workload(states: tuple[WorkloadFixture, ...], at: timedelta) -> dict[str, object] | None:
    current = [state for state in states if state.at <= at]
    if not current or current[-1].unknown:
        return None
    state = current[-1]
    return {
        **state.model_dump(mode="json", by_alias=True, exclude={"at", "unknown"}),
        "replicas": len(state.pods) if state.replicas is None else state.replicas,
    }


def _compare(at: str, lines: list[Line], expected: Expectation | None, replay: Replay) -> Iterator[str]:
    acts = [line for line in lines if line.action is not Action.NONE]
    wanted = expected.action if expected else Action.NONE
    if wanted is Action.NONE:
        for line in acts:
            yield f"{at}: {_described(line)}, which is not expected"
    elif [line.action for line in acts] != [wanted]:
        yield f"{at}: {wanted} expected, but {'; '.join(map(_described, acts)) or 'nothing is done'}"
    if expected is None:
        return
    for line in acts[:1]:
        if expected.pods is not None and line.pods != expected.pods:
            yield f"{at}: pods {list(expected.pods)} expected, got {list(line.pods)}"
        if expected.replicas is not None and line.replicas != expected.replicas:
            yield f"{at}: {expected.replicas} replicas expected, got {line.replicas}"
    status = replay.remediations[-1].status if replay.remediations else None
    if expected.phase is not None and (status is None or status.phase is not expected.phase):
        yield f"{at}: phase {expected.phase} expected, got {status.phase if status else 'no incident'}"
    reasons = [line.reason for line in lines] or [status.reason if status else ""]
    if expected.reason is not None and expected.reason not in reasons:
        yield f"{at}: reason {expected.reason} expected, got {', '.join(reasons)}"


def _described(line: Line) -> str:
    what = " ".join(line.pods) or (f"to {line.replicas}" if line.replicas is not None else "")
    return f"{line.action} {what}".strip() + f" ({line.reason})"
