"""Against a Prometheus that scraped a gateway, sandbox and operator under traffic with faults, each panel has data.

PROM_URL names that Prometheus; DASHBOARD_NAMESPACE and DASHBOARD_JOB the gateway, where it is not the first found;
DASHBOARD_RANGE the seconds to look back (default 3600).
"""

from __future__ import annotations

import os
from typing import Any

import httpx
import pytest

from dashboards.committed import Target, panel_targets
from dashboards.may_be_empty import MAY_BE_EMPTY
from dashboards.promql import expand

PROM_URL = os.environ.get("PROM_URL", "")
RANGE_SECONDS = int(os.environ.get("DASHBOARD_RANGE", "3600"))
STEP_SECONDS = 15

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not PROM_URL, reason="PROM_URL names no Prometheus that scraped the product"),
]


@pytest.fixture(scope="module")
def gateway() -> dict[str, str]:
    """Namespace and job of the gateway to look at."""
    with httpx.Client(base_url=PROM_URL, timeout=30) as prometheus:
        found = _get(prometheus, "/api/v1/query", query="bot_gateway_build_info")["result"]
    wanted = {"namespace": os.environ.get("DASHBOARD_NAMESPACE"), "job": os.environ.get("DASHBOARD_JOB")}
    for series in found:
        labels = series["metric"]
        if all(value in {None, labels[name]} for name, value in wanted.items()):
            return {"namespace": labels["namespace"], "job": labels["job"]}
    pytest.fail(f"no gateway {wanted} at {PROM_URL}")


def test_every_panel_has_data(gateway: dict[str, str]) -> None:
    queries: dict[str, list[bool]] = {}
    with httpx.Client(base_url=PROM_URL, timeout=30) as prometheus:
        for target in panel_targets():
            queries.setdefault(target.name, []).append(_has_points(prometheus, target, gateway))
    empty = {name for name, answered in queries.items() if not any(answered)}
    partly = {name for name, answered in queries.items() if any(answered) and not all(answered)}
    print(f"{len(queries) - len(empty)} of {len(queries)} panels have data; empty: {sorted(empty)}")
    print(f"some query of these has none: {sorted(partly)}")
    assert not empty - MAY_BE_EMPTY.keys()


def _has_points(prometheus: httpx.Client, target: Target, gateway: dict[str, str]) -> bool:
    """Whether any series of the query has a number that is not NaN."""
    expression = _bound(target.expr, gateway)
    if target.instant:
        result = _get(prometheus, "/api/v1/query", query=expression)["result"]
        return any(series["value"][1] != "NaN" for series in result)
    end = float(_get(prometheus, "/api/v1/query", query="time()")["result"][1])
    span = {"start": end - RANGE_SECONDS, "end": end, "step": STEP_SECONDS}
    result = _get(prometheus, "/api/v1/query_range", query=expression, **span)["result"]
    return any(value != "NaN" for series in result for _, value in series["values"])


def _bound(expression: str, gateway: dict[str, str]) -> str:
    """The expression as Grafana sends it with every pod and service chosen."""
    chosen = {
        "$namespace": gateway["namespace"],
        "$job": gateway["job"],
        "$pod": ".+",
        "$service": ".+",
        "$latency_bound": "2.0",
    }
    windows = {"$__rate_interval": f"{4 * STEP_SECONDS}s", "$__range": f"{RANGE_SECONDS}s"}
    return expand(expression, windows | chosen)


def _get(prometheus: httpx.Client, path: str, **parameters: Any) -> Any:
    answer = prometheus.get(path, params=parameters)
    assert answer.status_code == httpx.codes.OK, f"{parameters}: {answer.text}"
    return answer.json()["data"]
