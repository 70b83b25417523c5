"""Panels that are empty while the product is healthy."""

MAY_BE_EMPTY: dict[str, str] = {
    "Overview: Alerts and their runbooks": "no alert is firing or pending: the panel says so",
    "Overview: Duplicates and dead letters": "none in this time: the panel says so",
    "Overview: Firing alerts": "no alert fired in the time range: the panel says so",
    "Overview: Unhandled exceptions of the last hour": "filled only by bugs of the bot",
    "Performance & Resources: Session duration distribution": "no session ended yet: the panel says so",
    "Remediation: Actions": "empty until the operator acts, which its default mode, DryRun, never does",
    "Remediation: Ignored alerts (24h)": "filled only by alerts that a policy matches and ignores",
    "Remediation: Decisions to act (24h)": "empty until an incident calls for action: the panel says so",
    "Remediation: Refused webhooks and failed reconciliations": "no series before the first refusal or failure",
    "SLO: Failures in the selected time range, by pod": "no update failed: the panel says so",
    "Service Integration: $service: errors by kind": "a backend without errors says so",
}
"""The dashboard's name and the panel's title, with the reason. Any other panel without data is a failure."""
