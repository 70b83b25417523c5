"""Policies and remediations on the API server, with the fence that makes one writer of many.

Every write of a status carries the resourceVersion that was read. Who reads, decides and finds the version
changed must read and decide again; that is what keeps two operators from acting twice.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from pydantic import ValidationError

from remediator.api.names import POLICY_PLURAL, REMEDIATION_PLURAL
from remediator.api.policy import Policy, PolicyStatus
from remediator.api.remediation import Remediation, RemediationStatus
from remediator.kubernetes_api import Json, KubernetesApi
from remediator.single_flight import SingleFlight
from remediator.tracing import trace_opening

TARGET_LABEL = "remediation.bot-gateway.dev/target"
POLICY_LABEL = "remediation.bot-gateway.dev/policy"
_LABEL_LIMIT = 63

T = TypeVar("T", Policy, Remediation)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All policies and remediations of the namespace as they are known at one moment."""

    policies: tuple[Policy, ...]
    remediations: tuple[Remediation, ...]


class Store:
    """Reads and writes the two kinds."""

    def __init__(self, kubernetes: KubernetesApi) -> None:
        self._kubernetes = kubernetes
        self.read_only = False
        """Nothing is written: the installed CRDs would drop or refuse what this version writes."""
        self._reported: dict[str, str] = {}
        self._policies: tuple[Policy, ...] = ()
        self._remediations: dict[str, Remediation] = {}
        self._written: dict[str, Remediation | None] = {}
        self._parsed: dict[str, tuple[str, Policy | Remediation | None]] = {}
        self._reading = SingleFlight(self._read)
        self._writing = asyncio.Lock()

    async def refresh(self) -> None:
        """Read everything as it is now, once for all who ask at the same time; raises KubeError."""
        await self._reading.get()

    @property
    def existing(self) -> Sequence[Remediation]:
        """Every remediation of the snapshot."""
        return tuple(self._remediations.values())

    def exclusively(self) -> asyncio.Lock:
        """Return the namespace's lock: ``maxConcurrent`` counts what the others have started."""
        return self._writing

    @property
    def snapshot(self) -> Snapshot:
        """Everything as it was read last, with what this operator has written since."""
        return Snapshot(self._policies, tuple(self._remediations.values()))

    async def _read(self) -> None:
        self._written = {}
        policies, remediations = await asyncio.gather(
            self._kubernetes.list_custom(POLICY_PLURAL), self._kubernetes.list_custom(REMEDIATION_PLURAL)
        )
        before, self._parsed = self._parsed, {}
        found = (self._known(body, before, self.parse_policy) for body in policies)
        self._policies = tuple(policy for policy in found if policy is not None)
        items = (self._known(body, before, self.parse_remediation) for body in remediations)
        self._remediations = {item.name: item for item in items if item is not None}
        # A list may lack what was written while it was made. Where it has something newer than that, the next
        # write of ours meets the fence.
        for name, written in self._written.items():
            self._note(name, written)

    def _known(self, body: Json, before: dict[str, Any], parse: Callable[[Json], T | None]) -> T | None:
        """Return the object of a body, without parsing again what has not changed since the last reading."""
        uid, version = str(body["metadata"].get("uid")), str(body["metadata"].get("resourceVersion"))
        known_version, known = before.get(uid, ("", None))
        found: T | None = known if version == known_version else parse(body)
        self._parsed[uid] = (version, found)
        return found

    def _note(self, name: str, written: Remediation | None) -> None:
        self._written[name] = written
        if written is None:
            self._remediations.pop(name, None)
        else:
            self._remediations[name] = written

    def parse_policy(self, body: Json) -> Policy | None:
        """Return the policy, or None (and say so once) where the object is not a valid one."""
        try:
            return Policy.from_object(body)
        except ValidationError as error:
            self._report(POLICY_PLURAL, body, error)
            return None

    def parse_remediation(self, body: Json) -> Remediation | None:
        """Return the remediation, or None (and say so once) where the object is not a valid one."""
        try:
            remediation = Remediation.from_object(body)
        except ValidationError as error:
            self._report(REMEDIATION_PLURAL, body, error)
            return None
        if body.get("status"):
            return remediation
        # Killed between creating the object and writing its status: only the spec says where to start.
        status = RemediationStatus(next_step=remediation.spec.start_step)
        return remediation.model_copy(update={"status": status})

    async def create(self, remediation: Remediation, policy: Policy) -> Remediation:
        """Create the object and write its status; raises KubeError, ConflictError where the name is taken."""
        labels = {
            POLICY_LABEL: policy.name[:_LABEL_LIMIT],
            TARGET_LABEL: remediation.spec.target_ref.name[:_LABEL_LIMIT],
        }
        remediation = remediation.model_copy(update={"traceparent": trace_opening(policy, remediation)})
        body = remediation.to_object(policy_uid=policy.uid, labels=labels)
        created = await self._kubernetes.create_custom(REMEDIATION_PLURAL, body)
        identity = created["metadata"]
        named = remediation.model_copy(
            update={"uid": identity["uid"], "resource_version": identity["resourceVersion"]},
        )
        return await self.write(named, remediation.status, policy)

    async def write(self, remediation: Remediation, status: RemediationStatus, policy: Policy) -> Remediation:
        """Write a status; raises ConflictError where the object changed since it was read."""
        body = remediation.to_object(policy_uid=policy.uid)
        body["metadata"] = {
            "name": remediation.name,
            "namespace": remediation.namespace,
            "uid": remediation.uid,
            "resourceVersion": remediation.resource_version,
        }
        body["status"] = status.to_object()
        written = await self._kubernetes.replace_status(REMEDIATION_PLURAL, body)
        version = written["metadata"]["resourceVersion"]
        result = remediation.model_copy(update={"status": status, "resource_version": version})
        self._note(result.name, result)
        return result

    async def write_policy_status(self, policy: Policy, status: PolicyStatus) -> None:
        """Write a policy's status, from the policy as it is now: nothing else ever writes there."""
        current = await self._kubernetes.read_custom(POLICY_PLURAL, policy.name)
        current["status"] = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        await self._kubernetes.replace_status(POLICY_PLURAL, current)

    async def delete(self, remediation: Remediation) -> None:
        """Delete a remediation; raises KubeError."""
        await self._kubernetes.delete_remediation(remediation.name, remediation.uid)
        self._note(remediation.name, None)

    def _report(self, plural: str, body: dict[str, Any], error: ValidationError) -> None:
        name = str(body.get("metadata", {}).get("name"))
        first = error.errors(include_input=False, include_url=False)[0]
        problem = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        if self._reported.get(f"{plural}/{name}") != problem:
            self._reported[f"{plural}/{name}"] = problem
            _log.error("object is not valid and is left alone", kind=plural, name=name, problem=problem)
