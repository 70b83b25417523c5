"""Every reason code that the operator gives, with its meaning: the values of ``status.reason``, Events and metrics.

The table in docs/remediation.md is made from here; a test fails where the two differ. A status that was written by
another version may carry a code that is not here, so a status is read as text.
"""

from enum import StrEnum
from typing import Self


class Use(StrEnum):
    """What a reason explains."""

    IGNORES = "An alert of the policy is ignored"
    REFUSES = "No remediation starts"
    BEGINS = "A remediation starts or continues"
    GATES = "The next step waits"
    ACTS = "An action is taken or repeated"
    RESULTS = "What came of an action"
    ENDS = "A remediation ends"
    CONDITIONS = "Why a condition is as it is"


class Reason(StrEnum):
    """A CamelCase code; ``use`` and ``meaning`` are for the person who meets it."""

    use: Use
    meaning: str

    def __new__(cls, code: str, use: Use, meaning: str) -> Self:
        """Return a member whose value is the code alone."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.use = use
        member.meaning = meaning
        return member

    OTHER_NAMESPACE = "OtherNamespace", Use.IGNORES, "It is of another namespace than the policy."
    NO_POD_LABEL = "NoPodLabel", Use.IGNORES, "It has no pod label, so the pod to repair is not known."
    NOT_OUR_POD = "NotOurPod", Use.IGNORES, "Its pod is not, or no longer, one of the target's own."
    NOT_CONFIRMED = "NotConfirmed", Use.IGNORES, "Prometheus does not have it firing, whoever posted it."

    NO_ALERT = "NoAlert", Use.REFUSES, "No alert of the policy fires."
    ACTIVE = "Active", Use.REFUSES, "One is active for this policy and target already."
    ALERTMANAGER_UNREACHABLE = (
        "AlertmanagerUnreachable",
        Use.REFUSES,
        "Alertmanager does not respond: the last known state is kept, nothing is started.",
    )
    PROMETHEUS_NOT_PROVEN = (
        "PrometheusNotProven",
        Use.REFUSES,
        "Nothing shows that Prometheus works, so no alert counts as cleared.",
    )
    WORKLOAD_UNKNOWN = "WorkloadUnknown", Use.REFUSES, "The target, its pods or its replicas could not be read."
    DRY_RUN_ENDED = "TrialEnded", Use.REFUSES, "A dry run ended with this alert, which still fires."

    OPENED = "Opened", Use.BEGINS, "The object was made; nothing has been decided yet."
    ALERT_FIRING = "AlertFiring", Use.BEGINS, "An alert of the policy fires on a pod of the target."
    SCALE_OUT_LEFT_BEHIND = (
        "ScaleOutLeftBehind",
        Use.BEGINS,
        "The target still carries the baseline of a scale-out whose remediation was deleted: it is reverted.",
    )
    SETTLING = (
        "Settling",
        Use.BEGINS,
        "An alert fires. The operator waits until all pods had time to report the same failure.",
    )
    CONFIRMING_CLEARED = (
        "ConfirmingCleared",
        Use.BEGINS,
        "No alert fires now; it counts as cleared once later evaluations show it.",
    )
    ALERT_PENDING = (
        "AlertPending",
        Use.BEGINS,
        "Prometheus has the alert pending, so its condition holds: that is not cleared.",
    )
    ALERT_CLEARED = "AlertCleared", Use.BEGINS, "The alert does not fire now. The incident ends if it stays cleared."
    STABILISING = (
        "Stabilising",
        Use.BEGINS,
        "The alert is cleared, the pods are ready and the rollout is complete: it must stay so for `stableFor`.",
    )
    ALERT_STILL_FIRING = "AlertStillFiring", Use.BEGINS, "The step was carried out and the alert has not cleared yet."
    AWAITING_REPLACEMENT = (
        "AwaitingReplacement",
        Use.BEGINS,
        "The replacement of the last evicted pod is not ready yet. The next pod waits for it.",
    )
    LOWERING = "Lowering", Use.BEGINS, "The next lowering waits for its time."
    ALERT_RETURNED = "AlertReturned", Use.BEGINS, "The alert is back while reverting: nothing is lowered further."

    ALERT_AMBIGUOUS = (
        "AlertAmbiguous",
        Use.GATES,
        "An alert is neither firing nor cleared: not confirmed, without its pod label, or not selected.",
    )
    PREDECESSOR_ALERT = (
        "PredecessorAlert",
        Use.GATES,
        "The alert is that of an earlier pod of the same name.",
    )
    ROLLOUT_PAUSED = "RolloutPaused", Use.GATES, "The Deployment has `spec.paused`."
    AUTOSCALER_PAUSED = "AutoscalerPaused", Use.GATES, "The ScaledObject is paused."
    NAMESPACE_TERMINATING = "NamespaceTerminating", Use.GATES, "The namespace is being deleted."
    POD_STUCK_TERMINATING = (
        "PodStuckTerminating",
        Use.GATES,
        "The alert fires only on a pod that was evicted and is still shutting down.",
    )
    REFUSED = (
        "Refused",
        Use.GATES,
        "The API server refuses the action (403, 422, a webhook): retried, then handed over.",
    )
    PAUSED = "Paused", Use.GATES, "A person paused the policy, the target or the namespace."
    PAUSE_UNKNOWN = "PauseUnknown", Use.GATES, "Whether the target is paused is not known. Waiting until it is."
    POLICY_IS_DRY_RUN = "PolicyIsDryRun", Use.GATES, "The policy was changed to DryRun in mid-incident."
    NOT_OPTED_IN = "NotOptedIn", Use.GATES, "The target does not carry the annotation that allows policies to act."
    OLDER_REMEDIATION_FIRST = "OlderRemediationFirst", Use.GATES, "An older remediation works on the same target."
    MAX_CONCURRENT = "MaxConcurrent", Use.GATES, "`maxConcurrent` remediations are acting in the namespace."
    QUIET_WINDOW = (
        "QuietWindow",
        Use.GATES,
        "A quiet window of the policy is open. Waiting for its end. Pause the policy to stop it for longer.",
    )
    ROLLOUT_IN_PROGRESS = (
        "RolloutInProgress",
        Use.GATES,
        "A rollout of the target is in progress. Waiting for its end. Check the rollout if it does not progress.",
    )
    ROLLOUT_UNKNOWN = "RolloutUnknown", Use.GATES, "It is not known whether a rollout is under way."
    BUDGET_EXHAUSTED = "BudgetExhausted", Use.GATES, "Every action that a budget of the policy allows was taken."
    COOLDOWN = "Cooldown", Use.GATES, "The cooldown after the last action is not over. The next step waits for it."
    MIN_HEALTHY = "MinHealthy", Use.GATES, "Fewer than `minHealthy` ready pods would be left."
    DISRUPTION_BUDGET = "DisruptionBudget", Use.GATES, "A PodDisruptionBudget allows no eviction now."
    DISRUPTION_BUDGET_UNKNOWN = (
        "DisruptionBudgetUnknown",
        Use.GATES,
        "The PodDisruptionBudget's state is not known. Waiting until it is.",
    )
    MAX_REPLICAS = "MaxReplicas", Use.GATES, "The target has as many replicas as policy or autoscaler allow."
    AUTOSCALER_UNKNOWN = (
        "AutoscalerUnknown",
        Use.GATES,
        "What owns the replicas, or its number, cannot be read. Waiting until it can. Check the operator's rights.",
    )
    PODS_NOT_READY = "PodsNotReady", Use.GATES, "The alert is cleared, but fewer pods are ready than desired."
    ALERT_SUPPRESSED = "AlertSuppressed", Use.GATES, "The alert is silenced or inhibited: that starts nothing."
    SHARED_FAILURE = "SharedFault", Use.GATES, "More than half of the pods are affected: the failure is shared."
    SHARED_FAILURE_ENDING = (
        "SharedFaultEnding",
        Use.GATES,
        "Fewer pods are affected than before, so a shared failure may be ending. The operator waits once more.",
    )
    NO_PEER_SUCCESS = "NoPeerSuccess", Use.GATES, "No unaffected pod reached the backend within 2 minutes."
    NO_STEP_FOR_SCOPE = "NoStepForScope", Use.GATES, "The policy has no step for that share of affected pods."
    NO_AFFECTED_PODS = "NoAffectedPods", Use.GATES, "The alert fires on pods that are not ready only."
    ALERT_OUTLIVES_FAULT = "AlertOutlivesFault", Use.GATES, "The alert fires, but its pods' breakers are closed."
    HOLD = "Hold", Use.GATES, "A Hold step of the policy: record and notify only."
    API_SERVER_BUSY = "ApiServerBusy", Use.GATES, "The API server responds 429 or 409: retried later."
    API_SERVER_UNAVAILABLE = (
        "ApiServerUnavailable",
        Use.GATES,
        "The API server did not respond: whether the action was carried out is read from the cluster.",
    )
    CONFLICT = "Conflict", Use.GATES, "The target changed while it was restarted: retried."

    MINORITY_AFFECTED = "MinorityAffected", Use.ACTS, "Half of the pods or fewer are affected: they are restarted."
    NEXT_AFFECTED_POD = "NextAffectedPod", Use.ACTS, "All pods are ready again: the next affected pod is evicted."
    LOAD_IS_THE_CAUSE = "LoadIsTheCause", Use.ACTS, "The policy treats load as the cause: the target is scaled out."
    TAKING_BACK = "TakingBack", Use.ACTS, "One scale-out is reverted."
    RESUMED = "Resumed", Use.ACTS, "The step is recorded but not visible in the cluster: it is repeated."
    RELEASING_FIELD = "ReleasingField", Use.ACTS, "The operator releases its ownership of the field."

    ACCEPTED = "Accepted", Use.RESULTS, "The API server accepted the action."
    EVICTED = "Evicted", Use.RESULTS, "The pod was evicted, or had gone already."
    PODS_REPLACED = "PodsReplaced", Use.RESULTS, "Every affected pod of the step was evicted."
    SIMULATED = "Pretended", Use.RESULTS, "Dry run: assumed as carried out."
    ALREADY_CARRIED_OUT = "AlreadyCarriedOut", Use.RESULTS, "The cluster shows the action already."
    CLEARED_BEFORE_ACTING = "ClearedBeforeActing", Use.RESULTS, "The alert cleared first: the step is not carried out."
    NOTHING_LEFT_TO_RESTART = (
        "NothingLeftToRestart",
        Use.RESULTS,
        "No pod of the step is affected any more. Nothing is evicted.",
    )
    REPLACEMENT_NOT_READY = (
        "ReplacementNotReady",
        Use.RESULTS,
        "The replacement of an evicted pod did not become ready: the other pods are left alone.",
    )
    LOWERED = "Lowered", Use.RESULTS, "One scale-out was reverted; the target must be stable before the next."
    FIELD_RELEASED = "FieldReleased", Use.RESULTS, "The operator owns no field of the target any more."
    FIELD_NOT_RELEASED = "FieldNotReleased", Use.RESULTS, "Releasing the field failed: retried."
    TARGET_CHANGED = "TargetChanged", Use.RESULTS, "Someone else changed the number: it is kept."

    RECOVERED = "Recovered", Use.ENDS, "The alert stayed cleared and the pods ready."
    REVERTED = "Reverted", Use.ENDS, "It stayed cleared, and the scale-out was reverted."
    CLEARED_BY_ITSELF = (
        "ClearedByItself",
        Use.ENDS,
        "The alert cleared without any action and stayed cleared. Nothing was needed.",
    )
    POLICY_ENFORCES = "PolicyEnforces", Use.ENDS, "The policy was changed to Enforce: the dry run ends."
    HANDED_OVER = "HandedOver", Use.ENDS, "A remediation was handed over and no person has cleared it yet."
    ESCALATION_EXHAUSTED = "EscalationExhausted", Use.ENDS, "Every step was taken and the alert still fires."
    GATED_TOO_LONG = "GatedTooLong", Use.ENDS, "A guard blocked the next step for `handover.gatedFor`."
    UNKNOWN_TOO_LONG = "UnknownTooLong", Use.ENDS, "Nothing was known for `handover.unknownFor`."
    TARGET_GONE = "TargetGone", Use.ENDS, "The target does not exist any more."
    UNPROVEN = "Unproven", Use.ENDS, "The alert stayed cleared, but no replacement is proven to reach the backend."
    SCALED_TO_ZERO = "ScaledToZero", Use.ENDS, "A person scaled the target to zero."
    SCALE_OUT_BLOCKED = "ScaleOutBlocked", Use.ENDS, "The new pods could not run: the scale-out was reverted."
    NOT_CREATED_BY_OPERATOR = "NotCreatedByOperator", Use.ENDS, "The object was not created by the operator."
    STATUS_DAMAGED = "StatusDamaged", Use.ENDS, "The status lacks what it must say; someone edited it."

    READ = "Read", Use.CONDITIONS, "Signals: Alertmanager and Prometheus respond."
    FIRING = "Firing", Use.CONDITIONS, "Cleared: an alert of the incident fires."
    SUPPRESSED = "Suppressed", Use.CONDITIONS, "Cleared: it is silenced or inhibited, which is not cleared."
    CLEARED = "Cleared", Use.CONDITIONS, "Cleared: no alert of the incident fires."
    PODS_AND_ROLLOUT = "PodsAndRollout", Use.CONDITIONS, "Ready: by the ready pods and the rollout."
    SUCCESSFUL_CALL = "SuccessfulCall", Use.CONDITIONS, "Proven: a replacement reached the backend."
    NO_CALL_YET = "NoCallYet", Use.CONDITIONS, "Proven: no replacement reached it yet; a fresh breaker proves nothing."
    NO_EVIDENCE = "NoEvidence", Use.CONDITIONS, "Proven: without Prometheus or a service_name nothing shows it."
    BACK_TO_BASELINE = "BackToBaseline", Use.CONDITIONS, "Reverted: the number is the one before the incident."
