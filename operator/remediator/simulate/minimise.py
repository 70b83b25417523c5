"""Making a failing incident small, and writing it as a recording for ``replay`` and the regression suite."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from remediator.api.policy import Policy
from remediator.api.values import format_time
from remediator.decide.machine import decide
from remediator.decide.observed import Observed
from remediator.loop import Decider
from remediator.record import as_line
from remediator.simulate.cluster import moment
from remediator.simulate.incident import Incident
from remediator.simulate.scenario import FOREVER, Scenario


def minimise(policy: Policy, scenario: Scenario, kind: str, decider: Decider = decide) -> Scenario:
    """Return the smallest incident found that a judge still has the same kind of objection to.

    Greedy: each trouble is left out, then pods are, then the failure is made shorter, while the objection stays.
    """
    smallest, found = scenario, True
    while found:
        found = False
        for smaller in _smaller(smallest):
            if getattr(Incident(policy, smaller, decider).run(), kind):
                smallest, found = smaller, True
                break
    return smallest


def write_recording(policy: Policy, scenario: Scenario, path: Path, decider: Decider = decide) -> None:
    """Write what the operator read in an incident as a recording."""
    incident = Incident(policy, scenario, decider)
    incident.run()
    with path.open("w", encoding="utf-8") as file:
        for look in incident.looks:
            line = {"at": format_time(moment(look.at)), **_observation(look.observed)}
            print(json.dumps(line, separators=(",", ":")), file=file)


def _smaller(scenario: Scenario) -> Iterator[Scenario]:
    for index in range(len(scenario.troubles)):
        yield replace(scenario, troubles=scenario.troubles[:index] + scenario.troubles[index + 1 :])
    if scenario.replicas > 2 and max(scenario.victims) < scenario.replicas - 1:
        yield replace(scenario, replicas=scenario.replicas - 1)
    if len(scenario.victims) > 1:
        yield replace(scenario, victims=scenario.victims[:-1])
    half = (scenario.end - scenario.start) / 2
    if scenario.end < FOREVER and half >= 120:
        yield replace(scenario, end=scenario.start + half)


def _observation(observed: Observed) -> dict[str, Any]:
    line: dict[str, Any] = {
        "alertmanager": "up" if observed.alertmanager_up else "down",
        "prometheus": "up" if observed.prometheus_up else "down",
        "alerts": [
            {
                "fingerprint": alert.fingerprint,
                "labels": alert.labels,
                "startsAt": format_time(alert.starts_at),
                "status": {"state": alert.state},
            }
            for alert in observed.alerts
        ],
        "pending": [
            {"alertname": name, "pod": pod, "service_name": backend} for name, pod, backend in sorted(observed.pending)
        ],
        "evaluations": {
            name: {"at": format_time(item.at), "interval": item.interval.total_seconds()}
            for name, item in observed.evaluations.items()
        },
        "workload": as_line(observed.workload) if observed.workload else None,
    }
    if observed.alertmanager_started_at is not None:
        line["alertmanagerStartedAt"] = format_time(observed.alertmanager_started_at)
    return line
