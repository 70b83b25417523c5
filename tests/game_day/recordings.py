"""A fault's recording for `make test`: only the alerts of its namespace, and what the policy decides on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from game_day.fault import Fault
from remediator.api.policy import Action, Policy
from remediator.replay.engine import Replay
from remediator.replay.recording import read_recording

RECORDINGS = Path(__file__).resolve().parents[1] / "recordings"
NAMESPACE = "bots"
"""The namespace of the replayed policy."""
WATCHED = ("BackendOutlier", "CircuitBreakerOpen")
"""The alerts of the chart's default policy."""
ALERTS = ['service="bot-gateway"', f'alertname=~"{"|".join(WATCHED)}"']
POLICY = {"targetRef": {"name": "gw"}, "alerts": ALERTS, "mode": "Enforce"}


def keep(fault: Fault, recorded: Path, namespace: str) -> None:
    """Write `game-day-FAULT.jsonl` and next to it what `decide` decides on it today."""
    lines = [_cleaned(json.loads(line), namespace) for line in recorded.read_text().splitlines()]
    to = RECORDINGS / f"game-day-{fault.name}.jsonl"
    to.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    to.with_suffix(".yaml").write_text(yaml.safe_dump(_replayed(fault, to), sort_keys=False, allow_unicode=True))


def _cleaned(line: dict[str, Any], namespace: str) -> dict[str, Any]:
    alerts = [
        {**alert, "labels": {**alert["labels"], "namespace": NAMESPACE}}
        for alert in line.get("alerts", [])
        if alert["labels"].get("namespace") == namespace and alert["labels"].get("alertname") in WATCHED
    ]
    return {**line, "alerts": alerts}


def _replayed(fault: Fault, recording: Path) -> dict[str, Any]:
    replay = Replay(Policy.from_object({"metadata": {"name": "breaker", "namespace": NAMESPACE}, "spec": POLICY}))
    with recording.open() as lines:
        told = list(replay.run(read_recording(lines)))
    acts = [line for line in told if line.action is not Action.NONE]
    reasons = sorted({str(line.reason) for line in told})
    return {
        "about": f"Game day, recorded from a live cluster: {fault.title[0].lower()}{fault.title[1:]}.",
        "policy": {"alerts": ALERTS},
        "actions": [f"{line.at:%H:%M:%S} {line.action} {' '.join(line.pods)}".strip() for line in acts],
        "ends": [str(item.status.phase) for item in replay.remediations],
        "reasons": reasons,
    }
