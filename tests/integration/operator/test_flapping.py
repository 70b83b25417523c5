"""A hundred alerts that flap for ten minutes, in a time of the test's own, on a real API server."""

import asyncio
import tracemalloc
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from kubernetes.aio import client
from prometheus_client import CollectorRegistry

from remediator.api.policy import TargetRef
from remediator.events import EventRecorder
from remediator.intake.alert_store import AlertStore
from remediator.intake.payload import Received, ReceivedState
from remediator.intake.sources import Polled
from remediator.kubernetes_api import KubernetesApi
from remediator.metrics import Metrics
from remediator.observe.observer import Observer
from remediator.reconcile.announce import Announcer
from remediator.reconcile.reconciler import Reconciler
from remediator.reconcile.store import Store
from support.workloads import deploy, deployment, eventually, policy, ready_pods, remediations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(580)]

TARGETS = ("web-a", "web-b", "web-c", "web-d")
ALERTS_A_TARGET = 25
SCRAPE = timedelta(seconds=15)
MINUTES = 10
WATCHDOG = Received("0" * 16, {"alertname": "Watchdog"}, datetime(2026, 1, 1, tzinfo=UTC), ReceivedState.ACTIVE)


class Bench:
    """The operator's rounds on the real cluster, with a clock that the test moves."""

    def __init__(self, kubernetes: KubernetesApi) -> None:
        self.now = datetime.now(UTC)
        self.firing: list[Received] = []
        self.metrics = Metrics(CollectorRegistry())
        self.alert_store = AlertStore(clock=self.clock, monotonic=lambda: self.now.timestamp(), polling=True)
        self.events = EventRecorder(kubernetes, "test")
        self.reconciler = Reconciler(
            kubernetes=kubernetes,
            store=Store(kubernetes),
            observer=Observer(
                kubernetes=kubernetes,
                alert_store=self.alert_store,
                signals=None,
                metrics=self.metrics,
                refresh=self.poll,
                clock=self.clock,
                settling=timedelta(seconds=45),
            ),
            announcer=Announcer(events=self.events, metrics=self.metrics, clock=self.clock),
            metrics=self.metrics,
            clock=self.clock,
        )

    def clock(self) -> datetime:
        return self.now

    async def poll(self) -> None:
        self.alert_store.replace(Polled([WATCHDOG, *self.firing]), self.now.timestamp())

    def push(self, alerts: list[Received], *, firing: bool) -> None:
        """Take a webhook: the alerts began, or ended."""
        state = ReceivedState.ACTIVE if firing else ReceivedState.RESOLVED
        self.alert_store.push(Received(item.fingerprint, item.labels, item.starts_at, state) for item in alerts)
        self.firing = alerts if firing else []


async def test_hundred_flapping_alerts_act_once_a_target_in_a_cooldown(
    api: client.ApiClient, crds: None, kubernetes: KubernetesApi
) -> None:
    for name in TARGETS:
        await deploy(api, kubernetes, deployment(name, replicas=3))
        spec = policy(name, targetRef={"name": name}, maxConcurrent=len(TARGETS))
        await kubernetes.create_custom("remediationpolicies", spec)
    bench = Bench(kubernetes)
    memory: list[int] = []
    tracemalloc.start()
    try:
        for scrape in range(int(timedelta(minutes=MINUTES) / SCRAPE) + 1):
            alerts = [alert for name in TARGETS for alert in await _alerts_of(kubernetes, name, bench.now)]
            assert len(alerts) == len(TARGETS) * ALERTS_A_TARGET
            bench.push(alerts, firing=scrape % 2 == 0)
            for poll in (False, True):
                await asyncio.gather(*(bench.reconciler.run(TargetRef(name=name), poll=poll) for name in TARGETS))
            memory.append(tracemalloc.get_traced_memory()[0])
            bench.now += SCRAPE
    finally:
        tracemalloc.stop()
    found = await remediations(kubernetes)
    assert Counter(item["spec"]["targetRef"]["name"] for item in found) == dict.fromkeys(TARGETS, 1)
    for item in found:
        assert [step["action"] for step in item["status"]["steps"]] == ["RestartPods"]
        assert [pod["state"] for pod in item["status"]["steps"][0]["pods"]] == ["Evicted"]
        assert len(item["status"]["alerts"]) <= 50
        assert len(item["status"]["decisions"]) <= 50
    # The first rounds fill what is filled once; from then on nothing grows.
    assert max(memory[len(memory) // 2 :]) - max(memory[5 : len(memory) // 2]) < 2**20


async def _alerts_of(kubernetes: KubernetesApi, name: str, now: datetime) -> list[Received]:
    """Alerts of 25 backends on one pod of the target, which is another pod once the first was replaced."""

    async def whole() -> list[str]:
        pods = await ready_pods(kubernetes, name)
        return sorted(pod.metadata.name for pod in pods) if len(pods) == 3 else []

    pod = (await eventually(whole))[0]
    labels = {"alertname": "CircuitBreakerOpen", "namespace": kubernetes.namespace, "pod": pod}
    return [
        Received(
            f"{hash((pod, number)) & (2**64 - 1):016x}",
            {**labels, "service_name": f"s{number}"},
            now,
            ReceivedState.ACTIVE,
        )
        for number in range(ALERTS_A_TARGET)
    ]
