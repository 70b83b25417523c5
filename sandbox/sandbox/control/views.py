"""Links to Prometheus, Alertmanager and Jaeger, and how to get or reach each of them."""

import re
from dataclasses import dataclass

from sandbox.jsontypes import JsonObject
from sandbox.settings import Settings

ON_THIS_MACHINE = "put {program} on PATH and restart the demo, or use a cluster: make kind-up"
ON_CLUSTER = "set SANDBOX_{variable}_URL in the sandbox chart's env to its Service"

_SERVICE = re.compile(r"http://([a-z0-9-]+)\.([a-z0-9-]+)(?:\.svc(?:\.cluster\.local)?)?:(\d+)/?")
"""A Service's cluster-internal address: name, namespace, port."""


@dataclass(frozen=True, slots=True)
class View:
    """One program with a web interface; ``shows`` describes what it adds."""

    name: str
    url: str
    shows: str
    on_cluster: bool

    def as_json(self) -> JsonObject:
        """Return the view for the page.

        ``get`` says how to install it and is empty if it is configured. ``forward`` is the command after which a
        browser can reach ``url``: a Service has no address outside the cluster.
        """
        service = _SERVICE.fullmatch(self.url) if self.on_cluster else None
        url, forward = self.url, ""
        if service is not None:
            name, namespace, port = service.groups()
            url = f"http://localhost:{port}"
            forward = f"kubectl -n {namespace} port-forward svc/{name} {port}"
        return {"name": self.name, "url": url, "forward": forward, "shows": self.shows, "get": self._get()}

    def _get(self) -> str:
        if self.url:
            return ""
        how = ON_CLUSTER if self.on_cluster else ON_THIS_MACHINE
        return how.format(program=self.name.lower(), variable=self.name.upper())


def views(settings: Settings) -> list[JsonObject]:
    """Return the views in the order in which they help during an incident."""
    on_cluster = bool(settings.namespace)
    found = (
        View("Prometheus", settings.prometheus_url, "metrics over time, the chart's rules", on_cluster),
        View("Alertmanager", settings.alertmanager_url, "receivers of alerts, silences", on_cluster),
        jaeger_view(settings),
    )
    return [view.as_json() for view in found]


def jaeger_view(settings: Settings) -> View:
    """Return Jaeger's view, to which the page's traces link."""
    return View("Jaeger", settings.jaeger_url, "every span of a trace, search by service", bool(settings.namespace))


def kill_command(namespace: str) -> str:
    """Return the command that kills a replica; the sandbox's service account cannot delete pods."""
    replicas = f"kubectl -n {namespace} get pods -l app.kubernetes.io/component=gateway -o name"
    return f"kubectl -n {namespace} delete --now $({replicas} | head -n 1)"
