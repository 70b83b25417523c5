"""Posts invalid updates until HighErrorRate fires, has reached its receivers, and has resolved.

One hundred posts are 0.33/s over the five minutes of the rule, below its threshold of 1/s. Therefore the drill posts at
a bounded rate for a bounded time, prints each step when it first sees it, stops posting, and waits for the resolution.

With `--receiver` it reads from the receivers' logs which of them were notified of this alert. Without, it can only read
Alertmanager's counters, which count by integration, so it warns if other alerts use the same integration.
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

from drill.kubectl import DrillError, kubectl, port_forward
from drill.monitoring import ALERT, Monitoring
from drill.notifications import Notifications
from drill.routes import Receiver, other_groups, receivers_of


@dataclass
class Timeline:
    """Prints each step with the seconds since the start."""

    started: float = field(default_factory=time.monotonic)

    def mark(self, text: str) -> None:
        print(f"{time.monotonic() - self.started:7.1f} s  {text}", flush=True)


async def webhook_secret(namespace: str, name: str) -> str:
    """The webhook secret of the gateway, or an empty string if it has none."""
    secret = json.loads(await kubectl("get", "secret", "-n", namespace, name, "-o", "json"))
    return base64.b64decode(secret.get("data", {}).get("webhook-secret", "")).decode()


async def post_invalid(client: httpx.AsyncClient, url: str, secret: str, rate: float) -> None:
    """Post invalid updates at `rate` per second until cancelled."""
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


async def announce(
    timeline: Timeline, monitoring: Monitoring, labels: dict[str, str], logs: list[str]
) -> list[Receiver]:
    """Print which receivers will be notified, and return them."""
    config = await monitoring.configuration()
    receivers = [receiver for receiver in receivers_of(config, labels) if receiver.integrations]
    if not receivers:
        timeline.mark(
            f"NO RECEIVER for {ALERT} of {labels['namespace']}: nobody will be notified (docs/alerts.md;"
            " a new AlertmanagerConfig takes a minute or two to load)"
        )
        return []
    timeline.mark(f"{ALERT} of {labels['namespace']} goes to {'; '.join(map(str, receivers))}")
    if all(receiver.is_operator for receiver in receivers):
        timeline.mark("NO PERSON is among the receivers: set alerting.slack or alerting.email")
    if not logs:
        for integration, count in other_groups(await monitoring.groups(), config, receivers).items():
            if any(integration in receiver.integrations for receiver in receivers):
                timeline.mark(
                    f"{count} other groups of alerts also use {integration} and count in the same counter:"
                    " name the receiver with --receiver to tell them apart"
                )
    return receivers


async def all_notified(timeline: Timeline, notifications: Notifications, status: str, seconds: float) -> None:
    """Wait until all expected receivers were notified, printing each. Raises DrillError that names the missing ones."""
    notified: set[str] = set()
    end = time.monotonic() + seconds
    while notifications.expected - notified:
        for name in sorted(await notifications.notified(status) - notified):
            notified.add(name)
            timeline.mark(f"notified {status}: {name}")
        if time.monotonic() > end:
            failing = await notifications.failures()
            missing = ", ".join(sorted(notifications.expected - notified))
            raise DrillError(
                f"not notified {status} within {seconds:.0f} s: {missing}"
                + (f" (failing: {failing})" if failing else "")
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
        timeline = Timeline()
        receivers = await announce(timeline, monitoring, labels, args.receiver)
        notifications = Notifications(monitoring, receivers, args.receiver if receivers else [], args.namespace)

        async def held() -> bool:
            return bool(await monitoring.alerts())

        if await held():
            raise DrillError(f"{ALERT} of {args.namespace} is already firing: wait until it resolves")
        await notifications.listen()
        timeline.mark(f"posting invalid updates, {args.rate:g}/s")
        posting = asyncio.create_task(post_invalid(client, gateway, secret, args.rate))
        try:
            await until("the rule pending", lambda: monitoring.in_state("pending"), 300)
            timeline.mark(f"{ALERT} is pending in Prometheus (above its threshold)")
            await until("the rule firing", lambda: monitoring.in_state("firing"), 480)
            timeline.mark(f"{ALERT} fires in Prometheus")
            await until("the alert in Alertmanager", held, 60)
            (first, *_) = await monitoring.alerts()
            timeline.mark(f"Alertmanager has it, {first['status']['state']}")
            await all_notified(timeline, notifications, "firing", 180)
        finally:
            posting.cancel()
        timeline.mark("stopped posting")
        end = time.monotonic() + 600
        # Start to listen again before each check: the resolution may be sent before the next check sees it.
        await notifications.listen()
        while await held():
            if time.monotonic() > end:
                raise DrillError("not resolved within 600 s")
            if not args.receiver:
                await notifications.listen()
            await asyncio.sleep(2)
        timeline.mark("resolved: Alertmanager no longer has it")
        await all_notified(timeline, notifications, "resolved", 150)


def main() -> int:
    """Parse the options and run; return 1 with a one-line error if the drill cannot continue."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--namespace", default="bot-gateway")
    parser.add_argument("--release", default="bot-gateway", help="name of the gateway's Service")
    parser.add_argument("--secret", default="", help="the release's existingSecret, if it has one")
    parser.add_argument("--monitoring-namespace", default="monitoring")
    parser.add_argument("--prometheus", default="kube-prometheus-stack-prometheus", help="name of its Service")
    parser.add_argument("--alertmanager", default="kube-prometheus-stack-alertmanager", help="name of its Service")
    parser.add_argument("--rate", type=float, default=3.0, help="posts per second")
    parser.add_argument(
        "--receiver",
        action="append",
        default=[],
        metavar="KIND/NAME",
        help="a receiver in the release's namespace whose log contains its notifications, for example"
        " deploy/notification-service; may be repeated",
    )
    args = parser.parse_args()
    # SIGTERM must also stop the port-forwards, which only the cleanup of the coroutines does.
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
