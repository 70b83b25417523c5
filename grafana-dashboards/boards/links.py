"""Links of the dashboards: to the other dashboards, to runbooks, to traces in Jaeger.

Base URLs that differ by installation are hidden text variables (`runbooks`, `jaeger`), so that `?var-jaeger=...` or a
provisioning step can change them without a change of panels.
"""

from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

from boards.alerts import Alert

RUNBOOKS_BASE = "https://github.com/example/bot-gateway/blob/main/docs/runbooks"
"""Default of the variable `runbooks`; the chart replaces it (`projectUrl`, tested)."""

JAEGER_BASE = "http://localhost:16686"
"""Default of the variable `jaeger`: the address of `make jaeger`."""

GATEWAY_IN_JAEGER = "Bot%20Gateway%20Service"


@dataclass(frozen=True)
class Board:
    """A dashboard's identity: its stable uid and its title without the product's name."""

    uid: str
    name: str

    @property
    def title(self) -> str:
        """The title that Grafana lists."""
        return f"Bot Gateway - {self.name}"


OVERVIEW = Board("bot-gateway-overview", "Overview")
SERVICES = Board("bot-gateway-service-integration", "Service Integration")
PERFORMANCE = Board("bot-gateway-performance", "Performance & Resources")
REMEDIATION = Board("bot-gateway-remediation", "Remediation")
SLO = Board("bot-gateway-slo", "SLO")
BOARDS = (OVERVIEW, SERVICES, PERFORMANCE, REMEDIATION, SLO)


@dataclass(frozen=True)
class Link:
    """A title and a URL, which may contain variables."""

    title: str
    url: str
    new_tab: bool = True

    def build(self) -> builders.DashboardLink:
        """The link as Grafana stores it."""
        link = builders.DashboardLink(self.title).type(models.DashboardLinkType.LINK).url(self.url)
        return link.target_blank(self.new_tab)


def runbook(alert: Alert) -> Link:
    """The runbook of an alert."""
    return runbook_named(alert.name)


def runbook_named(alert: str) -> Link:
    """The runbook of an alert whose threshold no panel draws."""
    return Link(f"Runbook: {alert}", f"${{runbooks}}/{alert}.md")


def runbook_of_row() -> Link:
    """The runbook of the alert in a table's column `Alert`."""
    return Link("Runbook", "${runbooks}/${__value.raw}.md")


def board(target: Board) -> Link:
    """Another dashboard, with the same variables and time range."""
    return Link(target.title, f"/d/{target.uid}?${{__url_time_range}}&${{__all_variables}}", new_tab=False)


def traces(service: str = GATEWAY_IN_JAEGER, query: str = "") -> Link:
    """Jaeger's search over the selected time range; `query` is added to it, such as `&minDuration=2s`."""
    url = f"${{jaeger}}/search?service={service}&start=${{__from}}000&end=${{__to}}000&limit=100{query}"
    return Link("Traces in Jaeger", url)
