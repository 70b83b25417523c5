"""Annotations on every graph when an alert fires, a pod starts or a remediation starts.

They mark starts only: the overview's timeline shows durations, and a region over a graph would change the colours that
express health. Grafana queries an annotation at about a hundred points for any time range, so a start is a series that
did not exist one `$__interval` before.
"""

from grafana_foundation_sdk.models import dashboard as models

from boards import colours
from boards.panels import DATASOURCE
from boards.queries import ACTIVE, OPERATOR, firing, series

BUILD = series("bot_gateway_build_info")


class PrometheusAnnotation(models.AnnotationQuery):
    """An annotation of Grafana's Prometheus data source, with the fields that the SDK's type lacks."""

    def __init__(
        self, name: str, expr: str, colour: str, *, title: str, text: str, tags: str = "", on: bool = True
    ) -> None:
        super().__init__(name=name, datasource=DATASOURCE, enable=on, icon_color=colour, expr=expr)
        self.title_format = title
        self.text_format = text
        self.tag_keys = tags

    def to_json(self) -> dict[str, object]:
        """The fields of the SDK and of the data source."""
        payload = super().to_json() | {"titleFormat": self.title_format, "textFormat": self.text_format, "step": "15s"}
        if self.tag_keys:
            payload["tagKeys"] = self.tag_keys
        return payload


def annotations() -> list[models.AnnotationQuery]:
    """All annotations, in the order of their switches."""
    remediating = f"sum by (policy) ({series('remediator_remediations', ACTIVE, OPERATOR)})"
    before = f"sum by (policy) ({series('remediator_remediations', ACTIVE, OPERATOR)} offset $__interval)"
    return [
        _alerts("Critical alerts", "critical", colours.CRITICAL),
        _alerts("Warnings", "warning", colours.WARNING, on=False),
        PrometheusAnnotation(
            "Pod starts",
            # A rollout, an eviction and a scale-out all start pods; a scrape that failed is not a start.
            f"{BUILD} unless max_over_time({BUILD}[5m] offset $__interval)",
            colours.PLAIN,
            title="{{pod}} started",
            text="version {{version}}",
        ),
        PrometheusAnnotation(
            "Remediations",
            f"({remediating} > 0) unless ({before} > 0)",
            "#B877D9",
            title="Remediation starts",
            text="policy {{policy}}",
            tags="policy",
        ),
    ]


def _alerts(name: str, severity: str, colour: str, *, on: bool = True) -> PrometheusAnnotation:
    return PrometheusAnnotation(
        name,
        f"{firing(severity)} unless {firing(severity)} offset $__interval",
        colour,
        title="{{alertname}}",
        text="{{service_name}} {{pod}}",
        tags="severity,service_name",
        on=on,
    )
