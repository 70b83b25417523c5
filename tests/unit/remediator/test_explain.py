"""One incident's describe, as a person reads it."""

from remediator.api.remediation import Remediation
from remediator.explain import describe

HANDED_OVER = {
    "metadata": {"name": "breaker-2", "namespace": "shop", "creationTimestamp": "2026-01-01T10:00:00Z"},
    "spec": {"policyName": "breaker", "targetRef": {"name": "web"}, "previous": "breaker-1", "startStep": 1},
    "status": {
        "phase": "HandedOver",
        "reason": "EscalationExhausted",
        "message": "Every step for this fault was taken and the alert still fires (1 of 3 ready pods affected).",
        "alertName": "CircuitBreakerOpen",
        "alertsTotal": 1,
        "firstAlertAt": "2026-01-01T10:00:00Z",
        "endedAt": "2026-01-01T10:25:30Z",
        "alerts": [
            {
                "fingerprint": "0123456789abcdef",
                "startsAt": "2026-01-01T09:59:30Z",
                "pod": "web-a",
                "serviceName": "request",
                "state": "active",
            }
        ],
        "steps": [
            {
                "index": 1,
                "action": "RolloutRestart",
                "startedAt": "2026-01-01T10:00:46Z",
                "acceptedAt": "2026-01-01T10:00:46.05Z",
                "result": "NotCleared",
                "message": "The alert still fires.",
            }
        ],
        "decisions": [
            {"at": "2026-01-01T10:00:00Z", "phase": "Pending", "reason": "AlertFiring", "message": "It fires."},
            {
                "at": "2026-01-01T10:00:46Z",
                "phase": "Acting",
                "action": "RolloutRestart",
                "reason": "MinorityAffected",
                "message": "Every pod is replaced.",
            },
        ],
        "conditions": [
            {
                "type": "Proven",
                "status": "False",
                "reason": "NoCallYet",
                "message": "No replacement has had a successful call.",
                "lastTransitionTime": "2026-01-01T10:01:00Z",
            }
        ],
    },
}


def test_description_of_a_handover_says_what_why_and_what_to_do() -> None:
    text = "\n".join(describe(Remediation.from_object(HANDED_OVER)))
    for part in (
        "breaker-2: HandedOver (EscalationExhausted)",
        "Policy breaker, target Deployment/web.",
        "The alert fired again after breaker-1, so it started with step 2.",
        "pod web-a, backend request, since 2026-01-01 09:59:30Z: active",
        "2026-01-01 10:00:46Z     +46s  Acting [RolloutRestart]: Every pod is replaced.",
        "RolloutRestart at 2026-01-01 10:00:46Z, accepted after +0.05s: NotCleared",
        "Proven is False: No replacement has had a successful call.",
        "It took 25m30s.",
        "kubectl annotate rem/breaker-2 remediation.bot-gateway.dev/cleared-by=NAME",
    ):
        assert part in text, text


def test_description_of_an_object_that_has_no_status_yet() -> None:
    bare = {key: value for key, value in HANDED_OVER.items() if key != "status"}
    text = "\n".join(describe(Remediation.from_object(bare)))
    assert "There is no decision yet." in text
