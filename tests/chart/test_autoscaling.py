"""What sets the replicas: the HPA by CPU, memory and updates in flight, or KEDA by the same metrics."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from chart.validation import validate
from support.charts import RenderError, gateway
from support.tools import ROOT

EVERYTHING = {"targetMemoryUtilizationPercentage": 80, "targetInFlightUpdates": 20}


def hpa(**values: Any) -> dict[str, Any]:
    manifest = gateway({"autoscaling": {"enabled": True, **values}}).one("HorizontalPodAutoscaler", "bot-gateway")
    validate(manifest)
    spec: dict[str, Any] = manifest["spec"]
    return spec


def scaled_object(**values: Any) -> dict[str, Any]:
    keda = {"enabled": True, **values.pop("keda", {})}
    rendering = gateway({"autoscaling": {"enabled": True, "keda": keda, **values}})
    assert rendering.kind("HorizontalPodAutoscaler") == []
    assert "replicas" not in rendering.one("Deployment", "bot-gateway")["spec"]
    assert rendering.has("PodDisruptionBudget", "bot-gateway")
    manifest = rendering.one("ScaledObject", "bot-gateway")
    validate(manifest)
    spec: dict[str, Any] = manifest["spec"]
    return spec


def test_the_hpa_scales_by_cpu_alone_by_default() -> None:
    (metric,) = hpa()["metrics"]
    assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}


def test_updates_in_flight_are_a_custom_metric_of_the_pods() -> None:
    *_, metric = hpa(**EVERYTHING)["metrics"]
    assert metric["pods"] == {
        "metric": {"name": "bot_gateway_webhook_in_flight"},
        "target": {"type": "AverageValue", "averageValue": "20"},
    }


def test_the_custom_metric_is_the_one_that_prometheus_adapter_serves() -> None:
    values = yaml.safe_load((ROOT / "charts/monitoring-values/prometheus-adapter.yaml").read_text())
    (rule,) = values["rules"]["custom"]
    *_, metric = hpa(**EVERYTHING)["metrics"]
    assert rule["name"]["as"] == metric["pods"]["metric"]["name"]
    assert rule["seriesQuery"].startswith("bot_gateway_webhook_in_flight{")


def test_keda_scales_within_the_same_bounds_and_by_the_same_metrics() -> None:
    spec = scaled_object(minReplicas=3, maxReplicas=9, **EVERYTHING)
    assert spec["scaleTargetRef"]["name"] == "bot-gateway"
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (3, 9)
    assert [(trigger["type"], trigger["metricType"]) for trigger in spec["triggers"]] == [
        ("cpu", "Utilization"),
        ("memory", "Utilization"),
        ("prometheus", "AverageValue"),
    ]
    query = spec["triggers"][-1]["metadata"]["query"]
    assert 'bot_gateway_webhook_in_flight{namespace="bots",job="bot-gateway"}' in query
    assert spec["triggers"][-1]["metadata"]["ignoreNullValues"] == "false"
    assert spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]


def test_keda_needs_no_prometheus_if_only_cpu_scales() -> None:
    assert [trigger["type"] for trigger in scaled_object()["triggers"]] == ["cpu"]
    values = {"enabled": True, "keda": {"enabled": True}, "targetInFlightUpdates": 5}
    with pytest.raises(RenderError, match=r"monitoring\.prometheusUrl is required"):
        gateway({"autoscaling": values, "monitoring": {"prometheusUrl": ""}})


def test_a_fallback_is_passed_on() -> None:
    fallback = {"failureThreshold": 3, "replicas": 4, "behavior": "currentReplicasIfHigher"}
    assert scaled_object(keda={"fallback": fallback})["fallback"] == fallback
