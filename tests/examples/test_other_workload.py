"""examples/other-workload: the chart renders, the rules make the operator's metrics, the policy passes its tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from chart.validation import validate
from remediator.api.policy import Mode, Policy
from remediator.policy_test.cli import main
from support.charts import REMEDIATOR_CHART, Rendering, render
from support.tools import ROOT, run, tool

FOLDER = ROOT / "examples/other-workload"


@pytest.fixture(scope="module")
def rendered() -> Rendering:
    """The chart with the example's values."""
    values = {"webhookToken": "of-the-test"}
    return render(REMEDIATOR_CHART, values, files=(FOLDER / "values.yaml",), release="remediator", namespace="shop")


def test_the_policy_passes_its_unit_tests(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(FOLDER / "policy_test.yaml")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("ok ") for line in lines)


def test_the_api_server_accepts_every_object_and_the_policy_starts_dry(rendered: Rendering) -> None:
    policy = yaml.safe_load((FOLDER / "policy.yaml").read_text())
    for manifest in (*rendered.manifests, policy):
        validate(manifest)
    assert Policy.from_object(policy).spec.mode is Mode.DRY_RUN


def test_the_operator_reads_the_metrics_by_the_prefix_of_the_values(rendered: Rendering) -> None:
    (container,) = rendered.one("Deployment", "remediator")["spec"]["template"]["spec"]["containers"]
    assert {"name": "REMEDIATOR_METRICS_PREFIX", "value": "shop_"} in container["env"]


def test_the_rules_turn_the_shops_metrics_into_the_operators_and_alert_by_pod(
    rendered: Rendering, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(json.dumps(rendered.one("PrometheusRule", "shop-upstreams")["spec"]))
    breaker = 'shop_upstream_breaker_open{namespace="shop",pod="shop-b",upstream="payments"}'
    responses = 'shop_upstream_responses_total{namespace="shop",pod="shop-a",upstream="payments",code="200"}'
    alert = {"severity": "critical", "namespace": "shop", "pod": "shop-b", "service_name": "payments"}
    recorded = 'shop_service_requests_total{namespace="shop",pod="shop-a",upstream="payments",code="200",'
    test = {
        "interval": "15s",
        "input_series": [{"series": breaker, "values": "0x4 1x8"}, {"series": responses, "values": "0+10x12"}],
        "promql_expr_test": [
            {
                "expr": "shop_service_requests_total",
                "eval_time": "2m",
                "exp_samples": [{"labels": recorded + 'service_name="payments",status="200"}', "value": 80}],
            }
        ],
        "alert_rule_test": [
            {"eval_time": "2m", "alertname": "ShopUpstreamBreakerOpen", "exp_alerts": []},
            {
                "eval_time": "2m30s",
                "alertname": "ShopUpstreamBreakerOpen",
                "exp_alerts": [
                    {
                        "exp_labels": alert,
                        "exp_annotations": {
                            "summary": "A pod of the shop has stopped calling an upstream",
                            "description": "Its circuit breaker is open for a minute.",
                        },
                    }
                ],
            },
        ],
    }
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": "15s", "tests": [test]}))
    done = run(tool("promtool"), "test", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
