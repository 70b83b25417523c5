"""Marks on every graph: firing alerts, starts of pods, remediations at work."""

from grafana_foundation_sdk.models import dashboard as models

from boards import colours
from boards.panels import DATASOURCE
from boards.queries import ACTIVE, OPERATOR, firing, series

BUILD = series("bot_gateway_build_info")


class PrometheusAnnotation(models.AnnotationQuery):
    """An annotation of Grafana's Prometheus data source, whose own fields the SDK's type lacks."""

    def __init__(self, name: str, expr: str, colour: str, *, title: str, text: str, tags: str = "") -> None:
        super().__init__(name=name, datasource=DATASOURCE, enable=True, icon_color=colour, expr=expr)
        self.title_format = title
        self.text_format = text
        self.tag_keys = tags

    def to_json(self) -> dict[str, object]:
        """The SDK's fields and the data source's."""
        payload = super().to_json() | {"titleFormat": self.title_format, "textFormat": self.text_format, "step": "15s"}
        if self.tag_keys:
            payload["tagKeys"] = self.tag_keys
        return payload


def annotations() -> list[models.AnnotationQuery]:
    """All annotations, in the order of their switches."""
    return [
        _alerts("Critical alerts", "critical", colours.CRITICAL),
        _alerts("Warnings", "warning", colours.WARNING),
        PrometheusAnnotation(
            "Pod starts",
            # A rollout, an eviction and a scale-out all start pods; a pod is new while it had no series a minute ago.
            f"{BUILD} unless on (namespace, pod) {BUILD} offset 1m",
            colours.PLAIN,
            title="{{pod}} started",
            text="version {{version}}",
        ),
        PrometheusAnnotation(
            "Remediations",
            f"sum by (policy) ({series('remediator_remediations', ACTIVE, OPERATOR)}) > 0",
            "#B877D9",
            title="Remediation under way",
            text="policy {{policy}}",
            tags="policy",
        ),
    ]


def _alerts(name: str, severity: str, colour: str) -> PrometheusAnnotation:
    return PrometheusAnnotation(
        name,
        firing(severity),
        colour,
        title="{{alertname}}",
        text="{{service_name}} {{pod}}",
        tags="severity,service_name",
    )
