"""Posts invalid updates until HighErrorRate fires, has reached its receivers, and has resolved.

One hundred posts are 0.33/s over the five minutes that the rule looks at, below its threshold of 1/s, so this sends a
bounded rate for a bounded time, prints each stage when it is first seen, stops sending, and waits for the resolution.

Who was told of *this* alert is read from the receivers' own logs where they are named (`--receiver`). Without them
Alertmanager's counters are all there is: they count by integration, so the drill says when other alerts share one.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx

from drill.ears import Ears
from drill.kubectl import DrillError, kubectl, port_forward
from drill.monitoring import ALERT, Monitoring
from drill.routes import Receiver, receivers_of, sharers


@dataclass
class Stages:
    """Seconds from the first post to each stage."""

    started: float = field(default_factory=time.monotonic)

    def mark(self, text: str) -> None:
        print(f"{time.monotonic() - self.started:7.1f} s  {text}", flush=True)


async def webhook_secret(namespace: str, name: str) -> str:
    """The secret that the gateway expects, or an empty string where none is set."""
    secret = json.loads(await kubectl("get", "secret", "-n", namespace, name, "-o", "json"))
    return base64.b64decode(secret.get("data", {}).get("webhook-secret", "")).decode()


async def post_invalid(client: httpx.AsyncClient, url: str, secret: str, rate: float) -> None:
    """Post what is no update, `rate` times a second, until cancelled."""
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
    while True:
        with contextlib.suppress(httpx.TransportError):
            await client.post(f"{url}/webhook", json={"invalid": "data"}, headers=headers)
        await asyncio.sleep(1 / rate)


async def until(what: str, probe: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Poll until `probe` is true. Raises DrillError naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not await probe():
        if time.monotonic() > end:
            raise DrillError(f"not seen within {seconds:.0f} s: {what}")
        await asyncio.sleep(2)


async def announce(stages: Stages, monitoring: Monitoring, labels: dict[str, str], logs: list[str]) -> list[Receiver]:
    """Say beforehand who will be told, and return those who will."""
    config = await monitoring.configuration()
    takers = [receiver for receiver in receivers_of(config, labels) if receiver.integrations]
    if not takers:
        stages.mark(
            f"NO RECEIVER takes {ALERT} of {labels['namespace']}: nobody will be told (docs/alerts.md;"
            " a new AlertmanagerConfig takes a minute or two)"
        )
        return []
    stages.mark(f"{ALERT} of {labels['namespace']} goes to {'; '.join(map(str, takers))}")
    if all(taker.is_operator for taker in takers):
        stages.mark("NO PERSON is among them: set alerting.slack or alerting.email")
    if not logs:
        for integration, count in sharers(await monitoring.groups(), config, takers).items():
            if any(integration in taker.integrations for taker in takers):
                stages.mark(
                    f"{count} other groups of alerts go out by {integration} too and are counted with it:"
                    " name the receiver with --receiver to tell them apart"
                )
    return takers


async def everybody_told(stages: Stages, ears: Ears, status: str, seconds: float) -> None:
    """Wait until all that are expected were told, marking each. Raises DrillError naming those that were not."""
    heard: set[str] = set()
    end = time.monotonic() + seconds
    while ears.expected - heard:
        for name in sorted(await ears.told(status) - heard):
            heard.add(name)
            stages.mark(f"told {status}: {name}")
        if time.monotonic() > end:
            failing = await ears.failures()
            missing = ", ".join(sorted(ears.expected - heard))
            raise DrillError(
                f"not told {status} within {seconds:.0f} s: {missing}" + (f" (failing: {failing})" if failing else "")
            )
        await asyncio.sleep(2)


async def drill(args: argparse.Namespace) -> None:
    """Run the drill against the cluster that KUBECONFIG names."""
    secret = await webhook_secret(args.namespace, args.secret or args.release)
    async with (
        port_forward(args.namespace, args.release, 8000) as gateway,
        port_forward(args.monitoring_namespace, args.prometheus, 9090) as prometheus,
        port_forward(args.monitoring_namespace, args.alertmanager, 9093) as alertmanager,
        httpx.AsyncClient(timeout=10) as client,
    ):
        monitoring = Monitoring(client, prometheus, alertmanager, args.namespace)
        labels = await monitoring.rule_labels(args.release)
        stages = Stages()
        takers = await announce(stages, monitoring, labels, args.receiver)
        ears = Ears(monitoring, takers, args.receiver if takers else [], args.namespace)

        async def held() -> bool:
            return bool(await monitoring.alerts())

        if await held():
            raise DrillError(f"{ALERT} of {args.namespace} is firing already: wait until it is over")
        await ears.listen()
        stages.mark(f"posting invalid updates, {args.rate:g}/s")
        posting = asyncio.create_task(post_invalid(client, gateway, secret, args.rate))
        try:
            await until("the rule pending", lambda: monitoring.in_state("pending"), 300)
            stages.mark(f"{ALERT} is pending in Prometheus (above its threshold)")
            await until("the rule firing", lambda: monitoring.in_state("firing"), 480)
            stages.mark(f"{ALERT} fires in Prometheus")
            await until("the alert in Alertmanager", held, 60)
            (first, *_) = await monitoring.alerts()
            stages.mark(f"Alertmanager holds it, {first['status']['state']}")
            await everybody_told(stages, ears, "firing", 180)
        finally:
            posting.cancel()
        stages.mark("no more posts")
        end = time.monotonic() + 600
        # Listening afresh at each look: the word of the end may come with the end itself.
        await ears.listen()
        while await held():
            if time.monotonic() > end:
                raise DrillError("not resolved within 600 s")
            if not args.receiver:
                await ears.listen()
            await asyncio.sleep(2)
        stages.mark("resolved: Alertmanager holds it no more")
        await everybody_told(stages, ears, "resolved", 150)


def main() -> int:
    """Parse the options and run; 1 with one line when the drill cannot go on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--namespace", default="bot-gateway")
    parser.add_argument("--release", default="bot-gateway", help="name of the gateway's Service")
    parser.add_argument("--secret", default="", help="the release's existingSecret, where it has one")
    parser.add_argument("--monitoring-namespace", default="monitoring")
    parser.add_argument("--prometheus", default="kube-prometheus-stack-prometheus", help="name of its Service")
    parser.add_argument("--alertmanager", default="kube-prometheus-stack-alertmanager", help="name of its Service")
    parser.add_argument("--rate", type=float, default=3.0, help="posts a second")
    parser.add_argument(
        "--receiver",
        action="append",
        default=[],
        metavar="KIND/NAME",
        help="a receiver whose log tells of the alert, in the release's namespace, for example"
        " deploy/notification-service; may be given several times",
    )
    args = parser.parse_args()
    # Ended by whatever signal, it must not leave its port-forwards behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asyncio.run(drill(args))
    except (DrillError, httpx.HTTPError) as error:
        print(f"alert-drill: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
