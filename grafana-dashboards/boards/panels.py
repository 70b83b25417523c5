"""Builders of panels with a common appearance.

Each takes a title, a description that explains how to read it, and `Query`s. A panel that names alerts draws their
thresholds and links to their runbooks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard as builders,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import (
    common as common_models,
    dashboard as models,
    heatmap as heatmap_models,
    prometheus as prometheus_models,
)

from boards import colours, style
from boards.alerts import Alert
from boards.links import Link, runbook

DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
ERRORS_PER_SECOND = "suffix: err/s"
"""Grafana has no unit for errors per second."""

RATES = {ERRORS_PER_SECOND, "reqps"}

AnyPanel = timeseries.Panel | stat.Panel | table.Panel | statetimeline.Panel | heatmap.Panel | bargauge.Panel
P = TypeVar("P", timeseries.Panel, stat.Panel, table.Panel, statetimeline.Panel, heatmap.Panel, bargauge.Panel)


@dataclass(frozen=True)
class Query:
    """One PromQL expression of a panel and the name of its series."""

    expr: str
    legend: str = ""
    exemplars: bool = False


def graph(
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str,
    *,
    span: int = 12,
    height: int = 8,
    alerts: Sequence[Alert] = (),
    links: Sequence[Link] = (),
    series_colours: Mapping[str, str] | None = None,
    stacked: bool = False,
    sparse: bool = False,
    legend_right: bool = False,
    minimum: float | None = 0,
    maximum: float | None = None,
    soft_maximum: float | None = None,
    renamed: Sequence[tuple[str, str]] = (),
    drawn: builders.ThresholdsConfig | None = None,
    every: str = "",
    no_value: str = "",
) -> timeseries.Panel:
    """Values over time.

    `stacked` if the series are parts of one sum, `sparse` if each value is a separate event. `series_colours` select by
    name or, between slashes, by regular expression; `renamed` replaces patterns in the names, one after another;
    `drawn` are lines in addition to those of the alerts; `every` is the shortest time between two points, if the
    default of the data source would make a rare event too thin to see.
    """
    panel = framed(timeseries.Panel(), title, description, span, height, alerts, links)
    panel.unit(unit).thresholds(drawn or style.lines(*alerts))
    # With lines, a stacked series of zeros would draw its colour as the edge of the series below.
    panel.line_width(0 if stacked else 2).fill_opacity(60 if stacked else 0 if _many(queries) else 8)
    panel.show_points(common_models.VisibilityMode.NEVER)
    panel.color_scheme(builders.FieldColor().mode(models.FieldColorModeId.SHADES).fixed_color(colours.PLAIN))
    panel.tooltip(
        common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI).sort(common_models.SortOrder.DESCENDING)
    )
    panel.legend(_legend(right=legend_right))
    if minimum is not None:
        panel.min(minimum)
    if alerts and unit in RATES:
        # A rate is mostly 0. An axis up to the lowest threshold shows the distance to it.
        soft_maximum = 1.2 * min(alert.threshold for alert in alerts)
    if soft_maximum is not None:
        panel.axis_soft_max(soft_maximum)
    if alerts or drawn:
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(common_models.GraphThresholdsStyleMode.DASHED))
    if sparse:
        panel.draw_style(common_models.GraphDrawStyle.BARS).fill_opacity(80).line_width(0)
    if stacked or sparse:
        panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A"))
    if maximum is not None:
        panel.max(maximum)
    if every:
        panel.interval(every)
    if no_value:
        panel.no_value(no_value)
    _rename(panel, renamed)
    for name, colour in (series_colours or {}).items():
        override = panel.override_by_regexp if name.startswith("/") else panel.override_by_name
        override(name, [style.fixed(colour)])
    return asking(panel, queries)


def number(
    title: str,
    description: str,
    query: Query,
    unit: str,
    *,
    thresholds: builders.ThresholdsConfig | None = None,
    span: int = 3,
    alerts: Sequence[Alert] = (),
    links: Sequence[Link] = (),
    decimals: int | None = None,
    mappings: Sequence[models.ValueMapping] = (),
    nothing: models.ValueMapping = style.NO_DATA,
    height: int = 4,
) -> stat.Panel:
    """The current value.

    It uses an instant query, so that a gateway that is gone shows `nothing`, not its last value, and not in green.
    """
    panel = framed(stat.Panel(), title, description, span, height, alerts, links)
    panel.unit(unit).thresholds(thresholds or (style.health(*alerts) if alerts else style.plain()))
    panel.color_scheme(builders.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    panel.color_mode(
        common_models.BigValueColorMode.BACKGROUND_SOLID
        if thresholds or alerts
        else common_models.BigValueColorMode.VALUE
    )
    panel.graph_mode(common_models.BigValueGraphMode.NONE).mappings([*mappings, nothing])
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
    if decimals is not None:
        panel.decimals(decimals)
    return asking(panel, [query], instant=True)


def timeline(
    title: str,
    description: str,
    queries: Sequence[Query],
    mappings: Sequence[models.ValueMapping],
    *,
    span: int = 12,
    height: int = 8,
    alerts: Sequence[Alert] = (),
    links: Sequence[Link] = (),
    no_value: str = "no data",
) -> statetimeline.Panel:
    """States over time, one row per series."""
    panel = framed(statetimeline.Panel(), title, description, span, height, alerts, links)
    panel.unit("none").mappings(list(mappings)).thresholds(style.plain()).no_value(no_value)
    panel.color_scheme(builders.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    panel.show_value(common_models.VisibilityMode.AUTO).merge_values(True).fill_opacity(80).line_width(0).row_height(
        0.8
    )
    panel.legend(common.VizLegendOptions().show_legend(False).display_mode(common_models.LegendDisplayMode.LIST))
    panel.tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.SINGLE))
    return asking(panel, queries)


def distribution(
    title: str,
    description: str,
    query: Query,
    unit: str,
    *,
    span: int = 12,
    height: int = 8,
    links: Sequence[Link] = (),
    no_value: str,
) -> heatmap.Panel:
    """A histogram over time: the query gives increases by `le`."""
    panel = framed(heatmap.Panel(), title, description, span, height, (), links)
    panel.unit("short").no_value(no_value).calculate(False).cell_gap(1).show_legend()
    panel.y_axis(heatmap.YAxisConfig().unit(unit).decimals(0))
    panel.color(
        heatmap.HeatmapColorOptions()
        .mode(heatmap_models.HeatmapColorMode.SCHEME)
        .scheme("Blues")
        .exponent(0.5)
        .steps(64)
        .reverse(False)
        .fill("dark-blue")
    )
    panel.mode(common_models.TooltipDisplayMode.SINGLE)
    return asking(panel, [query], answer=prometheus_models.PromQueryFormat.HEATMAP)


def bars(
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str,
    *,
    thresholds: builders.ThresholdsConfig | None = None,
    span: int = 8,
    height: int = 8,
    links: Sequence[Link] = (),
    maximum: float | None = None,
    renamed: Sequence[tuple[str, str]] = (),
    no_value: str = "no data",
) -> bargauge.Panel:
    """The current values side by side; `renamed` as in `graph`."""
    panel = framed(bargauge.Panel(), title, description, span, height, (), links)
    panel.unit(unit).min(0).thresholds(thresholds or style.plain()).no_value(no_value)
    panel.color_scheme(builders.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    panel.text(common.VizTextDisplayOptions().title_size(13).value_size(18))
    panel.orientation(common_models.VizOrientation.HORIZONTAL).display_mode(common_models.BarGaugeDisplayMode.BASIC)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
    if maximum is not None:
        panel.max(maximum)
    _rename(panel, renamed)
    return asking(panel, queries, instant=True)


def framed(
    panel: P, title: str, description: str, span: int, height: int, alerts: Sequence[Alert], links: Sequence[Link]
) -> P:
    """The panel with the fields of every panel: title, description, data source, size, links and runbooks."""
    everywhere = [*links, *(runbook(alert) for alert in alerts)]
    panel.title(title).description(description).datasource(DATASOURCE).span(span).height(height)
    if everywhere:
        panel.links([link.build() for link in everywhere])
    return panel


def asking(
    panel: P,
    queries: Sequence[Query],
    *,
    instant: bool = False,
    answer: prometheus_models.PromQueryFormat = prometheus_models.PromQueryFormat.TIME_SERIES,
) -> P:
    """The panel with its queries, named A, B, C and so on."""
    for ref, query in zip("ABCDEFGH", queries, strict=False):
        target = prometheus.Dataquery().expr(query.expr).ref_id(ref).datasource(DATASOURCE).format(answer)
        target.editor_mode(prometheus_models.QueryEditorMode.CODE).legend_format(query.legend or "__auto")
        if query.exemplars:
            target.exemplar(True)
        panel.with_target(target.instant() if instant else target.range())
    return panel


def _many(queries: Sequence[Query]) -> bool:
    """Whether the graph may have several lines, whose fills would overlap."""
    return len(queries) > 1 or any("{{" in query.legend for query in queries)


def _rename(panel: timeseries.Panel | bargauge.Panel, renamed: Sequence[tuple[str, str]]) -> None:
    for pattern, words in renamed:
        options = {"regex": pattern, "renamePattern": words}
        panel.with_transformation(models.DataTransformerConfig(id_val="renameByRegex", options=options))


def _legend(*, right: bool) -> common.VizLegendOptions:
    legend = common.VizLegendOptions().show_legend(True)
    if right:
        return (
            legend.display_mode(common_models.LegendDisplayMode.TABLE)
            .placement(common_models.LegendPlacement.RIGHT)
            .calcs(["lastNotNull", "max"])
            .sort_by("Max")
            .sort_desc(True)
            .width(430)
        )
    return legend.display_mode(common_models.LegendDisplayMode.LIST).placement(common_models.LegendPlacement.BOTTOM)
