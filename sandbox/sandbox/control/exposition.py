"""Parses one gateway's /metrics: counters and buckets since its start."""

from prometheus_client.parser import text_string_to_metric_families

from sandbox.jsontypes import JsonObject

_SUMS = {
    "messages": "bot_gateway_messages_total",
    "callbacks": "bot_gateway_callbacks_total",
    "errors": "bot_gateway_errors_total",
    "duplicates": "bot_gateway_duplicate_updates_total",
    "limited": "bot_gateway_rate_limit_blocks_total",
}
_DURATION = "bot_gateway_message_processing_duration_seconds"
_BREAKER = "bot_gateway_service_circuit_breaker_state"


def parse_gateway_metrics(exposition: str) -> JsonObject:
    """Return the metrics that the page shows; a bucket is its bound in seconds and its count."""
    sums = dict.fromkeys(_SUMS.values(), 0.0)
    buckets: dict[float, float] = {}
    breakers: dict[str, int] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            if sample.name in sums:
                sums[sample.name] += sample.value
            elif sample.name == f"{_DURATION}_bucket":
                bound = float(sample.labels["le"])
                buckets[bound] = buckets.get(bound, 0) + sample.value
            elif sample.name == _BREAKER:
                breakers[sample.labels["service_name"]] = int(sample.value)
    finite = [[bound, count] for bound, count in sorted(buckets.items()) if bound != float("inf")]
    totals = {name: sums[metric] for name, metric in _SUMS.items()}
    return {**totals, "buckets": finite, "handled": buckets.get(float("inf"), 0), "breakers": breakers}
