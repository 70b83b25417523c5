"""How the decisions of a replay are written: one line each, as JSON or for people."""

import json

from remediator.api.policy import Action
from remediator.api.values import format_time
from remediator.replay.engine import Line


def as_json(line: Line) -> str:
    """Return a decision as one line of JSON."""
    return json.dumps(
        {
            "at": format_time(line.at),
            "remediation": line.remediation,
            "phase": line.phase,
            "action": line.action,
            "pods": list(line.pods),
            "replicas": line.replicas,
            "reason": line.reason,
            "message": line.message,
        },
        ensure_ascii=False,
    )


def as_text(line: Line) -> str:
    """Return a decision as one line for a person."""
    what = "" if line.action is Action.NONE else f" {line.action}"
    details = " ".join(line.pods) if line.pods else f"to {line.replicas}" if line.replicas is not None else ""
    if details and what:
        what = f"{what} {details}"
    where = f"{line.remediation} {line.phase}" if line.remediation else "no incident"
    return f"{format_time(line.at)}  {where}{what}  {line.reason}: {line.message}"
