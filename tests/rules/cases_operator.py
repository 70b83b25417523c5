"""Cases of the operator's alerts."""

from __future__ import annotations

from rules.promtool import JOB, REMEDIATOR, Case, selector
from rules.series import Pace, counter, level, steady
from rules.shapes import GaugeAlert

HOUR = 3600


def up(pod: str = "r", job: str = REMEDIATOR) -> str:
    return selector("up", job=job, pod=pod)


def operator(metric: str, **labels: str) -> str:
    return selector(metric, job=REMEDIATOR, pod="r", **labels)


GAUGES = (
    GaugeAlert(
        "RemediatorCannotReachAlertmanager",
        "remediator_source_up",
        1,
        0,
        300,
        "bot-gateway-remediator cannot poll Alertmanager. It starts no new remediation and holds those in progress. "
        "Check Alertmanager, its URL in the values and the NetworkPolicy.",
        labels={"source": "alertmanager"},
        job=REMEDIATOR,
        other_pods_count=False,
    ),
    GaugeAlert(
        "RemediatorWatchdogMissing",
        "remediator_watchdog_up",
        1,
        0,
        300,
        "bot-gateway-remediator sees neither the Watchdog alert nor a response from Prometheus, so it treats no alert "
        "as cleared. Check Prometheus first.",
        job=REMEDIATOR,
        other_pods_count=False,
    ),
)

HANDED_OVER = operator("remediator_handed_over", policy="p", target="Deployment/d")
LAST_WEBHOOK = operator("remediator_last_success_timestamp_seconds", source="webhook")
ERRORS = selector("bot_gateway_errors_total", error_type="handler", severity="error")
OPERATOR = (
    Case(
        "RemediationGaveUp",
        "fires at once and resolves when it is cleared",
        {HANDED_OVER: level((0, 300), (1, 300), (0, 300))},
        {285: 0, 300: 1, 585: 1, 600: 0},
        message="Policy p could not complete a remediation of Deployment/d. The operator does not act on this target "
        "until a person clears the Remediation. Read what it tried with remediator explain, and fix the cause.",
        labels={"job": REMEDIATOR, "policy": "p", "target": "Deployment/d"},
    ),
    Case(
        "RemediationGaveUp",
        "stays silent on other phases",
        {
            operator("remediator_remediations", policy="p", phase=phase): level((3, 900))
            for phase in ("Succeeded", "NotNeeded", "Failed", "Gated")
        },
        {840: 0},
    ),
    Case(
        "RemediatorDown",
        "fires when it is not scraped, after its duration, and resolves",
        {up(): level((1, 300), ("stale", 600), (1, 300))},
        {300: 0, 585: 0, 600: 1, 900: 0},
        message="bot-gateway-remediator in bots is down or does not reconcile. Alerts still reach people, but nothing "
        "is repaired automatically. Check the pod and its log.",
        labels={"job": REMEDIATOR},
    ),
    Case("RemediatorDown", "fires when it does not respond", {up(): level((0, 900))}, {285: 0, 300: 1}),
    Case(
        "RemediatorDown",
        "fires when it does not reconcile",
        {up(): level((1, 900)), operator("remediator_up"): level((0, 900))},
        {285: 0, 300: 1},
    ),
    Case(
        "RemediatorDown",
        "stays silent while it works and while it is replaced",
        {
            up(): level((1, 600), ("stale", 60)),
            up("s"): level(("_", 660), (1, 600)),
            operator("remediator_up"): level((1, 1200)),
        },
        dict.fromkeys(range(300, 1200, 60), 0),
    ),
    Case(
        "RemediatorWebhookSilent",
        "fires when alerts fire and no webhook arrives, not early, and resolves",
        # The last webhook came at 60 s; from 1800 s they arrive again.
        {ERRORS: steady(2, 3600), LAST_WEBHOOK: f"{level((60, 1800))} 1800+15x100"},
        {900: 0, 1245: 0, 1290: 1, 1785: 1, 1815: 0},
        message="No webhook has reached the operator for 20m 30s although an alert fires. The operator continues by "
        "polling. Check the AlertmanagerConfig and the token.",
    ),
    Case(
        "RemediatorWebhookSilent",
        "stays silent while webhooks arrive",
        {ERRORS: steady(2, 3600), LAST_WEBHOOK: "0+15x240"},
        {1800: 0, 3000: 0},
    ),
    Case(
        "RemediatorWebhookSilent",
        "stays silent when no alert fires",
        {
            LAST_WEBHOOK: level((0, 3600)),
            up("a", JOB): level((1, 3600)),
            up(): level((1, 3600)),
        },
        {1800: 0, 3000: 0},
    ),
    Case(
        "RemediatorWebhookSilent",
        "stays silent on the first webhook after a day without alerts",
        {
            ERRORS: counter(Pace(0, 4 * HOUR), Pace(5, HOUR)),
            LAST_WEBHOOK: f"{level((60, 4 * HOUR + 345))} {4 * HOUR + 345}+15x200",
            up("a", JOB): level((1, 5 * HOUR)),
            up(): level((1, 5 * HOUR)),
        },
        dict.fromkeys(range(4 * HOUR, 4 * HOUR + 1200, 60), 0),
    ),
)

CASES: tuple[Case, ...] = (
    *(case for alert in GAUGES for case in alert.cases()),
    *OPERATOR,
)
