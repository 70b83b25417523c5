"""The numbers of a run: the sandbox's ledger for the users, Prometheus for breakers and alerts, and the Remediation
objects for the decisions of the operator."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import httpx

from game_day.environment import Environment
from game_day.error_messages import error_message_digests
from game_day.model import Bin, Decision, Moment, Run, Step, Timeline, Users
from game_day.scenario import Scenario

LATE_SECONDS = 2.0
"""The product's own bound (slo.latency.bound)."""
BIN_SECONDS = 10
QUERY_STEP_SECONDS = 5
NOISE_SHARE = 0.05
NOISE_UPDATES = 2
"""A bin with at most so many affected updates counts as healthy: a busy node is late sometimes."""
BEFORE_SECONDS = 20
"""Traffic before the fault that belongs to the run."""

JsonObject = dict[str, Any]


def measure(scenario: Scenario, ended: float, pods_before: dict[str, str], restarts_before: int) -> Run:
    """Read everything about one release from `scenario.started` to `ended` (Unix seconds)."""
    start, namespace = scenario.started, scenario.release.namespace
    updates = scenario.release.control("GET", "/ledger/updates")["items"]
    summary = scenario.release.control("GET", "/ledger")
    remediations = scenario.release.remediations()
    steps = [_step(entry, start) for r in remediations for entry in r.get("status", {}).get("steps", [])]
    decisions = [_decision(entry, start) for r in remediations for entry in r.get("status", {}).get("decisions", [])]
    open_breakers = _series(
        scenario.environment,
        f'count(bot_gateway_service_circuit_breaker_state{{namespace="{namespace}"}} > 0)',
        start,
        ended,
    )
    firing = _series(
        scenario.environment,
        f'count(ALERTS{{alertname=~"BackendOutlier|CircuitBreakerOpen",alertstate="firing",namespace="{namespace}"}})',
        start,
        ended,
    )
    outliers = _series(
        scenario.environment,
        f'count(max by (pod, service_name) (bot_gateway_service_outlier{{namespace="{namespace}"}}) == 1)',
        start,
        ended,
    )
    bins = binned(updates, start, ended)
    removed = next((m.at - start for m in reversed(scenario.marks) if m.what == "removed"), ended - start)
    pods_after = {pod.uid for pod in scenario.release.pods()}
    return Run(
        fault="",
        mode=scenario.release.mode,
        date=datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%d %H:%M"),
        victim=scenario.victim_name,
        removed=round(removed, 1),
        ended=round(ended - start, 1),
        timeline=Timeline(
            breaker_open=_first(open_breakers),
            alert=_first(firing),
            decision=next((d.at for d in decisions if d.phase not in {"Pending", "Settling"}), None),
            action=next((s.accepted for s in steps if s.accepted is not None), None),
            recovered=recovered(bins),
            outlier=_first(outliers),
        ),
        users=_users(updates, summary),
        moments=[Moment(round(m.at - start, 1), m.what, m.note) for m in scenario.marks],
        decisions=decisions,
        steps=steps,
        phases=[r.get("status", {}).get("phase", "Pending") for r in remediations],
        replaced_pods=sorted(name for uid, name in pods_before.items() if uid not in pods_after),
        container_restarts=max(0, sum(pod.restarts for pod in scenario.release.pods()) - restarts_before),
        bins=bins,
        open_breakers=open_breakers,
        firing_alerts=firing,
        other_alerts=_other_alerts(scenario.environment, namespace, start, ended),
    )


def is_affected(update: JsonObject) -> bool:
    """Whether the update was late, lost or got an error message."""
    return _is_late(update) or _has_error_message(update)


def binned(updates: list[JsonObject], start: float, ended: float) -> list[Bin]:
    """Count the updates by the time at which they were written."""
    all_of, affected = Counter[int](), Counter[int]()
    for update in updates:
        number = int((update["created"] - start) // BIN_SECONDS)
        all_of[number] += 1
        affected[number] += is_affected(update)
    first, last = -BEFORE_SECONDS // BIN_SECONDS, int((ended - start) // BIN_SECONDS)
    return [Bin(number * BIN_SECONDS, all_of[number], affected[number]) for number in range(first, last + 1)]


def recovered(bins: list[Bin]) -> float | None:
    """Return the end of the last bin with affected updates, None without one.

    One healthy bin is not a recovery if an affected one follows.
    """
    for entry in reversed(bins):
        noise = max(NOISE_UPDATES, NOISE_SHARE * entry.updates)
        if entry.at >= 0 and entry.affected > noise:
            return entry.at + BIN_SECONDS
    return None


def _is_late(update: JsonObject) -> bool:
    return update["handled"] is None or update["handled"] - update["created"] > LATE_SECONDS


def _has_error_message(update: JsonObject) -> bool:
    digests = error_message_digests()
    return any(send["text_hash"] in digests for send in update["sends"])


def _users(updates: list[JsonObject], summary: JsonObject) -> Users:
    with_error_message = [update for update in updates if _has_error_message(update)]
    return Users(
        updates=len(updates),
        delayed=sum(_is_late(update) for update in updates),
        error_messages=len(with_error_message),
        affected=sum(is_affected(update) for update in updates),
        lost=summary["updates"]["open"] + summary["updates"]["expired"],
        repeated_writes=summary["backend"]["executed_twice"] + summary["backend"]["executed_without_key"],
        people=len({update["user_id"] for update in updates}),
        people_with_error_message=len({update["user_id"] for update in with_error_message}),
    )


def _series(environment: Environment, promql: str, start: float, ended: float) -> list[tuple[float, int]]:
    found = _range(environment, promql, start, ended)
    return [(round(at - start, 1), int(float(value))) for at, value in found[0]["values"]] if found else []


def _range(environment: Environment, promql: str, start: float, ended: float) -> list[JsonObject]:
    parameters = {"query": promql, "start": f"{start}", "end": f"{ended}", "step": f"{QUERY_STEP_SECONDS}"}
    response = httpx.get(f"{environment.prometheus_url}/api/v1/query_range", params=parameters, timeout=30)
    result: list[JsonObject] = response.raise_for_status().json()["data"]["result"]
    return result


def _first(series: list[tuple[float, int]]) -> float | None:
    return next((at for at, value in series if value), None)


def _other_alerts(environment: Environment, namespace: str, start: float, ended: float) -> list[str]:
    promql = (
        f'ALERTS{{alertstate="firing",namespace="{namespace}",alertname!~"BackendOutlier|CircuitBreakerOpen|Watchdog"}}'
    )
    found = _range(environment, f"count by (alertname) ({promql})", start, ended)
    return sorted(item["metric"]["alertname"] for item in found)


def _seconds(moment: str, start: float) -> float:
    return round(datetime.fromisoformat(moment).timestamp() - start, 1)


def _decision(entry: JsonObject, start: float) -> Decision:
    return Decision(
        _seconds(entry["at"], start), entry["phase"], entry.get("action", "None"), entry["reason"], entry["message"]
    )


def _step(entry: JsonObject, start: float) -> Step:
    accepted = _seconds(entry["acceptedAt"], start) if "acceptedAt" in entry else None
    pods = [pod["name"] for pod in entry.get("pods", [])]
    return Step(_seconds(entry["startedAt"], start), accepted, entry["action"], pods, entry["result"])
