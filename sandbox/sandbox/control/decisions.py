"""The operator's decisions for the page: from the demo's file, or from the Remediation objects of a cluster.

The sandbox only displays what the operator wrote.
"""

from pathlib import Path

import orjson

from sandbox.control.remediations import API, SERVICE_ACCOUNT_DIR, Remediations, RemediationsUnreadableError
from sandbox.jsontypes import JsonObject
from sandbox.settings import Settings

SHOWN = 12


class OperatorView:
    """Reads decisions from the configured source; the latest is first."""

    def __init__(self, settings: Settings, service_account: Path = SERVICE_ACCOUNT_DIR, api: str = API) -> None:
        self._file = settings.operator_file
        namespace = settings.remediations_namespace
        self._remediations = Remediations(namespace, service_account, api) if namespace else None

    async def decisions(self) -> JsonObject:
        """Return ``source`` (``replay``, ``cluster`` or ``none``), ``items``, and ``error`` if reading failed."""
        if self._file is not None:
            return {"source": "replay", "items": read_decisions(self._file)}
        if self._remediations is None:
            return {"source": "none", "items": []}
        try:
            found = await self._remediations.read()
        except RemediationsUnreadableError as error:
            return {"source": "cluster", "items": [], "error": str(error)}
        decided = [decision for remediation in found for decision in decisions_of(remediation)]
        return {"source": "cluster", "items": sorted(decided, key=_at, reverse=True)[:SHOWN]}


def read_decisions(file: Path) -> list[JsonObject]:
    """Return the latest complete lines of a replay's output."""
    if not file.exists():
        return []
    lines = file.read_bytes().rpartition(b"\n")[0].splitlines()
    return [orjson.loads(line) for line in reversed(lines[-SHOWN:])]


def decisions_of(remediation: JsonObject) -> list[JsonObject]:
    """Return a Remediation's decisions in the format of a replay's lines."""
    name = remediation["metadata"]["name"]
    decisions = remediation.get("status", {}).get("decisions", [])
    return [
        {
            "at": decision["at"],
            "remediation": name,
            "phase": decision["phase"],
            "action": decision.get("action", "None"),
            "reason": decision["reason"],
            "message": decision["message"],
        }
        for decision in decisions
    ]


def _at(decision: JsonObject) -> str:
    return str(decision["at"])
