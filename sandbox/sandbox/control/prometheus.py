"""Reads a gateway's metrics, summed over its replicas, and its alerts from Prometheus."""

import math

import orjson

from sandbox.control.client import Client
from sandbox.jsontypes import JsonObject
from sandbox.settings import Settings

WINDOW = "1m"
"""For rates and latency: four scrapes at the chart's default interval."""

BREAKERS_WORST_FIRST = (1, 2, 0)
"""Open, half-open, closed."""

_NUMBER = "number"
_BREAKER = "breaker"


class Prometheus:
    """Queries for one gateway, identified by namespace and Service name (the label ``job``)."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self._url = settings.prometheus_url
        self._namespace = settings.namespace
        self._gateway = settings.gateway_service
        self._client = client

    @property
    def shows_gateway(self) -> bool:
        """Whether to show Prometheus' metrics; in a local run the gateway's own /metrics is more recent."""
        return bool(self._url and self._namespace)

    async def numbers(self) -> JsonObject | None:
        """Return the page's current metrics; None if Prometheus is unreachable."""
        query = gateway_query(self._namespace, self._gateway)
        text = await self._client.text(f"{self._url}/api/v1/query", {"query": query})
        return None if text is None else gateway_numbers(orjson.loads(text)["data"]["result"])

    async def alerts(self) -> list[JsonObject] | None:
        """Return the gateway's pending and firing alerts; None if Prometheus is unreachable."""
        text = await self._client.text(f"{self._url}/api/v1/alerts") if self._url else None
        if text is None:
            return None
        return [alert for alert in orjson.loads(text)["data"]["alerts"] if self._is_of_this_gateway(alert["labels"])]

    def _is_of_this_gateway(self, labels: JsonObject) -> bool:
        """Whether it is an alert of the chart, and on a cluster, of this release."""
        if labels.get("service") != "bot-gateway":
            return False
        release = (labels.get("namespace"), labels.get("gateway"))
        return not self._namespace or release == (self._namespace, self._gateway)


def gateway_query(namespace: str, job: str) -> str:
    """Return one expression for all metrics, so that they share one timestamp; the label ``number`` names them."""
    of = f'{{namespace="{namespace}",job="{job}"}}'
    messages = f"rate(bot_gateway_messages_total{of}[{WINDOW}])"
    callbacks = f"rate(bot_gateway_callbacks_total{of}[{WINDOW}])"
    handled = f"rate(bot_gateway_message_processing_duration_seconds_bucket{of}[{WINDOW}])"
    numbers = {
        "replicas": f"count(up{of})",
        "replicas_up": f"sum(up{of})",
        # The label sets differ, so `or` keeps all series of both.
        "rate": f"sum({messages} or {callbacks})",
        "p95": f"histogram_quantile(0.95, sum by (le) ({handled}))",
        "errors": f"sum(rate(bot_gateway_errors_total{of}[{WINDOW}]))",
        _BREAKER: f'count_values by (service_name) ("state", bot_gateway_service_circuit_breaker_state{of})',
    }
    named = [f'label_replace({value}, "{_NUMBER}", "{name}", "", "")' for name, value in numbers.items()]
    return " or ".join(named)


def gateway_numbers(vector: list[JsonObject]) -> JsonObject:
    """Convert Prometheus' result for the page: rates per second, p95 in seconds or None without traffic, breakers.

    A breaker has its worst ``state``, the number of ``pods`` in that state, and the number of all pods (``of``).
    """
    numbers: dict[str, float] = {}
    breakers: dict[str, dict[int, int]] = {}
    for sample in vector:
        labels, value = sample["metric"], float(sample["value"][1])
        if labels[_NUMBER] == _BREAKER:
            breakers.setdefault(labels["service_name"], {})[int(labels["state"])] = int(value)
        else:
            numbers[labels[_NUMBER]] = value
    p95 = numbers.get("p95", math.nan)
    return {
        "replicas": int(numbers.get("replicas", 0)),
        "replicas_up": int(numbers.get("replicas_up", 0)),
        "rate": numbers.get("rate", 0.0),
        "p95": p95 if math.isfinite(p95) else None,
        "errors": numbers.get("errors", 0.0),
        "breakers": {service: _worst(pods) for service, pods in breakers.items()},
    }


def _worst(pods: dict[int, int]) -> JsonObject:
    state = next(state for state in BREAKERS_WORST_FIRST if state in pods)
    return {"state": state, "pods": pods[state], "of": sum(pods.values())}
