"""From what the outside saw to the numbers of a run: ledger for the users, Prometheus for breakers and alerts, and the
Remediation objects for what the operator decided."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import httpx

from game_day.lane import Lane
from game_day.model import Bin, Decision, Moment, Run, Stages, Step, Users
from game_day.scene import Scene
from game_day.texts import apology_digests

LATE_SECONDS = 2.0
"""The product's own bound (slo.latency.bound)."""
BIN_SECONDS = 10
QUERY_STEP_SECONDS = 5
NOISE_SHARE = 0.05
NOISE_UPDATES = 2
"""A bin with no more trouble than that counts as served: a busy node is late now and then."""
BEFORE_SECONDS = 20
"""Traffic before the fault that a run looks back on."""

JsonObject = dict[str, Any]


def measure(scene: Scene, ended: float, pods_before: dict[str, str], restarts_before: int) -> Run:
    """Read everything about one release from `scene.started` to `ended` (Unix seconds)."""
    start, namespace = scene.started, scene.release.namespace
    updates = scene.release.control("GET", "/ledger/updates")["items"]
    summary = scene.release.control("GET", "/ledger")
    remediations = scene.release.remediations()
    steps = [_step(entry, start) for r in remediations for entry in r.get("status", {}).get("steps", [])]
    decisions = [_decision(entry, start) for r in remediations for entry in r.get("status", {}).get("decisions", [])]
    open_breakers = _series(
        scene.lane, f'count(bot_gateway_service_circuit_breaker_state{{namespace="{namespace}"}} > 0)', start, ended
    )
    firing = _series(
        scene.lane,
        f'count(ALERTS{{alertname="CircuitBreakerOpen",alertstate="firing",namespace="{namespace}"}})',
        start,
        ended,
    )
    bins = binned(updates, start, ended)
    undone = next((m.at - start for m in reversed(scene.marks) if m.what == "undone"), ended - start)
    pods_after = {pod.uid for pod in scene.release.pods()}
    return Run(
        fault="",
        mode=scene.release.mode,
        date=datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%d %H:%M"),
        victim=scene.victim_name,
        undone=round(undone, 1),
        ended=round(ended - start, 1),
        stages=Stages(
            breaker_open=_first(open_breakers),
            alert=_first(firing),
            decision=next((d.at for d in decisions if d.phase not in {"Pending", "Settling"}), None),
            action=next((s.accepted for s in steps if s.accepted is not None), None),
            recovered=recovered(bins),
        ),
        users=_users(updates, summary),
        moments=[Moment(round(m.at - start, 1), m.what, m.note) for m in scene.marks],
        decisions=decisions,
        steps=steps,
        phases=[r.get("status", {}).get("phase", "Pending") for r in remediations],
        replaced_pods=sorted(name for uid, name in pods_before.items() if uid not in pods_after),
        container_restarts=max(0, sum(pod.restarts for pod in scene.release.pods()) - restarts_before),
        bins=bins,
        open_breakers=open_breakers,
        firing_alerts=firing,
        other_alerts=_other_alerts(scene.lane, namespace, start, ended),
    )


def is_troubled(update: JsonObject) -> bool:
    """Whether its writer was let down: late, lost, or an apology."""
    return _is_late(update) or _has_apology(update)


def binned(updates: list[JsonObject], start: float, ended: float) -> list[Bin]:
    """Count the updates by the moment at which they were written."""
    all_of, troubled = Counter[int](), Counter[int]()
    for update in updates:
        number = int((update["created"] - start) // BIN_SECONDS)
        all_of[number] += 1
        troubled[number] += is_troubled(update)
    first, last = -BEFORE_SECONDS // BIN_SECONDS, int((ended - start) // BIN_SECONDS)
    return [Bin(number * BIN_SECONDS, all_of[number], troubled[number]) for number in range(first, last + 1)]


def recovered(bins: list[Bin]) -> float | None:
    """Return the end of the last bin in which users were let down, None where none were.

    One calm bin is no recovery: it counts only when nothing came after it.
    """
    for entry in reversed(bins):
        noise = max(NOISE_UPDATES, NOISE_SHARE * entry.updates)
        if entry.at >= 0 and entry.troubled > noise:
            return entry.at + BIN_SECONDS
    return None


def _is_late(update: JsonObject) -> bool:
    return update["handled"] is None or update["handled"] - update["created"] > LATE_SECONDS


def _has_apology(update: JsonObject) -> bool:
    digests = apology_digests()
    return any(send["text_hash"] in digests for send in update["sends"])


def _users(updates: list[JsonObject], summary: JsonObject) -> Users:
    with_apology = [update for update in updates if _has_apology(update)]
    return Users(
        updates=len(updates),
        delayed=sum(_is_late(update) for update in updates),
        apologies=len(with_apology),
        troubled=sum(is_troubled(update) for update in updates),
        lost=summary["updates"]["open"] + summary["updates"]["expired"],
        done_twice=summary["backend"]["executed_twice"] + summary["backend"]["executed_without_key"],
        people=len({update["user_id"] for update in updates}),
        people_with_apology=len({update["user_id"] for update in with_apology}),
    )


def _series(lane: Lane, promql: str, start: float, ended: float) -> list[tuple[float, int]]:
    found = _range(lane, promql, start, ended)
    return [(round(at - start, 1), int(float(value))) for at, value in found[0]["values"]] if found else []


def _range(lane: Lane, promql: str, start: float, ended: float) -> list[JsonObject]:
    parameters = {"query": promql, "start": f"{start}", "end": f"{ended}", "step": f"{QUERY_STEP_SECONDS}"}
    answer = httpx.get(f"{lane.prometheus_url}/api/v1/query_range", params=parameters, timeout=30)
    result: list[JsonObject] = answer.raise_for_status().json()["data"]["result"]
    return result


def _first(series: list[tuple[float, int]]) -> float | None:
    return next((at for at, value in series if value), None)


def _other_alerts(lane: Lane, namespace: str, start: float, ended: float) -> list[str]:
    promql = f'ALERTS{{alertstate="firing",namespace="{namespace}",alertname!~"CircuitBreakerOpen|Watchdog"}}'
    found = _range(lane, f"count by (alertname) ({promql})", start, ended)
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
