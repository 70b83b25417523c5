"""``python -m remediator explain rem/NAME``: describe one incident, from its status alone."""

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError

from remediator.api.names import REMEDIATION_PLURAL
from remediator.api.policy import Action, Mode
from remediator.api.remediation import Phase, Remediation, StepEntry
from remediator.api.values import format_duration
from remediator.kube import ConnectionFailedError, KubeError, connect
from remediator.kubernetes_api import KubernetesApi
from remediator.settings import ENV_PREFIX
from remediator.tracing import trace_id

_TIMEOUT_SECONDS = 10.0
_PREFIXES = ("rem/", "remediation/", "remediations/")


def main(argv: Sequence[str]) -> int:
    """Print the description; return 1 when the object cannot be read, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(prog="remediator explain", description=__doc__)
    parser.add_argument("remediation", help="rem/NAME, as in kubectl get rem")
    parser.add_argument(
        "-n",
        "--namespace",
        default=os.environ.get(f"{ENV_PREFIX}NAMESPACE", "default"),
        help="the namespace it is in; in the operator's pod its own",
    )
    arguments = parser.parse_args(argv)
    name = arguments.remediation
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    try:
        remediation = asyncio.run(_read(arguments.namespace, name))
    except (ConnectionFailedError, KubeError, ValidationError) as error:
        print(f"explain: {error}", file=sys.stderr)
        return 1
    for line in describe(remediation):
        print(line)
    return 0


async def _read(namespace: str, name: str) -> Remediation:
    async with await connect() as api:
        return Remediation.from_object(
            await KubernetesApi(api, namespace, _TIMEOUT_SECONDS).read_custom(REMEDIATION_PLURAL, name)
        )


def describe(remediation: Remediation) -> Iterator[str]:
    """Yield the lines in time order, for a person who knows neither source nor policy."""
    status = remediation.status
    spec = remediation.spec
    yield f"{remediation.name}: {status.phase} ({status.reason})"
    yield f"  {status.message}" if status.message else "  There is no decision yet."
    trial = ", as a dry run: nothing was carried out" if spec.mode is Mode.DRY_RUN else ""
    yield f"Policy {spec.policy_name}, target {spec.target_ref}{trial}."
    if trace_id(remediation):
        yield f"Trace {trace_id(remediation)}."
    if spec.previous:
        yield f"The alert fired again after {spec.previous}, so it started with step {spec.start_step + 1}."
    yield ""
    yield from _alerts(remediation)
    yield "What happened:"
    start = status.first_alert_at or remediation.created_at
    for entry in status.decisions:
        acting = f" [{entry.action}]" if entry.action is not Action.NONE else ""
        yield f"  {clock(entry.at)} {after(entry.at, start):>8}  {entry.phase}{acting}: {entry.message}"
    yield from _steps(status.steps)
    yield from _end(remediation, start)


def _alerts(remediation: Remediation) -> Iterator[str]:
    alerts = remediation.status.alerts
    if not alerts:
        return
    yield f"Alert {remediation.status.alert_name}, {remediation.status.alerts_total} of it:"
    for alert in alerts:
        backend = f", backend {alert.service_name}" if alert.service_name else ""
        yield f"  pod {alert.pod}{backend}, since {clock(alert.starts_at)}: {alert.state}"
    yield ""


def _steps(steps: Sequence[StepEntry]) -> Iterator[str]:
    if not steps:
        return
    yield ""
    yield "Steps:"
    for step in steps:
        accepted = f", accepted after {after(step.accepted_at, step.started_at)}" if step.accepted_at else ""
        yield f"  {step.action} at {clock(step.started_at)}{accepted}: {step.result}"
        for pod in step.pods:
            yield f"    pod {pod.name}: {pod.state}"
        if step.scale_name is not None:
            yield f"    {step.scale_kind} {step.scale_name}: {step.from_} to {step.to}"
        if step.message:
            yield f"    {step.message}"


def _end(remediation: Remediation, start: datetime) -> Iterator[str]:
    status = remediation.status
    doubts = [item for item in status.conditions if item.status != "True" and item.message]
    if doubts:
        yield ""
        yield "Conditions that do not hold:"
        yield from (f"  {item.type} is {item.status}: {item.message}" for item in doubts)
    yield ""
    if status.ended_at is not None:
        yield f"It took {after(status.ended_at, start).lstrip('+')}."
    to_do = how_to_clear(remediation)
    if to_do:
        yield to_do
    elif status.phase is Phase.HANDED_OVER:
        yield f"Cleared by {status.cleared_by or remediation.cleared_by_annotation}."
    elif status.next_allowed_time is not None and not status.phase.terminal:
        yield f"The next step is allowed at {clock(status.next_allowed_time)}."


def how_to_clear(remediation: Remediation) -> str:
    """Return what a person does about a handover; empty where there is none or a person has cleared it."""
    status = remediation.status
    if status.phase is not Phase.HANDED_OVER or status.cleared_by or remediation.cleared_by_annotation:
        return ""
    return (
        "The operator does nothing more on this target. Clear the handover when the cause is fixed: kubectl annotate "
        f"rem/{remediation.name} remediation.bot-gateway.dev/cleared-by=NAME"
    )


def clock(moment: datetime) -> str:
    """Return a time in whole seconds of UTC."""
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"


def after(moment: datetime, start: datetime) -> str:
    """Return the time between, with a plus sign; with fractions of a second below ten."""
    span = moment - start
    if span < timedelta(seconds=10):
        return f"+{span.total_seconds():.2f}s"
    return f"+{format_duration(span)}"
