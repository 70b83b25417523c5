"""Giving up the ownership of fields while a controller writes the object all the time."""

from __future__ import annotations

from typing import Any, cast

import pytest
from kubernetes.aio import client

from remediator.act.scale import RELEASE_ATTEMPTS, ScaleApi, ScaleOwner, release
from remediator.api.names import FIELD_MANAGER
from remediator.api.remediation import ScaleKind
from remediator.decide.decision import ActResult
from remediator.kube import RefusedError

OWNER = ScaleOwner(ScaleKind.DEPLOYMENT, "gw")


class BusyApi:
    """A Deployment whose managedFields move between our reading and our patch, `moves` times."""

    def __init__(self, moves: int) -> None:
        self.moves = moves
        self.managers = [FIELD_MANAGER, "kube-controller-manager"]
        self.reads = 0

    async def read_target(self, *_: Any) -> client.V1Deployment:
        self.reads += 1
        fields = [client.V1ManagedFieldsEntry(manager=manager) for manager in self.managers]
        metadata = client.V1ObjectMeta(name="gw", managed_fields=fields, annotations={}, resource_version="1")
        selector = client.V1LabelSelector()
        template = client.V1PodTemplateSpec()
        spec = client.V1DeploymentSpec(replicas=2, selector=selector, template=template)
        return client.V1Deployment(metadata=metadata, spec=spec)

    async def patch_target(self, kind: Any, name: str, patch: list[dict[str, Any]]) -> None:
        if self.moves:
            self.moves -= 1
            self.managers.reverse()
            raise RefusedError("patch", 422, "the test of the patch failed")
        test, remove = patch
        index = int(remove["path"].rpartition("/")[2])
        assert test["value"] == self.managers[index] == FIELD_MANAGER
        del self.managers[index]


@pytest.mark.parametrize("moves", [0, 1, RELEASE_ATTEMPTS - 1])
async def test_entries_that_moved_meanwhile_are_looked_up_anew(moves: int) -> None:
    api = BusyApi(moves)
    outcome = await release(cast("ScaleApi", api), OWNER)
    assert outcome.result is ActResult.ACCEPTED
    assert api.managers == ["kube-controller-manager"]


async def test_what_is_refused_each_time_is_a_refusal() -> None:
    api = BusyApi(1000)
    outcome = await release(cast("ScaleApi", api), OWNER)
    assert outcome.result is ActResult.REFUSED
    assert api.reads == RELEASE_ATTEMPTS + 1
