"""The morning summary over all incidents, as a person reads it."""

from datetime import timedelta
from typing import Any

import pytest

from remediator import summary
from remediator.api.remediation import Remediation
from remediator.kube import ConnectionFailedError
from remediator.summary import main, parse, summarise
from support.incident import START, SimulatedTarget, make_policy


def _object(name: str, phase: str, ended: str | None, **more: Any) -> dict[str, Any]:
    status = {"phase": phase, "reason": "Recovered", "message": f"The end of {name}.", "firstAlertAt": ended}
    return {
        "metadata": {"name": name, "namespace": "shop", "creationTimestamp": "2026-01-01T10:00:00Z"},
        "spec": {"policyName": "breaker", "targetRef": {"name": "web"}},
        "status": {**status, "endedAt": ended, **more},
    }


def _lines(*objects: dict[str, Any], since: str = "2026-01-02T00:00:00Z") -> list[str]:
    remediations, _ = parse(objects)
    moment = Remediation.from_object(_object("x", "Failed", since)).status.ended_at
    assert moment is not None
    return list(summarise(remediations, moment))


def test_a_night_of_incidents_is_told_with_each_action_its_reason_and_the_end() -> None:
    target = SimulatedTarget(make_policy(), pods=4)
    target.fire("gw-1")
    target.run(600)
    lines = list(summarise(target.remediations, START))
    assert lines[0] == "Since 2026-03-02 10:00:00Z: 1 incident, 1 action carried out."
    assert "breaker-1: Succeeded (Recovered), target Deployment/" in lines[2]
    assert "affected gw-1" in lines[3]
    assert lines[4].endswith(
        "[RestartPods]: 1 of 4 ready pods are affected and the others are not. The operator evicts gw-1."
    )
    assert lines[5] == "  The alert stayed cleared and the pods stayed ready."
    assert list(summarise(target.remediations, START + timedelta(hours=12))) == [
        "Since 2026-03-02 22:00:00Z there was no incident."
    ]


def test_a_dry_run_counts_as_an_incident_and_its_actions_are_not_counted_as_carried_out() -> None:
    target = SimulatedTarget(make_policy(mode="DryRun"), pods=4)
    target.fire("gw-1")
    target.run(120)
    text = "\n".join(summarise(target.remediations, START))
    assert "1 incident, 0 actions carried out." in text
    assert "as a dry run: nothing was carried out" in text
    assert "[RestartPods]" in text


def test_only_incidents_of_the_time_are_told_in_their_order() -> None:
    lines = _lines(
        _object("late", "Succeeded", "2026-01-02T05:00:00Z"),
        _object("early", "Succeeded", "2026-01-02T01:00:00Z"),
        _object("yesterday", "Succeeded", "2026-01-01T23:00:00Z"),
    )
    assert lines[0].startswith("Since 2026-01-02 00:00:00Z: 2 incidents, 0 actions")
    assert [line.split(":")[0] for line in lines if ": Succeeded" in line] == ["early", "late"]


def test_what_waits_for_a_person_is_named_first_however_old_and_until_it_is_cleared() -> None:
    handed_over = _object("stuck", "HandedOver", "2026-01-01T11:00:00Z")
    lines = _lines(handed_over)
    assert lines[1] == "Waiting for a person: stuck."
    assert lines[-1].endswith("kubectl annotate rem/stuck remediation.bot-gateway.dev/cleared-by=NAME")
    cleared = _object("stuck", "HandedOver", "2026-01-01T11:00:00Z", clearedBy="Ann")
    assert _lines(cleared) == ["Since 2026-01-02 00:00:00Z there was no incident."]


def test_an_incident_that_is_active_is_told_though_it_started_before() -> None:
    lines = _lines(_object("open", "Gated", None))
    assert lines[2] == "open: Gated (Recovered), target Deployment/web"
    assert "not ended" in lines[3]


def test_one_object_that_cannot_be_read_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = {"metadata": {"name": "broken"}}

    async def read(namespace: str) -> list[dict[str, Any]]:
        assert namespace == "shop"
        return [broken, _object("open", "Gated", None)]

    monkeypatch.setattr(summary, "_read", read)
    assert main(["-n", "shop", "--since", "8h"]) == 1
    printed = capsys.readouterr()
    assert "open: Gated" in printed.out
    assert printed.err == "summary: broken is not a valid Remediation and is left out\n"


def test_bad_arguments_and_an_api_server_out_of_reach_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def read(_namespace: str) -> list[dict[str, Any]]:
        raise ConnectionFailedError("no API server is configured")

    monkeypatch.setattr(summary, "_read", read)
    for text in ("tomorrow", "99999999h"):
        assert main(["--since", text]) == 2
        assert capsys.readouterr().err.startswith("summary: --since: ")
    assert main([]) == 1
    assert capsys.readouterr().err == "summary: no API server is configured\n"
