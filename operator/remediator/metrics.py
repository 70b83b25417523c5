"""The operator's own metrics, each with its name, help and labels in one place.

Label values come from closed sets: reasons and actions are codes of ``decide``, policies and targets are
objects a person wrote. Nothing of an alert ever becomes a label.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REPAIR_STAGES = (
    "alert_to_webhook",
    "webhook_to_intent",
    "settled_to_intent",
    "settled_to_accepted",
    "intent_to_accepted",
    "accepted_to_ready",
    "accepted_to_cleared",
    "alert_to_recovered",
)
"""Spans of a remediation; docs/remediation.md says what starts and ends each."""

_STAGE_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
_RECONCILE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """All metrics of one operator, in a registry of its own so that tests can have many."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.decisions = Counter(
            "remediator_decisions",
            "Decisions taken, also those not to act, by the reason given for them.",
            ("policy", "action", "reason"),
            registry=registry,
        )
        self.actions = Counter(
            "remediator_actions",
            "Actions tried on a target, by what the API server made of them.",
            ("policy", "action", "result"),
            registry=registry,
        )
        self.remediations = Gauge(
            "remediator_remediations",
            "Remediation objects by phase.",
            ("policy", "phase"),
            registry=registry,
        )
        self.stage_duration = Histogram(
            "remediator_stage_duration_seconds",
            "Time that a remediation spent between two of its moments.",
            ("stage",),
            buckets=_STAGE_BUCKETS,
            registry=registry,
        )
        self.handed_over = Gauge(
            "remediator_handed_over",
            "Remediations that were handed over and that no person has cleared yet.",
            ("policy", "target"),
            registry=registry,
        )
        self.budget_remaining = Gauge(
            "remediator_budget_remaining",
            "Actions that a policy may still take on its target within the window.",
            ("policy", "target", "per"),
            registry=registry,
        )
        self.alerts_received = Counter(
            "remediator_alerts_received",
            "Alerts that arrived, by way in: webhook or poll.",
            ("via",),
            registry=registry,
        )
        self.alerts_malformed = Counter(
            "remediator_alerts_malformed",
            "Alerts that could not be read and were refused, by way in: webhook or poll.",
            ("via",),
            registry=registry,
        )
        self.webhook_requests = Counter(
            "remediator_webhook_requests",
            "Requests to /alerts by HTTP status.",
            ("status",),
            registry=registry,
        )
        self.alerts_ignored = Counter(
            "remediator_alerts_ignored",
            "Alerts that matched a policy and were not taken, by reason.",
            ("policy", "reason"),
            registry=registry,
        )
        self.last_success = Gauge(
            "remediator_last_success_timestamp_seconds",
            "When a source last answered (alertmanager, prometheus, apiserver) or called (webhook), in Unix time.",
            ("source",),
            registry=registry,
        )
        self.source_up = Gauge(
            "remediator_source_up",
            "1 while the source answers, 0 while it does not.",
            ("source",),
            registry=registry,
        )
        self.evidence_age = Gauge(
            "remediator_evidence_age_seconds",
            "Age of the oldest evidence of the last decision: scrape (of a pod), evaluation (of a rule), poll.",
            ("evidence",),
            registry=registry,
        )
        self.watchdog_up = Gauge(
            "remediator_watchdog_up",
            "1 while the Watchdog alert arrives or a query of Prometheus answers, so that silence means health.",
            registry=registry,
        )
        self.reconcile_duration = Histogram(
            "remediator_reconcile_duration_seconds",
            "Time of one round of observing, deciding, writing and acting for one target.",
            buckets=_RECONCILE_BUCKETS,
            registry=registry,
        )
        self.reconcile_errors = Counter(
            "remediator_reconcile_errors",
            "Reconciler that ended early, by kind of error.",
            ("kind",),
            registry=registry,
        )
        self.read_only = Gauge(
            "remediator_read_only",
            "1 while nothing is decided or written, because the installed CRDs are older than the operator.",
            registry=registry,
        )
        self.up = Gauge("remediator_up", "1 while the operator reconciles.", registry=registry)
        self._initialise()

    def _initialise(self) -> None:
        """Create the series that alerts watch, so that a rate over them exists before the first event."""
        for via in ("webhook", "poll"):
            self.alerts_received.labels(via)
            self.alerts_malformed.labels(via)
        for stage in REPAIR_STAGES:
            self.stage_duration.labels(stage)
        for source in ("alertmanager", "prometheus", "webhook", "apiserver"):
            self.last_success.labels(source).set(0)
        for status in ("200", "400", "401", "413", "503"):
            self.webhook_requests.labels(status)
        self.up.set(0)
