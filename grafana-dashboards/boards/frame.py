"""The common parts of every dashboard: variables, annotations, links and rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

from boards.annotations import annotations
from boards.links import BOARDS, JAEGER_BASE, RUNBOOKS_BASE, Board, traces
from boards.panels import DATASOURCE, AnyPanel

BUILD = "bot_gateway_build_info"
BREAKERS = "bot_gateway_service_circuit_breaker_state"


@dataclass(frozen=True)
class Row:
    """A question and the panels that answer it; with `repeat`, once per value of that variable."""

    question: str
    panels: Sequence[AnyPanel]
    repeat: str = ""


def dashboard(
    board: Board,
    description: str,
    rows: Sequence[Row],
    *,
    since: str = "now-1h",
    variables: Sequence[builders.QueryVariable] = (),
) -> models.Dashboard:
    """The complete dashboard with numbered panels; `variables` come after those of every dashboard."""
    builder = builders.Dashboard(board.title).uid(board.uid).description(description).tags(["bot-gateway"])
    builder.readonly().time(since, "now").refresh("30s").timezone("browser")
    builder.tooltip(models.DashboardCursorSync.CROSSHAIR)
    builder.timepicker(builders.TimePicker().refresh_intervals(["15s", "30s", "1m", "5m", "15m"]))
    builder.variables([*_variables(), *variables])
    for link in _links(board):
        builder.link(link)
    for row in rows:
        heading = builders.Row(row.question)
        if row.repeat:
            heading.repeat(row.repeat)
        builder.with_row(heading)
        for panel in row.panels:
            builder.with_panel(panel)
    built = builder.build()
    built.annotations = models.AnnotationContainer(list_val=annotations())
    for number, placed in enumerate(built.panels or [], start=1):
        placed.id_val = number
    return built


def _variables() -> Sequence[builders.DatasourceVariable | builders.QueryVariable | builders.TextBoxVariable]:
    inside = 'namespace="$namespace"'
    gateway = f'{inside}, job=~"$job"'
    return [
        builders.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        _labels("namespace", "Namespace", BUILD, "Namespace of the gateway."),
        _labels("job", "Job", f"{BUILD}{{{inside}}}", "The gateway: the name of its Service.")
        .multi(True)
        .all_value(".+"),
        _labels("pod", "Pod", f"{BUILD}{{{gateway}}}", "Replicas of the gateway.")
        .multi(True)
        .include_all(True)
        .all_value(".+"),
        _labels("service", "Service", f"{BREAKERS}{{{gateway}}}", "Backends.", label_name="service_name")
        .multi(True)
        .include_all(True)
        .all_value(".+"),
        _hidden("runbooks", RUNBOOKS_BASE, "Base URL of the runbooks."),
        _hidden("jaeger", JAEGER_BASE, "Base URL of Jaeger for your browser."),
    ]


def _labels(name: str, label: str, of: str, description: str, *, label_name: str = "") -> builders.QueryVariable:
    query = f"label_values({of}, {label_name or name})"
    return (
        builders.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(DATASOURCE)
        .query({"query": query, "refId": f"variable-{name}"})
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )


def recorded_label(name: str, rule: str, label: str) -> builders.QueryVariable:
    """A hidden variable with the value of a recorded rule's label: a value of the chart for titles and queries."""
    selector = f'{rule}{{namespace="$namespace", job=~"$job"}}'
    variable = _labels(name, name, selector, f"Value of {label} in the chart.", label_name=label)
    return variable.hide(models.VariableHide.HIDE_VARIABLE)


def _hidden(name: str, value: str, description: str) -> builders.TextBoxVariable:
    return (
        builders.TextBoxVariable(name)
        .description(description)
        .default_value(value)
        .current(models.VariableOption(text=value, value=value, selected=True))
        .hide(models.VariableHide.HIDE_VARIABLE)
    )


def _links(board: Board) -> Sequence[builders.DashboardLink]:
    others = [other for other in BOARDS if other != board]
    boards = [
        builders.DashboardLink(other.name)
        .type(models.DashboardLinkType.LINK)
        .url(f"/d/{other.uid}")
        .icon("dashboard")
        .include_vars(True)
        .keep_time(True)
        for other in others
    ]
    return [*boards, traces().build().icon("external link").tooltip("Traces of the gateway in the selected time range")]
