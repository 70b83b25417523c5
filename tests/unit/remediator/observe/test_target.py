"""The target as it is read from the API server's objects."""

from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes.aio import client

from remediator.api.policy import TargetRef
from remediator.api.remediation import ScaleKind
from remediator.decide.observed import ABSENT, Autoscaler
from remediator.kube import NotFoundError, RefusedError
from remediator.observe.target import read_target

REF = TargetRef(name="web")
LABELS = {"app": "web"}


def owner(kind: str, uid: str) -> client.V1OwnerReference:
    return client.V1OwnerReference(api_version="apps/v1", kind=kind, name="x", uid=uid, controller=True)


def pod(name: str, *, owned_by: str = "rs-1", ready: bool = True, phase: str = "Running") -> client.V1Pod:
    return client.V1Pod(
        metadata=client.V1ObjectMeta(
            name=name,
            uid=f"uid-{name}",
            creation_timestamp=datetime(2026, 1, 1, tzinfo=UTC),
            owner_references=[owner("ReplicaSet", owned_by)],
        ),
        status=client.V1PodStatus(
            phase=phase, conditions=[client.V1PodCondition(type="Ready", status="True" if ready else "False")]
        ),
    )


class KubernetesApi:
    """The API server's answers; a test changes what it is about."""

    def __init__(self) -> None:
        self.spec: dict[str, Any] = {}
        self.status: dict[str, Any] = {"replicas": 3, "updated_replicas": 3, "observed_generation": 1}
        self.annotations: dict[str, str] = {}
        self.namespace: dict[str, str] = {}
        self.ends: datetime | None = None
        self.pods = [pod("a"), pod("b"), pod("c", ready=False)]
        self.budgets: list[dict[str, Any]] = []
        self.autoscalers: list[dict[str, Any]] = []
        self.scaled_objects: list[dict[str, Any]] = []
        self.selectors: list[str] = []
        self.error: Exception | None = None

    async def read_target(self, kind: str, name: str) -> client.V1Deployment:
        if self.error is not None:
            raise self.error
        template = client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels=LABELS))
        spec = {"replicas": 3, "selector": client.V1LabelSelector(match_labels=LABELS), "template": template}
        return client.V1Deployment(
            metadata=client.V1ObjectMeta(name=name, uid="dep", generation=1, annotations=self.annotations),
            spec=client.V1DeploymentSpec(**{**spec, **self.spec}),
            status=client.V1DeploymentStatus(**self.status),
        )

    async def list_pods(self, selector: str) -> list[client.V1Pod]:
        self.selectors.append(selector)
        return self.pods if selector == "app=web" else []

    async def list_replica_sets(self, selector: str) -> list[client.V1ReplicaSet]:
        owners = {"rs-1": "dep", "rs-of-another": "other"}
        return [
            client.V1ReplicaSet(
                metadata=client.V1ObjectMeta(name=uid, uid=uid, owner_references=[owner("Deployment", by)]),
                spec=client.V1ReplicaSetSpec(selector=client.V1LabelSelector(match_labels=LABELS)),
            )
            for uid, by in owners.items()
        ]

    async def list_disruption_budgets(self) -> list[dict[str, Any]]:
        return self.budgets

    async def list_autoscalers(self) -> list[dict[str, Any]]:
        return self.autoscalers

    async def list_scaled_objects(self) -> list[dict[str, Any]]:
        return self.scaled_objects

    async def read_namespace(self) -> client.V1Namespace:
        return client.V1Namespace(
            metadata=client.V1ObjectMeta(annotations=self.namespace, deletion_timestamp=self.ends)
        )


@pytest.fixture
def kubernetes() -> Any:
    return KubernetesApi()


async def test_only_pods_that_the_target_owns_are_its_pods(kubernetes: Any) -> None:
    kubernetes.pods += [pod("stranger", owned_by="rs-of-another"), pod("evicted", phase="Failed")]
    workload = (await read_target(kubernetes, REF)).workload
    assert [(item.name, item.ready) for item in workload.pods or ()] == [("a", True), ("b", True), ("c", False)]
    assert workload.replicas == 3


@pytest.mark.parametrize(
    ("status", "complete"),
    [
        ({}, True),
        ({"observed_generation": 0}, False),
        ({"updated_replicas": 1}, False),
        ({"replicas": 4}, False),
        ({"replicas": 2, "updated_replicas": 2}, True),
        ({"replicas": 0, "updated_replicas": 0}, False),
    ],
)
async def test_rollout_is_complete_when_no_old_pod_is_left(
    kubernetes: Any, status: dict[str, int], complete: bool
) -> None:
    kubernetes.status |= status
    assert (await read_target(kubernetes, REF)).workload.rollout_complete is complete


@pytest.mark.parametrize(
    ("strategy", "taken"),
    [
        (None, 0),
        (client.V1DeploymentStrategy(type="Recreate"), 3),
        (
            client.V1DeploymentStrategy(
                type="RollingUpdate",
                rolling_update=client.V1RollingUpdateDeployment(max_unavailable=2),
            ),
            2,
        ),
        (
            client.V1DeploymentStrategy(
                type="RollingUpdate",
                rolling_update=client.V1RollingUpdateDeployment(max_unavailable="50%"),
            ),
            1,
        ),
    ],
)
async def test_rollout_takes_away_what_its_strategy_says(kubernetes: Any, strategy: Any, taken: int) -> None:
    kubernetes.spec = {"strategy": strategy}
    assert (await read_target(kubernetes, REF)).workload.max_unavailable == taken


def budget(allowed: int, labels: dict[str, str], *, observed: int = 1) -> dict[str, Any]:
    return {
        "metadata": {"name": "b", "generation": 1},
        "spec": {"selector": {"matchLabels": labels}},
        "status": {"disruptionsAllowed": allowed, "observedGeneration": observed},
    }


async def test_smallest_disruption_budget_counts(kubernetes: Any) -> None:
    assert (await read_target(kubernetes, REF)).workload.disruptions_allowed is ABSENT
    kubernetes.budgets = [budget(2, LABELS), budget(1, {}), budget(0, {"app": "other"})]
    assert (await read_target(kubernetes, REF)).workload.disruptions_allowed == 1


async def test_budget_that_is_not_counted_yet_is_unknown(kubernetes: Any) -> None:
    kubernetes.budgets = [budget(2, LABELS, observed=0)]
    assert (await read_target(kubernetes, REF)).workload.disruptions_allowed is None


async def test_keda_comes_before_the_autoscaler_that_it_made(kubernetes: Any) -> None:
    kubernetes.autoscalers = [
        {
            "metadata": {"name": "keda-hpa-web"},
            "spec": {
                "minReplicas": 2,
                "maxReplicas": 8,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            },
        }
    ]
    found = (await read_target(kubernetes, REF)).workload.autoscaler
    assert isinstance(found, Autoscaler)
    assert (found.kind, found.min_replicas) == (ScaleKind.HORIZONTAL_POD_AUTOSCALER, 2)
    kubernetes.scaled_objects = [
        {"metadata": {"name": "web"}, "spec": {"scaleTargetRef": {"name": "web"}, "maxReplicaCount": 8}}
    ]
    found = (await read_target(kubernetes, REF)).workload.autoscaler
    assert isinstance(found, Autoscaler)
    assert (found.kind, found.min_replicas, found.max_replicas) == (ScaleKind.SCALED_OBJECT, 0, 8)


async def test_budget_with_an_expression_is_matched_too(kubernetes: Any) -> None:
    chosen = budget(1, {})
    chosen["spec"]["selector"] = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "x"]}]}
    other = budget(0, {})
    other["spec"]["selector"] = {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}
    kubernetes.budgets = [chosen, other]
    assert (await read_target(kubernetes, REF)).workload.disruptions_allowed == 1


async def test_pods_of_a_changed_selector_are_listed_again(kubernetes: Any) -> None:
    first = await read_target(kubernetes, REF)
    kubernetes.selectors.clear()
    assert await read_target(kubernetes, REF, selector=first.selector) == first
    assert kubernetes.selectors == ["app=web"]
    kubernetes.selectors.clear()
    assert await read_target(kubernetes, REF, selector="app=another") == first
    assert kubernetes.selectors == ["app=another", "app=web"]


async def test_pause_of_the_namespace_and_of_the_target(kubernetes: Any) -> None:
    paused = {"remediation.bot-gateway.dev/paused": "true"}
    assert (await read_target(kubernetes, REF)).workload.paused is False
    kubernetes.namespace = paused
    assert (await read_target(kubernetes, REF)).workload.paused is True
    kubernetes.namespace, kubernetes.annotations = {}, paused
    assert (await read_target(kubernetes, REF)).workload.paused is True


@pytest.mark.parametrize("error", [NotFoundError("read", 404, ""), RefusedError("read", 403, "")])
async def test_half_a_picture_is_none(kubernetes: Any, error: Exception) -> None:
    kubernetes.error = error
    with pytest.raises(type(error)):
        await read_target(kubernetes, REF)
