"""Builder of tables: current labels and values, with links and colours by column."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.models import dashboard as models, prometheus as prometheus_models

from boards import style
from boards.alerts import Alert
from boards.links import Link
from boards.panels import Query, asking, framed


@dataclass(frozen=True)
class Column:
    """A table's column: the label or query that it shows, its heading and its format."""

    source: str
    heading: str
    unit: str = ""
    width: int = 0
    link: Link | None = None
    properties: tuple[models.DynamicConfigValue, ...] = ()


def rows(
    title: str,
    description: str,
    queries: Sequence[Query],
    columns: Sequence[Column],
    *,
    sort_by: str,
    ascending: bool = False,
    span: int = 12,
    height: int = 8,
    alerts: Sequence[Alert] = (),
    links: Sequence[Link] = (),
    no_value: str = "none",
) -> table.Panel:
    """A table of current values, one row per set of labels, sorted by a heading, largest first unless `ascending`."""
    panel = framed(table.Panel(), title, description, span, height, alerts, links)
    panel.unit("none").no_value(no_value).thresholds(style.plain()).show_header(True)
    panel.sort_by([common.TableSortByFieldState().display_name(sort_by).desc(not ascending)])
    for step, options in _arranged(columns):
        panel.with_transformation(models.DataTransformerConfig(id_val=step, options=options))
    panel.min_width(60)
    for column in columns:
        # Without this, a missing label would show the text for an empty table.
        properties = [*column.properties, models.DynamicConfigValue("noValue", "–")]
        if column.width:
            properties.append(models.DynamicConfigValue("custom.width", column.width))
        if column.unit:
            # `increase` extrapolates to fractions, but events are whole numbers.
            properties.append(models.DynamicConfigValue("unit", column.unit))
            properties.append(models.DynamicConfigValue("decimals", 0))
        if column.link:
            link = {"title": column.link.title, "url": column.link.url, "targetBlank": column.link.new_tab}
            properties.append(models.DynamicConfigValue("links", [link]))
        panel.override_by_name(column.heading, properties)
    return asking(panel, queries, instant=True, answer=prometheus_models.PromQueryFormat.TABLE)


def _arranged(columns: Sequence[Column]) -> list[tuple[str, dict[str, object]]]:
    """The transformations that merge the results, keep the columns, and order and name them."""
    sources = [column.source for column in columns]
    return [
        ("merge", {}),
        ("filterFieldsByName", {"include": {"names": sources}}),
        (
            "organize",
            {
                "indexByName": {source: index for index, source in enumerate(sources)},
                "renameByName": {column.source: column.heading for column in columns},
            },
        ),
    ]
