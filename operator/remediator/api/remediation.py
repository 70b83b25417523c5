"""Remediation: one incident of one target. Its status is the state machine and the audit record.

A restarted operator continues from here; nothing that matters is kept elsewhere.
"""

from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import Field

from remediator.api.names import (
    API_VERSION,
    CLEARED_BY_ANNOTATION,
    FIELD_MANAGER,
    POLICY_KIND,
    REMEDIATION_KIND,
    TRACEPARENT_ANNOTATION,
    Fingerprint,
    PodName,
    PodUid,
    PolicyName,
    RemediationName,
)
from remediator.api.policy import Action, Mode, Scope, TargetRef
from remediator.api.reasons import Reason
from remediator.api.values import SpecModel, StatusModel, Time


class Phase(StrEnum):
    """The phase of an incident."""

    PENDING = "Pending"
    SETTLING = "Settling"
    GATED = "Gated"
    ACTING = "Acting"
    VERIFYING = "Verifying"
    REVERTING = "Reverting"
    SUCCEEDED = "Succeeded"
    NOT_NEEDED = "NotNeeded"
    FAILED = "Failed"
    HANDED_OVER = "HandedOver"
    DRY_RUN = "DryRun"
    UNPROVEN = "Unproven"
    """The alert cleared, and nothing proves that the backend can be reached again."""

    @property
    def terminal(self) -> bool:
        """Whether nothing more happens to the object."""
        return self in _TERMINAL

    @property
    def has_settled(self) -> bool:
        """Whether the wait for further alerts of the incident is over."""
        return self not in {Phase.PENDING, Phase.SETTLING}


_TERMINAL = {Phase.SUCCEEDED, Phase.NOT_NEEDED, Phase.FAILED, Phase.HANDED_OVER, Phase.DRY_RUN, Phase.UNPROVEN}


class GateKind(StrEnum):
    """Why an incident waits in ``Gated``, and so whether the wait has a limit."""

    CAUSE = "Cause"
    """The fault is not the target's: waits until the alert ends."""
    GUARD = "Guard"
    """A guard is in the way: handed over after ``handover.gatedFor``."""
    PERSON = "Person"
    """A person paused it, or another remediation goes first: waits for as long as that lasts."""


class AlertEntry(StatusModel):
    """One alert of the incident."""

    fingerprint: Fingerprint
    starts_at: Time
    pod: str = ""
    service_name: str = ""
    state: str = "active"
    absent_since: Time | None = None
    """When the alert was first not firing any more; ``None`` while it fires."""


class PodRestartState(StrEnum):
    """How far the restart of one pod is."""

    WAITING = "Waiting"
    EVICTING = "Evicting"
    """The intent is written; whether it was carried out must be read from the world."""
    EVICTED = "Evicted"
    SKIPPED = "Skipped"
    """No longer affected when its turn came."""


class PodEntry(StatusModel):
    """One pod of a RestartPods step."""

    name: PodName
    uid: PodUid
    state: PodRestartState = PodRestartState.WAITING
    at: Time | None = None
    """When the state was reached; of ``Evicting``, when the intent was written."""
    intended_at: Time | None = None
    """When the eviction was decided: the moment that counts for the budgets."""


class StepResult(StrEnum):
    """How a step ended, or that it has not."""

    IN_PROGRESS = "InProgress"
    ACCEPTED = "Accepted"
    SUCCEEDED = "Succeeded"
    NOT_CLEARED = "NotCleared"
    REFUSED = "Refused"
    TARGET_CHANGED = "TargetChanged"
    STOPPED = "Stopped"
    BLOCKED = "Blocked"
    """A scale-out whose new pods cannot run: no node has room, or a quota is used up."""


class ScaleKind(StrEnum):
    """What holds the number that a scale-out changes."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    HORIZONTAL_POD_AUTOSCALER = "HorizontalPodAutoscaler"
    SCALED_OBJECT = "ScaledObject"


class StepEntry(StatusModel):
    """One step, from the intent to its result."""

    index: int
    """Position in the policy's escalation; of a revert, that of the step which it reverts."""
    action: Action
    started_at: Time
    """When the intent was written."""
    accepted_at: Time | None = None
    finished_at: Time | None = None
    result: StepResult = StepResult.IN_PROGRESS
    message: str = ""
    pods: list[PodEntry] = Field(default_factory=list)
    restarted_for: str | None = None
    scale_kind: ScaleKind | None = None
    scale_name: str | None = None
    from_: int | None = Field(default=None, alias="from")
    to: int | None = None


class DecisionEntry(StatusModel):
    """One decision, to act or not to act, with its message."""

    at: Time
    phase: Phase
    action: Action = Action.NONE
    reason: str
    message: str


class Condition(StatusModel):
    """A condition as Kubernetes has it."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""
    last_transition_time: Time


class Baseline(StatusModel):
    """The number before the first scale-out, and the object it belongs to."""

    kind: ScaleKind
    name: str
    replicas: int


class RemediationSpec(SpecModel):
    """What a Remediation is about; written once, when it is created."""

    policy_name: PolicyName
    target_ref: TargetRef
    mode: Literal[Mode.ENFORCE, Mode.DRY_RUN] = Mode.ENFORCE
    previous: RemediationName | None = None
    """The remediation after which the alert came back."""
    start_step: int = 0
    """First step of the escalation that may be taken."""


class RemediationStatus(StatusModel):
    """The state machine. Times that are ``None`` have not come."""

    phase: Phase = Phase.PENDING
    reason: str = Reason.OPENED
    """A :class:`~remediator.api.reasons.Reason`, or a code of another version."""
    message: str = ""
    action: Action = Action.NONE
    """The last action that was taken."""
    alert_name: str = ""
    next_step: int = 0
    """The first step of the escalation that has not been taken."""
    scope: Scope | None = None
    gate: GateKind | None = None
    initial_pods: list[str] = Field(default_factory=list)
    """The target's pods when the incident started."""
    affected_pods: list[str] = Field(default_factory=list)
    """Every pod that was affected during the incident, also those that recovered or were replaced."""
    remaining_pods: list[str] = Field(default_factory=list)
    """After a shared failure: the few pods that still are affected; ``settlingUntil`` counts while "
        "they stay the same."""

    first_alert_at: Time | None = None
    """When the operator first saw an alert of the incident: settling counts from here."""
    settling_until: Time | None = None
    cleared_at: Time | None = None
    """Since when no alert fires, proven; ``None`` while one does or while it is unknown."""
    held_since: Time | None = None
    """Since when a ``Hold`` step of the policy holds."""
    gated_since: Time | None = None
    """Since when the next step has been blocked by a guard."""
    quiet_since: Time | None = None
    """Since when a quiet window suspends ``gatedSince``."""
    unknown_since: Time | None = None
    verify_until: Time | None = None
    """When the step must have worked; moves on while nothing is known."""
    stable_until: Time | None = None
    """Until when it must hold, once it works; moves on while nothing is known."""
    stable_restarts: int | None = None
    """Container restarts of the target's pods when ``stableUntil`` was set."""
    revert_not_before: Time | None = None
    retry_at: Time | None = None
    """When an action that the API server did not take is tried again."""
    next_allowed_time: Time | None = None
    """When the guard that blocks the next step ends, where that is known."""
    ended_at: Time | None = None
    outcome: Phase | None = None
    """Of a DryRun: the phase in which it would have ended."""
    cleared_by: str | None = None

    steps: list[StepEntry] = Field(default_factory=list)
    decisions: list[DecisionEntry] = Field(default_factory=list)
    alerts: list[AlertEntry] = Field(default_factory=list)
    alerts_total: int = 0
    """At least so many different alerts the incident had, also those that are not listed."""
    conditions: list[Condition] = Field(default_factory=list)
    baseline: Baseline | None = None

    def to_object(self) -> dict[str, Any]:
        """Return the status as the API server takes it."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @property
    def current_step(self) -> StepEntry | None:
        """The newest step, if any was taken."""
        return self.steps[-1] if self.steps else None


class Remediation(StatusModel):
    """One incident, as the API server has it."""

    name: RemediationName
    namespace: str
    uid: str = ""
    resource_version: str = ""
    created_at: Time
    cleared_by_annotation: str | None = None
    traceparent: str = ""
    """Context of the incident's trace; empty where none is exported."""
    foreign: bool = False
    """Whether someone else created the object: it neither blocks nor starts anything."""
    spec: RemediationSpec
    status: RemediationStatus = Field(default_factory=RemediationStatus)

    @classmethod
    def from_object(cls, body: dict[str, Any]) -> Self:
        """Read a Remediation from the API server's object.

        Raises:
            pydantic.ValidationError: the object is not a valid Remediation.
        """
        metadata = body["metadata"]
        annotations = metadata.get("annotations") or {}
        return cls.model_validate(
            {
                "name": metadata["name"],
                "namespace": metadata.get("namespace"),
                "uid": metadata.get("uid") or "",
                "resourceVersion": metadata.get("resourceVersion") or "",
                "createdAt": metadata.get("creationTimestamp"),
                "clearedByAnnotation": annotations.get(CLEARED_BY_ANNOTATION),
                "traceparent": annotations.get(TRACEPARENT_ANNOTATION, ""),
                "foreign": _is_foreign(metadata.get("managedFields") or []),
                "spec": body["spec"],
                "status": body.get("status") or {},
            }
        )

    def to_object(self, *, policy_uid: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
        """Return the object to create: owned by its policy, without a status (that is a request of its own)."""
        owner = {
            "apiVersion": API_VERSION,
            "kind": POLICY_KIND,
            "name": self.spec.policy_name,
            "uid": policy_uid,
            "controller": True,
        }
        metadata: dict[str, Any] = {"name": self.name, "namespace": self.namespace, "ownerReferences": [owner]}
        if labels:
            metadata["labels"] = labels
        if self.traceparent:
            metadata["annotations"] = {TRACEPARENT_ANNOTATION: self.traceparent}
        return {
            "apiVersion": API_VERSION,
            "kind": REMEDIATION_KIND,
            "metadata": metadata,
            "spec": self.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
        }

    @property
    def active(self) -> bool:
        """Whether something may still happen to it."""
        return not self.status.phase.terminal

    @property
    def number(self) -> int:
        """The ``n`` of its name ``<policy>-<n>``, or 0 where a person named it otherwise or created it."""
        suffix = self.name.removeprefix(f"{self.spec.policy_name}-")
        return int(suffix) if suffix.isdigit() and not self.foreign else 0


def _is_foreign(managed_fields: list[dict[str, Any]]) -> bool:
    """Tell whether the operator did not write the object's spec; unknown where the API server does not say who did."""
    ours = (item for item in managed_fields if item.get("manager") == FIELD_MANAGER and not item.get("subresource"))
    return bool(managed_fields) and not any("f:spec" in (item.get("fieldsV1") or {}) for item in ours)
