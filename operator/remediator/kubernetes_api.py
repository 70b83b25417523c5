"""Every API call that the operator makes, by its purpose: one method, one request.

Nothing here decides or retries. Each method raises a :class:`~remediator.kube.KubeError` on failure.
"""

from typing import Any, Literal

from kubernetes.aio import client

from remediator.api.names import FIELD_MANAGER, GROUP, REMEDIATION_PLURAL, VERSION
from remediator.kube import JSON_PATCH, NotFoundError, translated

KEDA_GROUP = "keda.sh"
KEDA_VERSION = "v1alpha1"

TargetKind = Literal["Deployment", "StatefulSet"]
Json = dict[str, Any]
Patch = list[Json]
WorkloadObject = client.V1Deployment | client.V1StatefulSet


class KubernetesApi:
    """The API server's calls for one namespace; ``timeout`` is the limit of a call in seconds."""

    def __init__(self, api: client.ApiClient, namespace: str, timeout: float) -> None:
        self.namespace = namespace
        self._timeout = float(timeout)
        self._core = client.CoreV1Api(api)
        self._apps = client.AppsV1Api(api)
        self._autoscaling = client.AutoscalingV2Api(api)
        self._custom = client.CustomObjectsApi(api)

    # Reading the world

    async def read_target(self, kind: TargetKind, name: str) -> WorkloadObject:
        """Return the workload."""
        async with translated(f"read {kind} {name}"):
            if kind == "Deployment":
                return await self._apps.read_namespaced_deployment(name, self.namespace, _request_timeout=self._timeout)
            return await self._apps.read_namespaced_stateful_set(name, self.namespace, _request_timeout=self._timeout)

    async def list_pods(self, selector: str) -> list[client.V1Pod]:
        """Return the pods that a label selector matches."""
        async with translated("list pods"):
            found = await self._core.list_namespaced_pod(
                self.namespace, label_selector=selector, _request_timeout=self._timeout
            )
        return list(found.items)

    async def list_replica_sets(self, selector: str) -> list[client.V1ReplicaSet]:
        """Return the replica sets that a label selector matches."""
        async with translated("list replica sets"):
            found = await self._apps.list_namespaced_replica_set(
                self.namespace, label_selector=selector, _request_timeout=self._timeout
            )
        return list(found.items)

    async def list_disruption_budgets(self) -> list[Json]:
        """Return the namespace's disruption budgets, as JSON has them."""
        async with translated("list disruption budgets"):
            found = await self._custom.list_namespaced_custom_object(
                "policy", "v1", self.namespace, "poddisruptionbudgets", _request_timeout=self._timeout
            )
        return _items(found)

    async def list_autoscalers(self) -> list[Json]:
        """Return the namespace's horizontal pod autoscalers, as JSON has them."""
        async with translated("list autoscalers"):
            found = await self._custom.list_namespaced_custom_object(
                "autoscaling", "v2", self.namespace, "horizontalpodautoscalers", _request_timeout=self._timeout
            )
        return _items(found)

    async def list_scaled_objects(self) -> list[Json]:
        """Return KEDA's scaled objects; none where KEDA is not installed (404)."""
        try:
            async with translated("list scaled objects"):
                found = await self._custom.list_namespaced_custom_object(
                    KEDA_GROUP, KEDA_VERSION, self.namespace, "scaledobjects", _request_timeout=self._timeout
                )
        except NotFoundError:
            return []
        return _items(found)

    async def read_namespace(self) -> client.V1Namespace:
        """Return the namespace."""
        async with translated(f"read namespace {self.namespace}"):
            return await self._core.read_namespace(self.namespace, _request_timeout=self._timeout)

    async def read_pod(self, name: str) -> client.V1Pod:
        """Return one pod."""
        async with translated(f"read pod {name}"):
            return await self._core.read_namespaced_pod(name, self.namespace, _request_timeout=self._timeout)

    # Acting

    async def evict(self, name: str, uid: str) -> None:
        """Ask for the eviction of the pod with that uid; a disruption budget may refuse (429)."""
        body = client.V1Eviction(
            metadata=client.V1ObjectMeta(name=name, namespace=self.namespace),
            delete_options=client.V1DeleteOptions(preconditions=client.V1Preconditions(uid=uid)),
        )
        async with translated(f"evict pod {name}"):
            await self._core.create_namespaced_pod_eviction(
                name, self.namespace, body, field_manager=FIELD_MANAGER, _request_timeout=self._timeout
            )

    async def patch_target(self, kind: TargetKind, name: str, patch: Patch) -> WorkloadObject:
        """Apply a JSON Patch to the workload."""
        async with translated(f"patch {kind} {name}"):
            method = (
                self._apps.patch_namespaced_deployment
                if kind == "Deployment"
                else self._apps.patch_namespaced_stateful_set
            )
            return await method(
                name,
                self.namespace,
                patch,
                field_manager=FIELD_MANAGER,
                _content_type=JSON_PATCH,
                _request_timeout=self._timeout,
            )

    async def read_autoscaler(self, name: str) -> client.V2HorizontalPodAutoscaler:
        """Return one horizontal pod autoscaler."""
        async with translated(f"read autoscaler {name}"):
            return await self._autoscaling.read_namespaced_horizontal_pod_autoscaler(
                name, self.namespace, _request_timeout=self._timeout
            )

    async def patch_autoscaler(self, name: str, patch: Patch) -> client.V2HorizontalPodAutoscaler:
        """Apply a JSON Patch to a horizontal pod autoscaler."""
        async with translated(f"patch autoscaler {name}"):
            return await self._autoscaling.patch_namespaced_horizontal_pod_autoscaler(
                name,
                self.namespace,
                patch,
                field_manager=FIELD_MANAGER,
                _content_type=JSON_PATCH,
                _request_timeout=self._timeout,
            )

    async def read_scaled_object(self, name: str) -> Json:
        """Return one scaled object of KEDA."""
        async with translated(f"read scaled object {name}"):
            found = await self._custom.get_namespaced_custom_object(
                KEDA_GROUP, KEDA_VERSION, self.namespace, "scaledobjects", name, _request_timeout=self._timeout
            )
        return _json(found)

    async def patch_scaled_object(self, name: str, patch: Patch) -> Json:
        """Apply a JSON Patch to a scaled object of KEDA."""
        async with translated(f"patch scaled object {name}"):
            found = await self._custom.patch_namespaced_custom_object(
                KEDA_GROUP,
                KEDA_VERSION,
                self.namespace,
                "scaledobjects",
                name,
                patch,
                field_manager=FIELD_MANAGER,
                _content_type=JSON_PATCH,
                _request_timeout=self._timeout,
            )
        return _json(found)

    # Our own objects

    async def list_custom(self, plural: str) -> list[Json]:
        """Return all policies or all remediations of the namespace."""
        async with translated(f"list {plural}"):
            found = await self._custom.list_namespaced_custom_object(
                GROUP, VERSION, self.namespace, plural, _request_timeout=self._timeout
            )
        return _items(found)

    async def read_custom(self, plural: str, name: str) -> Json:
        """Return one policy or remediation."""
        async with translated(f"read {plural}/{name}"):
            found = await self._custom.get_namespaced_custom_object(
                GROUP, VERSION, self.namespace, plural, name, _request_timeout=self._timeout
            )
        return _json(found)

    async def create_custom(self, plural: str, body: Json) -> Json:
        """Create one object; a name that is taken answers 409."""
        async with translated(f"create {plural}/{body['metadata']['name']}"):
            found = await self._custom.create_namespaced_custom_object(
                GROUP,
                VERSION,
                self.namespace,
                plural,
                body,
                field_manager=FIELD_MANAGER,
                _request_timeout=self._timeout,
            )
        return _json(found)

    async def replace_status(self, plural: str, body: Json) -> Json:
        """Write the status of one object; the resourceVersion in ``body`` is the fence (409 when it is stale)."""
        name = body["metadata"]["name"]
        async with translated(f"write status of {plural}/{name}"):
            found = await self._custom.replace_namespaced_custom_object_status(
                GROUP,
                VERSION,
                self.namespace,
                plural,
                name,
                body,
                field_manager=FIELD_MANAGER,
                _request_timeout=self._timeout,
            )
        return _json(found)

    async def delete_remediation(self, name: str, uid: str) -> None:
        """Delete the remediation with that uid."""
        body = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid=uid))
        async with translated(f"delete remediation {name}"):
            await self._custom.delete_namespaced_custom_object(
                GROUP, VERSION, self.namespace, REMEDIATION_PLURAL, name, body=body, _request_timeout=self._timeout
            )

    async def post_event(self, body: client.CoreV1Event) -> None:
        """Create an Event."""
        async with translated("post event"):
            await self._core.create_namespaced_event(
                self.namespace, body, field_manager=FIELD_MANAGER, _request_timeout=self._timeout
            )


def _json(found: object) -> Json:
    """Narrow an untyped answer of the client."""
    if not isinstance(found, dict):
        raise TypeError(f"the API server answered a {type(found).__name__} where an object was asked for")
    return found


def _items(found: object) -> list[Json]:
    return list(_json(found)["items"])
