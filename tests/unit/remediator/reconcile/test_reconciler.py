"""The fence: what is written before what is done, and what happens when someone else wrote first."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kubernetes.aio import client
from prometheus_client import CollectorRegistry

from remediator.api.policy import TargetRef
from remediator.decide.observed import ABSENT, ObservedPod, Workload
from remediator.events import EventRecorder
from remediator.intake.alert_store import AlertStore
from remediator.intake.payload import Received, ReceivedState
from remediator.intake.sources import Polled
from remediator.kube import ConflictError, UnavailableError
from remediator.metrics import Metrics
from remediator.observe.observer import Observer, World
from remediator.observe.target import Target
from remediator.reconcile.announce import Announcer
from remediator.reconcile.reconciler import Reconciler
from remediator.reconcile.store import Store

REF = TargetRef(name="web")
START = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = {
    "metadata": {"name": "breaker", "namespace": "shop", "uid": "p", "resourceVersion": "1"},
    "spec": {"targetRef": {"name": "web"}, "mode": "Enforce", "alerts": ['alertname="A"']},
}


class KubernetesApi:
    """Two kinds of objects with resource versions, and one pod to evict; a journal of what was done."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {"breaker": copy.deepcopy(POLICY)}
        self.journal: list[str] = []
        self.fail: dict[str, list[Exception]] = {}
        self._version = 1

    def _do(self, what: str) -> None:
        if self.fail.get(what):
            raise self.fail[what].pop(0)
        self.journal.append(what)

    async def list_custom(self, plural: str) -> list[dict[str, Any]]:
        mine = plural == "remediationpolicies"
        return [copy.deepcopy(item) for name, item in self.objects.items() if (name == "breaker") is mine]

    async def read_custom(self, plural: str, name: str) -> dict[str, Any]:
        return copy.deepcopy(self.objects[name])

    async def create_custom(self, plural: str, body: dict[str, Any]) -> dict[str, Any]:
        if body["metadata"]["name"] in self.objects:
            raise ConflictError("create", 409, "already exists")
        self._do("create")
        self._version += 1
        metadata = {"uid": body["metadata"]["name"], "resourceVersion": str(self._version)}
        metadata["creationTimestamp"] = START.isoformat()
        self.objects[body["metadata"]["name"]] = {**body, "metadata": {**body["metadata"], **metadata}}
        return copy.deepcopy(self.objects[body["metadata"]["name"]])

    async def replace_status(self, plural: str, body: dict[str, Any]) -> dict[str, Any]:
        name = body["metadata"]["name"]
        stored = self.objects[name]
        if stored["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            raise ConflictError("write status", 409, "stale")
        self._do("status" if name == "breaker" else f"status {body['status']['phase']}")
        self._version += 1
        stored["status"] = copy.deepcopy(body["status"])
        stored["metadata"]["resourceVersion"] = str(self._version)
        return copy.deepcopy(stored)

    async def read_pod(self, name: str) -> Any:
        return client.V1Pod(metadata=client.V1ObjectMeta(name=name, uid=f"uid-{name}"))

    async def evict(self, name: str, uid: str) -> None:
        self._do(f"evict {name}")


class StubbedObserver(Observer):
    """The world without a cluster: three ready pods."""

    async def look(self, ref: TargetRef, *, poll: bool = False) -> World:
        pods = tuple(ObservedPod(name=n, uid=f"uid-{n}", ready=True) for n in "abc")  # type: ignore[arg-type]  # ids
        workload = Workload(
            replicas=3,
            pods=pods,
            rollout_complete=True,
            disruptions_allowed=ABSENT,
            autoscaler=ABSENT,
            paused=False,
            allowed=True,
        )
        return World(Target(uid="dep", selector="", workload=workload), target_gone=False, signals=None)


class Bench:
    def __init__(self) -> None:
        self.now = START
        self.kubernetes = KubernetesApi()
        metrics = Metrics(CollectorRegistry())
        self.alert_store = AlertStore(clock=self.clock, monotonic=lambda: self.now.timestamp(), polling=True)
        self.store = Store(self.kubernetes)  # type: ignore[arg-type]  # the calls that a store makes
        self.reconciler = Reconciler(
            kubernetes=self.kubernetes,  # type: ignore[arg-type]  # the calls that rounds make
            store=self.store,
            observer=StubbedObserver(
                kubernetes=self.kubernetes,  # type: ignore[arg-type]  # not asked
                alert_store=self.alert_store,
                signals=None,
                metrics=metrics,
                refresh=self.refresh,
                clock=self.clock,
                settling=timedelta(seconds=45),
            ),
            announcer=Announcer(
                events=EventRecorder(self.kubernetes, "test"),  # type: ignore[arg-type]  # never posts: nobody runs it
                metrics=metrics,
                clock=self.clock,
            ),
            metrics=metrics,
            clock=self.clock,
        )
        self.poll()

    def clock(self) -> datetime:
        return self.now

    async def refresh(self) -> None:
        self.poll()

    def poll(self) -> None:
        watchdog = Received("0" * 16, {"alertname": "Watchdog"}, START, ReceivedState.ACTIVE)
        firing = Received("1" * 16, {"alertname": "A", "pod": "a", "namespace": "shop"}, START, ReceivedState.ACTIVE)
        self.alert_store.replace(Polled([watchdog, firing]), self.now.timestamp())

    async def until_acting(self) -> None:
        """Open the incident and come to the end of settling."""
        await self.reconciler.run(REF)
        await self.reconciler.run(REF)
        self.now += timedelta(seconds=46)
        self.poll()
        self.kubernetes.journal.clear()


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_incident_is_written_in_its_first_round(bench: Bench) -> None:
    result = await bench.reconciler.run(REF)
    assert result.opened
    assert result.wake_at == bench.now
    assert bench.kubernetes.journal == ["create", "status Pending"]
    await bench.reconciler.run(REF)
    assert bench.kubernetes.journal == ["create", "status Pending", "status Settling", "status"]
    assert bench.kubernetes.objects["breaker"]["status"]["counter"] == 1


async def test_intent_is_written_before_the_act_and_the_result_after(bench: Bench) -> None:
    await bench.until_acting()
    await bench.reconciler.run(REF)
    assert bench.kubernetes.journal[:3] == ["status Acting", "evict a", "status Verifying"]


async def test_conflict_at_the_intent_means_no_act_before_deciding_again(bench: Bench) -> None:
    await bench.until_acting()
    bench.kubernetes.fail["status Acting"] = [ConflictError("write status", 409, "someone else wrote")]
    await bench.reconciler.run(REF)
    assert bench.kubernetes.journal[:3] == ["status Acting", "evict a", "status Verifying"]
    assert bench.kubernetes.journal.count("evict a") == 1


async def test_intent_that_cannot_be_written_is_not_carried_out(bench: Bench) -> None:
    await bench.until_acting()
    bench.kubernetes.fail["status Acting"] = [UnavailableError("write status", 500, "etcd")]
    with pytest.raises(UnavailableError):
        await bench.reconciler.run(REF)
    assert bench.kubernetes.journal == []


async def test_unanswered_eviction_is_decided_again_and_not_blindly_repeated(bench: Bench) -> None:
    await bench.until_acting()
    bench.kubernetes.fail["evict a"] = [UnavailableError("evict", None, "no answer")]
    result = await bench.reconciler.run(REF)
    assert "evict a" not in bench.kubernetes.journal
    assert result.wake_at is not None
    bench.now = result.wake_at
    bench.poll()
    await bench.reconciler.run(REF)
    assert bench.kubernetes.journal.count("evict a") == 1


async def test_name_that_is_taken_is_adopted(bench: Bench) -> None:
    bench.kubernetes.fail["create"] = [ConflictError("create", 409, "exists")]
    await bench.reconciler.run(REF)
    assert bench.kubernetes.journal.count("create") == 1


async def test_operator_that_died_between_create_and_status_goes_on(bench: Bench) -> None:
    bench.kubernetes.fail["status Pending"] = [UnavailableError("write status", None, "killed")]
    with pytest.raises(UnavailableError):
        await bench.reconciler.run(REF)
    await bench.reconciler.run(REF)
    assert bench.kubernetes.journal.count("create") == 1
    assert bench.kubernetes.objects["breaker-1"]["status"]["phase"] == "Settling"


async def test_a_remediation_that_a_person_creates_blocks_nothing_and_is_closed(bench: Bench) -> None:
    bench.kubernetes.objects["breaker-1"] = {
        "metadata": {
            "name": "breaker-1",
            "namespace": "shop",
            "uid": "by-hand",
            "resourceVersion": "1",
            "creationTimestamp": START.isoformat(),
            "managedFields": [{"manager": "kubectl-create", "fieldsV1": {"f:spec": {}}}],
        },
        "spec": {"policyName": "breaker", "targetRef": {"name": "web"}},
        "status": {"phase": "Acting", "steps": [], "action": "RestartPods"},
    }
    result = await bench.reconciler.run(REF)
    assert result.opened
    by_hand = bench.kubernetes.objects["breaker-1"]["status"]
    assert (by_hand["phase"], by_hand["reason"]) == ("Failed", "NotCreatedByOperator")
    assert bench.kubernetes.objects["breaker-2"]["status"]["phase"] == "Pending"
    assert "evict a" not in bench.kubernetes.journal


@pytest.mark.parametrize(
    ("name", "policy"),
    [("breaker-1", "another"), ("breaker-99999999999999999999", "breaker"), ("breaker-1", "breaker")],
)
async def test_no_name_that_a_person_takes_stops_the_next_remediation(bench: Bench, name: str, policy: str) -> None:
    """The create of a taken name was answered 409 for ever, and a number beyond int64 made the status 422."""
    bench.kubernetes.objects[name] = {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": "by-hand",
            "resourceVersion": "1",
            "creationTimestamp": START.isoformat(),
            "managedFields": [{"manager": "kubectl-create", "fieldsV1": {"f:spec": {}}}],
        },
        "spec": {"policyName": policy, "targetRef": {"name": "web"}},
    }
    assert (await bench.reconciler.run(REF)).opened
    await bench.reconciler.run(REF)
    opened = [key for key in bench.kubernetes.objects if key not in {name, "breaker"}]
    assert opened == ["breaker-2" if name == "breaker-1" else "breaker-1"]
    assert bench.kubernetes.objects["breaker"]["status"]["counter"] in {1, 2}


async def test_with_an_installed_schema_that_is_too_old_nothing_is_written(bench: Bench) -> None:
    bench.store.read_only = True
    result = await bench.reconciler.run(REF)
    assert not result.opened
    assert bench.kubernetes.journal == []
