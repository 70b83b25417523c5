"""Panels that a healthy product leaves empty."""

MAY_BE_EMPTY: dict[str, str] = {
    "Overview: Alerts and their runbooks": "nothing fires or is pending: the panel says so",
    "Overview: Duplicates and dead letters": "none in this time: the panel says so",
    "Overview: Firing alerts": "no alert fired in the time shown: the panel says so",
    "Overview: Unhandled exceptions of the last hour": "only a defect of ours fills it",
    "Performance & Resources: Session duration distribution": "none has ended while the gateway is young: it says so",
    "Remediation: Actions": "empty until the operator acts, which its default mode, DryRun, never does",
    "Remediation: Alerts not taken (24h)": "filled only by alerts that a policy matches and may not take",
    "Remediation: Decisions to act (24h)": "empty until an incident calls for action: the panel says so",
    "Remediation: Refused webhooks and failed rounds": "rounds that fail have no series until one does",
    "SLO: Failures in the time shown, by pod": "no update failed: the panel says so",
    "Service Integration: $service: errors by kind": "a backend without errors says so",
}
"""A dashboard's name and a panel's title, with the reason. Anything else without data is a fault."""
