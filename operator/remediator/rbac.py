"""The exact rights the operator needs, for the chart's Role and for the test that compares them.

All are rights in the watched namespace; none is cluster-wide. A Role may grant ``get`` on the namespace it
lives in, which is how the kill switch on the namespace is read.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a Role."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    why: str


NAMESPACED_RULES: tuple[Rule, ...] = (
    Rule(
        "remediation.bot-gateway.dev",
        ("remediationpolicies",),
        ("get", "list", "watch"),
        "read what may be done",
    ),
    Rule(
        "remediation.bot-gateway.dev",
        ("remediations",),
        ("get", "list", "watch", "create", "delete"),
        "open a remediation, find it again after a restart, remove old ones",
    ),
    Rule(
        "remediation.bot-gateway.dev",
        ("remediationpolicies/status", "remediations/status"),
        ("get", "update"),
        "write the intent and the outcome",
    ),
    Rule("", ("namespaces",), ("get",), "the kill switch on the namespace"),
    Rule("", ("pods",), ("get", "list", "watch"), "see which pods are the target's and ready"),
    Rule("", ("pods/eviction",), ("create",), "RestartPods, through disruption budgets"),
    Rule("", ("events",), ("create",), "tell people on the policy and the target"),
    Rule("apps", ("replicasets",), ("get", "list"), "tell a Deployment's own pods from pods that look like them"),
    Rule(
        "apps",
        ("deployments", "statefulsets"),
        ("get", "list", "patch"),
        "RolloutRestart, the baseline annotation, and ScaleOut where no autoscaler is",
    ),
    Rule("policy", ("poddisruptionbudgets",), ("get", "list"), "see whether an eviction is allowed"),
    Rule(
        "autoscaling",
        ("horizontalpodautoscalers",),
        ("get", "list", "patch"),
        "ScaleOut by minReplicas where an HPA owns the target",
    ),
    Rule(
        "keda.sh",
        ("scaledobjects",),
        ("get", "list", "patch"),
        "ScaleOut by minReplicaCount where KEDA owns the target",
    ),
)
"""Rules of a Role in the watched namespace."""
