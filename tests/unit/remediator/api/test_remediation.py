"""Remediation: from the API server's object and back, without a loss."""

from remediator.api.remediation import Phase, Remediation, RemediationStatus
from support.incident import SimulatedTarget, make_policy


def _object(**more):
    return {
        "metadata": {
            "name": "breaker-12",
            "namespace": "bots",
            "uid": "u",
            "resourceVersion": "7",
            "creationTimestamp": "2026-03-02T10:00:00Z",
            "annotations": {"remediation.bot-gateway.dev/cleared-by": "ann"},
        },
        "spec": {"policyName": "breaker", "targetRef": {"name": "gw"}, "previous": "breaker-11", "startStep": 1},
        **more,
    }


def test_an_object_is_read():
    remediation = Remediation.from_object(_object(status={"phase": "HandedOver", "ofALaterVersion": 1}))
    assert remediation.number == 12
    assert remediation.spec.previous == "breaker-11"
    assert remediation.cleared_by_annotation == "ann"
    assert remediation.resource_version == "7"
    assert not remediation.active


def test_a_fresh_object_has_no_status_yet():
    remediation = Remediation.from_object(_object())
    assert remediation.status.phase is Phase.PENDING
    assert remediation.active


def test_the_created_object_is_owned_by_its_policy_and_carries_no_status():
    body = Remediation.from_object(_object()).to_object(policy_uid="p-1")
    (owner,) = body["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == (
        "RemediationPolicy",
        "breaker",
        "p-1",
        True,
    )
    assert "status" not in body
    assert "resourceVersion" not in body["metadata"]


def test_the_status_of_a_whole_incident_comes_back_as_it_was():
    target = SimulatedTarget(make_policy(escalation=[{"action": "ScaleOut", "when": "Majority", "by": 2, "max": 9}]))
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(60)
    target.clear()
    target.run(600)
    written = target.status.to_object()
    assert RemediationStatus.model_validate(written) == target.status
    step = written["steps"][0]
    assert (step["from"], step["to"], step["scaleKind"]) == (3, 5, "Deployment")
    assert step["startedAt"] == "2026-03-02T10:00:45Z"


def test_the_number_of_a_name_that_a_person_chose_is_zero():
    body = _object()
    body["metadata"]["name"] = "by-hand"
    assert Remediation.from_object(body).number == 0
