"""The seed's drill, long enough to travel the whole way: invalid posts until HighErrorRate has reached its receivers.

One hundred posts are 0.33/s over the five minutes that the rule looks at, below its threshold of 1/s, so this sends a
bounded rate for a bounded time, prints each stage when it is first seen, stops sending, and waits for the resolution.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

ALERT = "HighErrorRate"


class DrillError(Exception):
    """The drill cannot go on; the message says why and what to do."""


@dataclass
class Stages:
    """Seconds from the first post to each stage."""

    started: float = field(default_factory=time.monotonic)

    def mark(self, text: str) -> None:
        print(f"{time.monotonic() - self.started:7.1f} s  {text}", flush=True)


async def kubectl(*args: str) -> str:
    """What kubectl prints. Raises DrillError with its message when it fails."""
    process = await asyncio.create_subprocess_exec(
        "kubectl", *args, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    if process.returncode:
        raise DrillError(f"kubectl {' '.join(args)}: {err.decode().strip()}")
    return out.decode()


@contextlib.asynccontextmanager
async def port_forward(namespace: str, service: str, port: int) -> AsyncIterator[str]:
    """A base URL on this machine that leads to the service's port."""
    process = await asyncio.create_subprocess_exec(
        "kubectl", "port-forward", "-n", namespace, f"svc/{service}", f":{port}",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        if process.stdout is None or process.stderr is None:
            raise DrillError("kubectl port-forward has no output to read")
        found = re.search(r"127\.0\.0\.1:(\d+)", (await process.stdout.readline()).decode())
        if not found:
            raise DrillError(
                f"port-forward to {service} in {namespace}: {(await process.stderr.read()).decode().strip()}"
            )
        yield f"http://127.0.0.1:{found.group(1)}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def webhook_secret(namespace: str, release: str) -> str:
    """The secret that the gateway expects, or an empty string where none is set."""
    secret = json.loads(await kubectl("get", "secret", "-n", namespace, release, "-o", "json"))
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


async def drill(args: argparse.Namespace) -> None:
    """Run the drill against the cluster that KUBECONFIG names."""
    secret = await webhook_secret(args.namespace, args.release)
    async with (
        port_forward(args.namespace, args.release, 8000) as gateway,
        port_forward(args.monitoring_namespace, args.prometheus, 9090) as prometheus,
        port_forward(args.monitoring_namespace, args.alertmanager, 9093) as alertmanager,
        httpx.AsyncClient(timeout=10) as client,
    ):
        labels = {"alertname": ALERT, "namespace": args.namespace}

        async def query(promql: str) -> list[dict[str, Any]]:
            answer = await client.get(f"{prometheus}/api/v1/query", params={"query": promql})
            result: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["result"]
            return result

        async def in_state(state: str) -> bool:
            return bool(await query(f'ALERTS{{alertname="{ALERT}",namespace="{args.namespace}",alertstate="{state}"}}'))

        async def receivers() -> set[str]:
            answer = await client.get(f"{alertmanager}/api/v2/alerts")
            ours = [alert for alert in answer.raise_for_status().json() if labels.items() <= alert["labels"].items()]
            return {receiver["name"] for alert in ours for receiver in alert["receivers"]}

        async def held() -> bool:
            return bool(await receivers())

        async def sent() -> float:
            found = await query("sum(alertmanager_notifications_total)")
            return float(found[0]["value"][1]) if found else 0.0

        before = await sent()
        stages = Stages()
        stages.mark(f"posting invalid updates, {args.rate:g}/s")
        posting = asyncio.create_task(post_invalid(client, gateway, secret, args.rate))
        try:
            await until("the rule pending", lambda: in_state("pending"), 180)
            stages.mark(f"{ALERT} is pending in Prometheus (above 1/s)")
            await until("the rule firing", lambda: in_state("firing"), 480)
            stages.mark(f"{ALERT} fires (5 minutes above the threshold)")
            await until("the alert in Alertmanager", held, 60)
            stages.mark(f"Alertmanager holds it for {', '.join(sorted(await receivers()))}")

            async def notified() -> bool:
                return await sent() > before

            await until("a notification", notified, 180)
            stages.mark("Alertmanager has sent notifications (of any alert) since the first post")
        finally:
            posting.cancel()
        stages.mark("no more posts")

        async def resolved() -> bool:
            return not await held()

        await until("the resolution", resolved, 600)
        stages.mark("resolved: Alertmanager holds it no more")


def main() -> int:
    """Parse the options and run; 1 with one line when the drill cannot go on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--namespace", default="bot-gateway")
    parser.add_argument("--release", default="bot-gateway", help="name of the gateway's Service and Secret")
    parser.add_argument("--monitoring-namespace", default="monitoring")
    parser.add_argument("--prometheus", default="kube-prometheus-stack-prometheus", help="name of its Service")
    parser.add_argument("--alertmanager", default="kube-prometheus-stack-alertmanager", help="name of its Service")
    parser.add_argument("--rate", type=float, default=3.0, help="posts a second")
    args = parser.parse_args()
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
