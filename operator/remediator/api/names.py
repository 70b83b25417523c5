"""Names that the API server, the chart and people know: group, version, kinds, annotations, ids."""

from typing import Final, NewType

GROUP: Final = "remediation.bot-gateway.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
POLICY_KIND: Final = "RemediationPolicy"
POLICY_PLURAL: Final = "remediationpolicies"
REMEDIATION_KIND: Final = "Remediation"
REMEDIATION_PLURAL: Final = "remediations"

ALLOW_ANNOTATION: Final = f"{GROUP}/allow"
"""On the target, value ``true``: the owner of the workload lets policies act on it."""
PAUSED_ANNOTATION: Final = f"{GROUP}/paused"
"""On the target or its namespace, value ``true``: nothing is carried out."""
CLEARED_BY_ANNOTATION: Final = f"{GROUP}/cleared-by"
"""On a Remediation, value a person's name: the handover is over, the operator may act again."""
RESTARTED_FOR_ANNOTATION: Final = f"{GROUP}/restarted-for"
"""On the target's pod template: which step of which Remediation restarted the rollout."""
TRACEPARENT_ANNOTATION: Final = f"{GROUP}/traceparent"
"""On a Remediation, where traces are exported: the context of the incident's trace."""
BASELINE_ANNOTATION: Final = f"{GROUP}/baseline"
"""On what was scaled: the number before the first scale-out."""

FIELD_MANAGER: Final = "remediator"
"""Who the API server says wrote what the operator wrote."""

PodName = NewType("PodName", str)
PodUid = NewType("PodUid", str)
PolicyName = NewType("PolicyName", str)
RemediationName = NewType("RemediationName", str)
Fingerprint = NewType("Fingerprint", str)
"""Alertmanager's hash of an alert's labels."""
Backend = NewType("Backend", str)
"""The value of an alert's ``service_name`` label."""
