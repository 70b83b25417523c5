"""``python -m remediator summary``: what the operator did and why since last evening, over all incidents."""

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from pydantic import ValidationError

from remediator.api.names import REMEDIATION_PLURAL
from remediator.api.policy import Action, Mode
from remediator.api.remediation import DecisionEntry, Remediation
from remediator.api.values import parse_duration
from remediator.explain import after, clock, how_to_clear
from remediator.kube import ConnectionFailedError, KubeError, connect
from remediator.kubernetes_api import Json, KubernetesApi
from remediator.settings import ENV_PREFIX

_TIMEOUT_SECONDS = 30.0


def main(argv: Sequence[str]) -> int:
    """Print the summary; return 1 where the objects cannot be read, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(prog="remediator summary", description=__doc__)
    parser.add_argument("--since", default="12h", help="how far back, such as 12h or 90m; default: 12h")
    parser.add_argument(
        "-n",
        "--namespace",
        default=os.environ.get(f"{ENV_PREFIX}NAMESPACE", "default"),
        help="the namespace of the incidents; in the operator's pod its own",
    )
    arguments = parser.parse_args(argv)
    try:
        since = datetime.now(UTC) - parse_duration(arguments.since)
    except (ValueError, OverflowError) as error:
        print(f"summary: --since: {error}", file=sys.stderr)
        return 2
    try:
        objects = asyncio.run(_read(arguments.namespace))
    except (ConnectionFailedError, KubeError) as error:
        print(f"summary: {error}", file=sys.stderr)
        return 1
    remediations, unreadable = parse(objects)
    for line in summarise(remediations, since):
        print(line)
    for name in unreadable:
        print(f"summary: {name} is not a valid Remediation and is left out", file=sys.stderr)
    return 1 if unreadable else 0


async def _read(namespace: str) -> list[Json]:
    async with await connect() as api:
        return await KubernetesApi(api, namespace, _TIMEOUT_SECONDS).list_custom(REMEDIATION_PLURAL)


def parse(objects: Sequence[Json]) -> tuple[list[Remediation], list[str]]:
    """Return the Remediations, and the names of the objects that are none: one of them must not hide the others."""
    remediations, unreadable = [], []
    for body in objects:
        try:
            remediations.append(Remediation.from_object(body))
        except (ValidationError, KeyError):
            unreadable.append(str((body.get("metadata") or {}).get("name", "an object without a name")))
    return remediations, unreadable


def summarise(remediations: Sequence[Remediation], since: datetime) -> Iterator[str]:
    """Yield what happened since then: first what needs a person, then each incident with its actions and its end."""
    recent = sorted((item for item in remediations if _last_change(item) >= since), key=_start)
    if not recent:
        yield f"Since {clock(since)} there was no incident."
        return
    carried_out = sum(len(_actions(item, since)) for item in recent if item.spec.mode is Mode.ENFORCE)
    yield f"Since {clock(since)}: {_count(len(recent), 'incident')}, {_count(carried_out, 'action')} carried out."
    waiting = [item.name for item in recent if how_to_clear(item)]
    if waiting:
        yield f"Waiting for a person: {', '.join(waiting)}."
    for remediation in recent:
        yield ""
        yield from _incident(remediation, since)


def _incident(remediation: Remediation, since: datetime) -> Iterator[str]:
    status, spec = remediation.status, remediation.spec
    trial = ", as a dry run: nothing was carried out" if spec.mode is Mode.DRY_RUN else ""
    yield f"{remediation.name}: {status.phase} ({status.reason}), target {spec.target_ref}{trial}"
    start = _start(remediation)
    took = f", took {after(status.ended_at, start).lstrip('+')}" if status.ended_at else ", not ended"
    pods = f", affected {', '.join(status.affected_pods)}" if status.affected_pods else ""
    yield f"  {status.alert_name or 'opened'} at {clock(start)}{took}{pods}"
    for entry in _actions(remediation, since):
        yield f"  {clock(entry.at)} [{entry.action}]: {entry.message}"
    yield f"  {status.message}" if status.message else "  There is no decision yet."
    if how_to_clear(remediation):
        yield f"  {how_to_clear(remediation)}"


def _actions(remediation: Remediation, since: datetime) -> list[DecisionEntry]:
    return [item for item in remediation.status.decisions if item.action is not Action.NONE and item.at >= since]


def _start(remediation: Remediation) -> datetime:
    return remediation.status.first_alert_at or remediation.created_at


def _last_change(remediation: Remediation) -> datetime:
    """Return when the incident ended; one that is active or waits for a person counts in each summary."""
    if remediation.active or how_to_clear(remediation):
        return datetime.max.replace(tzinfo=UTC)
    return remediation.status.ended_at or _start(remediation)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
