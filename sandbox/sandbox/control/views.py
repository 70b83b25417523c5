"""What else there is to look at: which of Prometheus, Alertmanager and Jaeger are there, and how to reach each."""

import re
from dataclasses import dataclass

from sandbox.jsontypes import JsonObject
from sandbox.settings import Settings

ON_LAPTOP = "put the program {program} on PATH and start the demo again, or use a cluster: make kind-up"
ON_CLUSTER = "name its Service in the sandbox chart's env: SANDBOX_{variable}_URL"

_SERVICE = re.compile(r"http://([a-z0-9-]+)\.([a-z0-9-]+)(?:\.svc(?:\.cluster\.local)?)?:(\d+)/?")
"""A Service's address inside of a cluster: name, namespace, port."""


@dataclass(frozen=True, slots=True)
class View:
    """One program with pages of its own; ``shows`` is what is missing without it."""

    name: str
    url: str
    shows: str
    on_cluster: bool

    def as_json(self) -> JsonObject:
        """Return it for the page.

        ``get`` says how to get it, and is empty where it is there. ``forward`` is the command after which a browser
        reaches ``url``: a cluster's Service has no address outside of it.
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
        how = ON_CLUSTER if self.on_cluster else ON_LAPTOP
        return how.format(program=self.name.lower(), variable=self.name.upper())


def views(settings: Settings) -> list[JsonObject]:
    """Return the views in the order in which one needs them at night."""
    on_cluster = bool(settings.namespace)
    found = (
        View("Prometheus", settings.prometheus_url, "metrics over time, the chart's rules", on_cluster),
        View("Alertmanager", settings.alertmanager_url, "who is told of an alert, silences", on_cluster),
        jaeger_view(settings),
    )
    return [view.as_json() for view in found]


def jaeger_view(settings: Settings) -> View:
    """Return the one that the page's traces link to as well."""
    return View("Jaeger", settings.jaeger_url, "every span of a trace, search by service", bool(settings.namespace))


def kill_command(namespace: str) -> str:
    """Return what kills a replica: the sandbox's account may delete no pod."""
    replicas = f"kubectl -n {namespace} get pods -l app.kubernetes.io/component=gateway -o name"
    return f"kubectl -n {namespace} delete --now $({replicas} | head -n 1)"
