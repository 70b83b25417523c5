"""Answers 409 of the API server: a version that is stale says nothing about whether the action was done."""

from __future__ import annotations

from typing import Any, cast

import pytest
from kubernetes.aio import client

from remediator.act.pods import restart_pod
from remediator.act.scale import WRITE_ATTEMPTS, ScaleApi, ScaleOwner, set_scale
from remediator.api.names import FIELD_MANAGER
from remediator.api.remediation import ScaleKind
from remediator.decide.decision import ActResult
from remediator.kube import ConflictError

OWNER = ScaleOwner(ScaleKind.DEPLOYMENT, "gw")


class BusyDeployment:
    """A Deployment whose controller writes its status between reading and patch, `writes` times.

    A patch with an older resourceVersion is answered 409, as the API server's registry does.
    """

    def __init__(self, writes: int, replicas_by: str = FIELD_MANAGER) -> None:
        self.writes = writes
        self.version = 1
        self.replicas = 3
        self.manager = FIELD_MANAGER
        self.next_manager = replicas_by

    async def read_target(self, *_: Any) -> client.V1Deployment:
        owned = client.V1ManagedFieldsEntry(manager=self.manager, fields_v1={"f:spec": {"f:replicas": {}}})
        metadata = client.V1ObjectMeta(name="gw", managed_fields=[owned], resource_version=str(self.version))
        selector, template = client.V1LabelSelector(), client.V1PodTemplateSpec()
        spec = client.V1DeploymentSpec(replicas=self.replicas, selector=selector, template=template)
        if self.writes:
            self.writes -= 1
            self.version += 1
            self.manager = self.next_manager
        return client.V1Deployment(metadata=metadata, spec=spec)

    async def patch_target(self, kind: Any, name: str, patch: list[dict[str, Any]]) -> None:
        if patch[0]["value"] != str(self.version):
            raise ConflictError("patch", 409, "the object has been modified")
        self.replicas = patch[-1]["value"]
        self.version += 1


@pytest.mark.parametrize("writes", [0, 1, WRITE_ATTEMPTS - 1])
async def test_a_status_write_of_the_controller_does_not_stop_a_revert(writes: int) -> None:
    api = BusyDeployment(writes)
    outcome = await set_scale(cast("ScaleApi", api), OWNER, 3, 1, only_ours=True)
    assert outcome.result is ActResult.ACCEPTED
    assert api.replicas == 1


async def test_a_deployment_that_changes_each_time_is_left_for_later() -> None:
    api = BusyDeployment(1000)
    outcome = await set_scale(cast("ScaleApi", api), OWNER, 3, 1, only_ours=True)
    assert outcome.result is ActResult.BLOCKED
    assert api.replicas == 3


async def test_who_owns_the_number_is_read_again_after_a_conflict() -> None:
    api = BusyDeployment(1, replicas_by="a-person")
    outcome = await set_scale(cast("ScaleApi", api), OWNER, 3, 1, only_ours=True)
    assert outcome.result is ActResult.TARGET_CHANGED
    assert api.replicas == 3


class ConflictingEviction:
    """Evictions answered 409: of a pod that went away, or of a disruption budget that others write all the time."""

    def __init__(self, uid_after: str) -> None:
        self.uid = "1"
        self.uid_after = uid_after

    async def read_pod(self, name: str) -> client.V1Pod:
        return client.V1Pod(metadata=client.V1ObjectMeta(name=name, uid=self.uid))

    async def evict(self, name: str, uid: str) -> None:
        self.uid = self.uid_after
        raise ConflictError("evict", 409, "the object has been modified")


@pytest.mark.parametrize(("uid_after", "result"), [("1", ActResult.BLOCKED), ("2", ActResult.ALREADY_DONE)])
async def test_a_pod_that_stays_after_a_conflict_is_not_called_evicted(uid_after: str, result: ActResult) -> None:
    outcome = await restart_pod(ConflictingEviction(uid_after), "gw-1", "1")
    assert outcome.result is result
