"""The operator's decisions for the page: from the demo's file, or from the Remediation objects of a cluster.

The sandbox knows the operator only by what it writes; it decides nothing.
"""

import ssl
from pathlib import Path

import aiohttp
import orjson

from sandbox.jsontypes import JsonObject
from sandbox.settings import Settings

SHOWN = 12
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
API = "https://kubernetes.default.svc/apis/remediation.bot-gateway.dev/v1alpha1"
TIMEOUT_SECONDS = 3.0


class OperatorView:
    """Where decisions come from is a setting; the latest is first."""

    def __init__(self, settings: Settings, account: Path = ACCOUNT, api: str = API) -> None:
        self._file = settings.operator_file
        self._namespace = settings.remediations_namespace
        self._account = account
        self._api = api

    async def decisions(self) -> JsonObject:
        """Return ``source`` (``replay``, ``cluster`` or ``none``), ``items``, and ``error`` where reading failed."""
        if self._file is not None:
            return {"source": "replay", "items": read_decisions(self._file)}
        if not self._namespace:
            return {"source": "none", "items": []}
        try:
            return {"source": "cluster", "items": await self._remediations()}
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            return {"source": "cluster", "items": [], "error": f"the Remediations cannot be read: {error}"}

    async def _remediations(self) -> list[JsonObject]:
        url = f"{self._api}/namespaces/{self._namespace}/remediations"
        headers = {"Authorization": f"Bearer {(self._account / 'token').read_text().strip()}"}
        trust = ssl.create_default_context(cafile=self._account / "ca.crt") if url.startswith("https:") else True
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers, raise_for_status=True) as session,
            session.get(url, ssl=trust) as response,
        ):
            found = orjson.loads(await response.read())["items"]
        decided = [decision for remediation in found for decision in decisions_of(remediation)]
        return sorted(decided, key=lambda decision: str(decision["at"]), reverse=True)[:SHOWN]


def read_decisions(file: Path) -> list[JsonObject]:
    """Return the latest whole lines of a replay; none before it has written any."""
    if not file.exists():
        return []
    lines = file.read_bytes().rpartition(b"\n")[0].splitlines()
    return [orjson.loads(line) for line in reversed(lines[-SHOWN:])]


def decisions_of(remediation: JsonObject) -> list[JsonObject]:
    """Return a Remediation's decisions in the form of a replay's lines."""
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
