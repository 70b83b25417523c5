"""Every reason code that the operator gives, with its meaning: what stands in ``status.reason``, Events and metrics.

The table in docs/remediation.md is made from here; a test fails where the two differ. A status that was written by
another version may carry a code that is not here, so a status is read as text.
"""

from enum import StrEnum
from typing import Self


class Use(StrEnum):
    """What a reason explains."""

    IGNORES = "An alert of the policy is ignored"
    REFUSES = "No remediation begins"
    BEGINS = "A remediation begins or goes on"
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
    NO_POD_LABEL = "NoPodLabel", Use.IGNORES, "It names no pod, so it cannot be told what to repair."
    NOT_OUR_POD = "NotOurPod", Use.IGNORES, "Its pod is not, or no longer, one of the target's own."
    NOT_CONFIRMED = "NotConfirmed", Use.IGNORES, "Prometheus does not have it firing, whoever posted it."

    NO_ALERT = "NoAlert", Use.REFUSES, "No alert of the policy fires."
    ACTIVE = "Active", Use.REFUSES, "One is at work for this policy and target already."
    ALERTMANAGER_UNREACHABLE = (
        "AlertmanagerUnreachable",
        Use.REFUSES,
        "Alertmanager does not answer: the last known state is held, nothing is started.",
    )
    PROMETHEUS_NOT_PROVEN = (
        "PrometheusNotProven",
        Use.REFUSES,
        "Nothing proves that Prometheus is alive, so silence does not mean health.",
    )
    WORKLOAD_UNKNOWN = "WorkloadUnknown", Use.REFUSES, "The target, its pods or its replicas could not be read."
    TRIAL_ENDED = "TrialEnded", Use.REFUSES, "A DryRun ended with this alert, which has not begun anew since."

    OPENED = "Opened", Use.BEGINS, "The object was made; nothing has been decided yet."
    ALERT_FIRING = "AlertFiring", Use.BEGINS, "An alert of the policy fires on a pod of the target."
    SCALE_OUT_LEFT_BEHIND = (
        "ScaleOutLeftBehind",
        Use.BEGINS,
        "The target still carries the baseline of a scale-out whose remediation was deleted: it is taken back.",
    )
    SETTLING = "Settling", Use.BEGINS, "Waiting until every alert of the incident can have come."
    ALERT_CLEARED = "AlertCleared", Use.BEGINS, "The alert does not fire now; it is over when it stays away."
    STABILISING = "Stabilising", Use.BEGINS, "Alert cleared, pods ready, rollout complete: it must stay so."
    ALERT_STILL_FIRING = "AlertStillFiring", Use.BEGINS, "The step was carried out and the alert has not cleared yet."
    AWAITING_REPLACEMENT = (
        "AwaitingReplacement",
        Use.BEGINS,
        "The next pod waits until the replacement of the one before is ready.",
    )
    LOWERING = "Lowering", Use.BEGINS, "The next lowering waits for its time."
    ALERT_RETURNED = "AlertReturned", Use.BEGINS, "The alert is back while reverting: nothing is lowered further."

    PAUSED = "Paused", Use.GATES, "A person paused the policy, the target or the namespace."
    PAUSE_UNKNOWN = "PauseUnknown", Use.GATES, "It is not known whether a person paused the target."
    POLICY_IS_DRY_RUN = "PolicyIsDryRun", Use.GATES, "The policy was changed to DryRun in mid-incident."
    NOT_OPTED_IN = "NotOptedIn", Use.GATES, "The target does not carry the annotation that allows policies to act."
    OLDER_REMEDIATION_FIRST = "OlderRemediationFirst", Use.GATES, "An older remediation works on the same target."
    MAX_CONCURRENT = "MaxConcurrent", Use.GATES, "`maxConcurrent` remediations are at work in the namespace."
    QUIET_WINDOW = "QuietWindow", Use.GATES, "A quiet window of the policy is open."
    ROLLOUT_IN_PROGRESS = "RolloutInProgress", Use.GATES, "A rollout of the target is under way."
    ROLLOUT_UNKNOWN = "RolloutUnknown", Use.GATES, "It is not known whether a rollout is under way."
    BUDGET_EXHAUSTED = "BudgetExhausted", Use.GATES, "Every action that a budget of the policy allows was taken."
    COOLDOWN = "Cooldown", Use.GATES, "The cooldown after the last action is not over."
    MIN_HEALTHY = "MinHealthy", Use.GATES, "Fewer than `minHealthy` ready pods would be left."
    DISRUPTION_BUDGET = "DisruptionBudget", Use.GATES, "A PodDisruptionBudget allows no eviction now."
    DISRUPTION_BUDGET_UNKNOWN = (
        "DisruptionBudgetUnknown",
        Use.GATES,
        "It is not known what the PodDisruptionBudget allows.",
    )
    MAX_REPLICAS = "MaxReplicas", Use.GATES, "The target has as many replicas as policy or autoscaler allow."
    AUTOSCALER_UNKNOWN = "AutoscalerUnknown", Use.GATES, "What owns the replicas, or its number, cannot be read."
    PODS_NOT_READY = "PodsNotReady", Use.GATES, "The alert is cleared, but fewer pods are ready than desired."
    ALERT_SUPPRESSED = "AlertSuppressed", Use.GATES, "The alert is silenced or inhibited: that starts nothing."
    SHARED_FAULT = "SharedFault", Use.GATES, "More than half of the pods are affected: what they share is the fault."
    SHARED_FAULT_ENDING = (
        "SharedFaultEnding",
        Use.GATES,
        "Fewer pods are affected than before: the outage may be ending, so it settles once more.",
    )
    NO_PEER_SUCCESS = "NoPeerSuccess", Use.GATES, "No unaffected pod reached the backend within 2 minutes."
    NO_STEP_FOR_SCOPE = "NoStepForScope", Use.GATES, "The policy has no step for that share of affected pods."
    NO_AFFECTED_PODS = "NoAffectedPods", Use.GATES, "The alert fires on pods that are not ready only."
    ALERT_OUTLIVES_FAULT = "AlertOutlivesFault", Use.GATES, "The alert fires, but its pods' breakers are closed."
    HOLD = "Hold", Use.GATES, "A Hold step of the policy: record and tell, do nothing."
    API_SERVER_BUSY = "ApiServerBusy", Use.GATES, "The API server answers 429 or 409: tried again later."
    API_SERVER_UNAVAILABLE = (
        "ApiServerUnavailable",
        Use.GATES,
        "The API server did not answer: whether it was done is read from the world.",
    )
    CONFLICT = "Conflict", Use.GATES, "The target changed while it was restarted: tried again later."

    MINORITY_AFFECTED = "MinorityAffected", Use.ACTS, "Half of the pods or fewer are affected: they are restarted."
    NEXT_AFFECTED_POD = "NextAffectedPod", Use.ACTS, "The target is whole again: the next affected pod is replaced."
    LOAD_IS_THE_CAUSE = "LoadIsTheCause", Use.ACTS, "The policy takes load for the cause: the target is scaled out."
    TAKING_BACK = "TakingBack", Use.ACTS, "One scale-out is taken back."
    RESUMED = "Resumed", Use.ACTS, "The step is written down but the cluster does not show it: once more."
    RELEASING_FIELD = "ReleasingField", Use.ACTS, "The operator gives up its ownership of the field."

    ACCEPTED = "Accepted", Use.RESULTS, "The API server accepted the action."
    EVICTED = "Evicted", Use.RESULTS, "The pod was evicted, or had gone already."
    PODS_REPLACED = "PodsReplaced", Use.RESULTS, "Every affected pod of the step was evicted."
    PRETENDED = "Pretended", Use.RESULTS, "A DryRun: taken as carried out."
    ALREADY_CARRIED_OUT = "AlreadyCarriedOut", Use.RESULTS, "The cluster shows the action already."
    CLEARED_BEFORE_ACTING = "ClearedBeforeActing", Use.RESULTS, "The alert cleared first: the step is left undone."
    NOTHING_LEFT_TO_RESTART = "NothingLeftToRestart", Use.RESULTS, "No pod of the step is affected any more."
    REPLACEMENT_NOT_READY = (
        "ReplacementNotReady",
        Use.RESULTS,
        "The replacement of an evicted pod did not become ready: the other pods are left alone.",
    )
    LOWERED = "Lowered", Use.RESULTS, "One scale-out was taken back; it must hold before the next."
    FIELD_RELEASED = "FieldReleased", Use.RESULTS, "The operator owns no field of the target any more."
    FIELD_NOT_RELEASED = "FieldNotReleased", Use.RESULTS, "Giving up the field failed: tried again later."
    TARGET_CHANGED = "TargetChanged", Use.RESULTS, "Someone else changed the number: theirs stands."

    RECOVERED = "Recovered", Use.ENDS, "The alert stayed cleared and the pods ready."
    REVERTED = "Reverted", Use.ENDS, "It stayed cleared, and the scale-out was taken back."
    CLEARED_BY_ITSELF = "ClearedByItself", Use.ENDS, "The alert ended without any action and stayed away."
    POLICY_ENFORCES = "PolicyEnforces", Use.ENDS, "The policy was changed to Enforce: the trial ends."
    HANDED_OVER = "HandedOver", Use.ENDS, "A remediation was handed over and no person has cleared it yet."
    ESCALATION_EXHAUSTED = "EscalationExhausted", Use.ENDS, "Every step was taken and the alert still fires."
    GATED_TOO_LONG = "GatedTooLong", Use.ENDS, "A guard was in the way for `handover.gatedFor`."
    UNKNOWN_TOO_LONG = "UnknownTooLong", Use.ENDS, "Nothing was known for `handover.unknownFor`."
    TARGET_GONE = "TargetGone", Use.ENDS, "The target does not exist any more."
    REFUSED = "Refused", Use.ENDS, "The API server refuses the action (403, 422): trying again changes nothing."
    STATUS_DAMAGED = "StatusDamaged", Use.ENDS, "The status lacks what it must say; someone edited it."

    READ = "Read", Use.CONDITIONS, "Signals: Alertmanager and Prometheus answer."
    FIRING = "Firing", Use.CONDITIONS, "Cleared: an alert of the incident fires."
    SUPPRESSED = "Suppressed", Use.CONDITIONS, "Cleared: it is silenced or inhibited, which is not cleared."
    CLEARED = "Cleared", Use.CONDITIONS, "Cleared: no alert of the incident fires."
    PODS_AND_ROLLOUT = "PodsAndRollout", Use.CONDITIONS, "Ready: by the ready pods and the rollout."
    SUCCESSFUL_CALL = "SuccessfulCall", Use.CONDITIONS, "Proven: a replacement reached the backend."
    NO_CALL_YET = "NoCallYet", Use.CONDITIONS, "Proven: no replacement reached it yet; a fresh breaker proves nothing."
    NO_EVIDENCE = "NoEvidence", Use.CONDITIONS, "Proven: without Prometheus or a service_name it cannot be told."
    BACK_TO_BASELINE = "BackToBaseline", Use.CONDITIONS, "Reverted: the number is the one before the incident."
