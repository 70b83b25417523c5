"""A release whose operator scales out on a simulated load alert, on the cluster that KUBECONFIG names."""

from __future__ import annotations

import json
from typing import Any

import yaml

from support.kubectl import get, kubectl, wait_for
from support.tools import run

ALERT = "SimulatedLoad"
MANAGER = "remediator"
POLICY_VALUES = (
    "--set-json",
    "operator.policy="
    + json.dumps(
        {
            "mode": "Enforce",
            "spec": {
                "alerts": [f'alertname="{ALERT}"'],
                "escalation": [{"action": "ScaleOut", "when": "Any", "by": 1, "max": 4}],
            },
        }
    ),
)
"""Helm's arguments for a policy that adds one replica while the alert fires."""


def simulate_load(space: str, selecting: dict[str, str]) -> None:
    """Let an alert fire for every gateway pod; `selecting` are the labels that Prometheus selects rules by."""
    labels = {"severity": "warning", "service": "bot-gateway", "namespace": space, "gateway": "bot-gateway"}
    rule = {"alert": ALERT, "expr": f'up{{namespace="{space}",job="bot-gateway"}} == 1', "labels": labels}
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "load", "labels": selecting},
        "spec": {"groups": [{"name": "load", "rules": [rule]}]},
    }
    kubectl("apply", "-n", space, "-f", "-", stdin=yaml.safe_dump(manifest))


def end_load(space: str) -> None:
    """Take the rule away, and with it the alert."""
    kubectl("delete", "prometheusrule", "-n", space, "load")


def remediation(space: str) -> dict[str, Any] | None:
    """The one Remediation of the namespace."""
    items: list[dict[str, Any]] = get("rem", "-n", space)["items"]
    return items[0] if items else None


def wait_for_phase(space: str, phase: str, seconds: float) -> dict[str, Any]:
    """Wait until the Remediation is in a phase and return it."""

    def reached() -> dict[str, Any] | None:
        found = remediation(space)
        return found if found and found.get("status", {}).get("phase") == phase else None

    return wait_for(f"the Remediation {phase}", reached, seconds=seconds, every=2)


def managers(kind: str, space: str) -> set[str]:
    """Who owns fields of the gateway's object of that kind."""
    found = get(kind, "bot-gateway", "-n", space, "--show-managed-fields")
    return {entry["manager"] for entry in found["metadata"].get("managedFields", [])}


def replicas(space: str) -> int:
    """The replicas that the gateway's Deployment wants."""
    return int(get("deployment", "bot-gateway", "-n", space)["spec"]["replicas"])


def upgrade_in_mid_incident(program: str, *arguments: str) -> None:
    """Upgrade while the operator holds a number: Helm 3 merges around it, Helm 4 must refuse and name the owner."""
    done = run(program, "upgrade", *arguments, timeout=400)
    if run(program, "version", "--short").stdout.startswith("v4"):
        assert done.returncode != 0, "Helm 4 has overwritten the operator's number"
        assert f'conflict with "{MANAGER}"' in done.stderr
    else:
        assert done.returncode == 0, done.stderr
