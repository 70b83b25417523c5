"""``python -m remediator record``: what a live Alertmanager and cluster say, as a recording for ``replay``."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import aiohttp

from remediator.api.policy import TargetRef
from remediator.api.values import format_time
from remediator.decide.observed import ABSENT, Autoscaler, ObservedPod, Workload
from remediator.intake.alert_store import WATCHDOG
from remediator.intake.payload import ReceivedState
from remediator.intake.sources import Alertmanager, Prometheus, SourceError
from remediator.kube import ConnectionFailedError, KubeError, NotFoundError, connect
from remediator.kubernetes_api import KubernetesApi
from remediator.observe.signals import SignalReader, Signals
from remediator.observe.target import read_target, with_signals

_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Sources:
    """What a recording is made from."""

    alertmanager: Alertmanager
    prometheus: Prometheus | None
    signals: SignalReader | None
    kubernetes: KubernetesApi
    target: TargetRef


def main(argv: Sequence[str]) -> int:
    """Record until the time is over or a signal comes; return 1 when the cluster cannot be reached at all."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.output == "-":
            asyncio.run(_record(arguments, sys.stdout))
        else:
            with Path(arguments.output).open("a", encoding="utf-8") as output:
                asyncio.run(_record(arguments, output))
    except (ConnectionFailedError, OSError) as error:
        print(f"record: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


async def _record(arguments: argparse.Namespace, output: TextIO) -> None:
    kind, _, name = arguments.target.rpartition("/")
    target = TargetRef.model_validate({"kind": kind or "Deployment", "name": name})
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(await connect())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        prometheus = Prometheus(session, arguments.prometheus) if arguments.prometheus else None
        signals = SignalReader(prometheus, arguments.namespace, arguments.metrics_prefix) if prometheus else None
        sources = Sources(
            alertmanager=Alertmanager(session, arguments.alertmanager, arguments.namespace),
            prometheus=prometheus,
            signals=signals,
            kubernetes=KubernetesApi(api, arguments.namespace, _TIMEOUT_SECONDS),
            target=target,
        )
        ends = time.monotonic() + arguments.duration if arguments.duration else None
        while ends is None or time.monotonic() < ends:
            print(json.dumps(await observe(sources), separators=(",", ":")), file=output, flush=True)
            await asyncio.sleep(arguments.interval)


async def observe(sources: Sources) -> dict[str, Any]:
    """Return one observation; what cannot be read is said to be down, or left unknown."""
    at = datetime.now(UTC)
    line: dict[str, Any] = {"at": format_time(at), "alertmanager": "up"}
    try:
        polled = await sources.alertmanager.poll()
    except SourceError:
        line["alertmanager"] = "down"
        alerts = []
    else:
        alerts = polled.alerts
        if polled.started_at is not None:
            line["alertmanagerStartedAt"] = format_time(polled.started_at)
        line["alerts"] = [
            {
                "fingerprint": alert.fingerprint,
                "labels": alert.labels,
                "startsAt": format_time(alert.starts_at),
                "status": {"state": alert.state},
            }
            for alert in alerts
        ]
    watchdog = any(
        alert.labels.get("alertname") == WATCHDOG and alert.state is ReceivedState.ACTIVE for alert in alerts
    )
    line["prometheus"] = "up" if watchdog or await _answers(sources.prometheus) else "down"
    signals = await _signals(sources)
    if signals is not None:
        line["pending"] = [
            {"alertname": name, "pod": pod, "service_name": backend} for name, pod, backend in sorted(signals.pending)
        ]
        line["evaluations"] = {
            name: {"at": format_time(item.at), "interval": item.interval.total_seconds()}
            for name, item in signals.evaluations.items()
        }
    line["workload"] = await _workload(sources, signals)
    return line


async def _signals(sources: Sources) -> Signals | None:
    """Return what Prometheus says about the target's pods; None where it cannot be asked."""
    try:
        return await sources.signals.read(sources.target.name) if sources.signals else None
    except SourceError as error:
        print(f"record: {error}", file=sys.stderr)
        return None


async def _answers(prometheus: Prometheus | None) -> bool:
    if prometheus is None:
        return False
    try:
        await prometheus.query("vector(1)")
    except SourceError:
        return False
    return True


async def _workload(sources: Sources, signals: Signals | None) -> dict[str, Any] | None:
    try:
        found = (await read_target(sources.kubernetes, sources.target)).workload
    except NotFoundError:
        return None
    except KubeError as error:
        print(f"record: {error}", file=sys.stderr)
        return None
    return as_line(with_signals(found, signals))


def as_line(workload: Workload) -> dict[str, Any]:
    """Return the workload as a recording has it; a part that is not known is left out."""
    line: dict[str, Any] = {
        "replicas": workload.replicas,
        "pods": [_pod_line(pod) for pod in workload.pods or ()],
        "rollout": "complete" if workload.rollout_complete else "progressing",
        "paused": bool(workload.paused),
    }
    if workload.rollout_paused:
        line["rolloutPaused"] = True
    if workload.namespace_terminating:
        line["namespaceTerminating"] = True
    if workload.cannot_run:
        line["cannotRun"] = workload.cannot_run
    if workload.disruptions_allowed is ABSENT:
        line["pdb"] = None
    elif workload.disruptions_allowed is not None:
        line["pdb"] = {"disruptionsAllowed": workload.disruptions_allowed}
    if workload.autoscaler is ABSENT:
        line["hpa"] = None
    elif isinstance(workload.autoscaler, Autoscaler):
        scaler = workload.autoscaler
        line["hpa"] = {"minReplicas": scaler.min_replicas, "maxReplicas": scaler.max_replicas}
    return line


def _pod_line(pod: ObservedPod) -> dict[str, Any]:
    line: dict[str, Any] = {
        "name": pod.name,
        "ready": pod.ready,
        "restarts": pod.restarts,
        "terminating": pod.terminating,
    }
    if pod.created_at is not None:
        line["createdAt"] = format_time(pod.created_at)
    if pod.breakers is not None:
        line["breakers"] = dict(pod.breakers)
    if pod.successes is not None:
        line["successes"] = sorted(pod.successes)
    if pod.scraped_at is not None:
        line["scrapedAt"] = format_time(pod.scraped_at)
    for name, times in (("breakerOpened", pod.breaker_opened), ("lastSuccess", pod.last_success)):
        if times is not None:
            line[name] = {backend: format_time(at) for backend, at in times.items()}
    return line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="remediator record", description=__doc__)
    parser.add_argument("--alertmanager", required=True, help="base URL of Alertmanager")
    parser.add_argument("--prometheus", default="", help="base URL of Prometheus; else the Watchdog alert proves it")
    parser.add_argument("--metrics-prefix", default="bot_gateway_", help="prefix of the gateway's metrics")
    parser.add_argument("-n", "--namespace", required=True, help="namespace of the target")
    parser.add_argument("--target", required=True, help="Deployment/NAME, StatefulSet/NAME or NAME")
    parser.add_argument("--interval", type=float, default=15.0, help="seconds between observations")
    parser.add_argument("--duration", type=float, default=0.0, help="seconds to record; 0 means until stopped")
    parser.add_argument("--output", default="-", help="file to append to; - is stdout")
    return parser
