"""What else there is to look at: which of Prometheus, Alertmanager and Jaeger are there, and how to get the others."""

from dataclasses import dataclass

from sandbox.jsontypes import JsonObject
from sandbox.settings import Settings

HOW = "put the program {program} on PATH and start the demo again, or use a cluster: make kind-up"


@dataclass(frozen=True, slots=True)
class View:
    """One program with pages of its own; ``shows`` is what is missing without it."""

    name: str
    url: str
    program: str
    shows: str

    def as_json(self) -> JsonObject:
        """Return it for the page; ``get`` is empty where it is there."""
        how = "" if self.url else HOW.format(program=self.program)
        return {"name": self.name, "url": self.url, "shows": self.shows, "get": how}


def views(settings: Settings) -> list[JsonObject]:
    """Return the views in the order in which one needs them at night."""
    found = (
        View(
            "Prometheus",
            settings.prometheus_page or settings.prometheus_url,
            "prometheus",
            "metrics over time, the chart's rules",
        ),
        View("Alertmanager", settings.alertmanager_url, "alertmanager", "who is told of an alert, silences"),
        View("Jaeger", settings.jaeger_url, "jaeger", "every span of a trace, search by service"),
    )
    return [view.as_json() for view in found]
