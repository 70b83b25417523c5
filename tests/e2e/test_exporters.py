"""The stores and the machine below the gateway: their exporters are up, and PostgreSQL carries the conversations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from support import prometheus
from support.charts import GATEWAY_CHART, SANDBOX_CHART
from support.cluster import IMAGES, MODEST, MONITORING, PROMETHEUS, helm, install_sandbox, namespace
from support.kubectl import get, kubectl, port_forward, wait_for
from support.timeline import Timeline
from support.tools import tool

HERE = Path(__file__).parent
SPACE = "bot-gateway-stores"
NODE_SPACE = "bot-gateway-stores-node"
VALUES = ("-f", str(GATEWAY_CHART / "ci/demo-values.yaml"), "--set", "replicaCount=1,operator.enabled=false")


@pytest.fixture(scope="module")
def stores() -> Iterator[str]:
    """The product on PostgreSQL under light traffic, with every exporter of the specification."""
    with namespace(SPACE) as space, namespace(NODE_SPACE, restricted=False) as node_space:
        install_sandbox(tool("helm"), space, "-f", str(SANDBOX_CHART / "ci/postgres-values.yaml"))
        where = ("-n", space, "--skip-crds", "--wait", "--timeout", "5m")
        helm(tool("helm"), "install", "bot-gateway", str(GATEWAY_CHART), *VALUES, *IMAGES, *MODEST, *where)
        kubectl("apply", "-n", space, "-f", str(HERE / "exporters.yaml"))
        kubectl("apply", "-n", node_space, "-f", str(HERE / "node-exporters.yaml"))
        yield space


@pytest.fixture(scope="module")
def prometheus_url() -> Iterator[str]:
    with port_forward(MONITORING, f"svc/{PROMETHEUS}", 9090) as url:
        yield url


TARGETS = {
    "redis": f'up{{namespace="{SPACE}",job="redis-exporter-prometheus-redis-exporter"}}',
    "postgres": f'up{{namespace="{SPACE}",job="postgres-exporter-prometheus-postgres-exporter"}}',
    "node": f'up{{namespace="{NODE_SPACE}",job="prometheus-node-exporter"}}',
    "cadvisor": 'up{metrics_path="/metrics/cadvisor"}',
}
FACTS = {
    "the Redis exporter reaches Redis": f'redis_up{{namespace="{SPACE}"}} == 1',
    "the PostgreSQL exporter reaches PostgreSQL": f'pg_up{{namespace="{SPACE}"}} == 1',
    "the node tells its memory": f'node_memory_MemAvailable_bytes{{namespace="{NODE_SPACE}"}} > 0',
    "cAdvisor tells the gateway's memory": (
        f'container_memory_working_set_bytes{{namespace="{SPACE}",pod=~"bot-gateway-.*"}} > 0'
    ),
    "the gateway's keys are in that Redis": f'sum(redis_db_keys{{namespace="{SPACE}"}}) > 0',
    "the backends write to that PostgreSQL": (
        f'sum(rate(pg_stat_database_xact_commit{{namespace="{SPACE}",datname="sandbox"}}[1m])) > 0.1'
    ),
}


def test_every_exporter_is_scraped_and_tells_of_what_it_watches(stores: str, prometheus_url: str) -> None:
    timeline = Timeline("exporters")

    def value(promql: str) -> list[dict[str, Any]]:
        return prometheus.query(prometheus_url, promql)

    nodes = len(get("nodes")["items"])
    for name, promql in TARGETS.items():
        expected = nodes if name in {"node", "cadvisor"} else 1
        wait_for(f"{name} up", partial(value, f"count({promql} == 1) >= {expected}"), seconds=240)
        timeline.mark(f"{name} up")
    for fact, promql in FACTS.items():
        found = wait_for(fact, partial(value, promql), seconds=180)
        timeline.mark(fact, found[0]["value"][1])


def test_conversations_are_served_from_postgresql(stores: str) -> None:
    with port_forward(stores, "svc/sandbox", 8082) as control:

        def served() -> dict[str, Any] | None:
            ledger: dict[str, Any] = httpx.get(f"{control}/ledger", timeout=10).raise_for_status().json()
            return ledger if ledger["backend"]["executed"] >= 5 and ledger["updates"]["handled"] >= 50 else None

        ledger = wait_for("conversations", served, seconds=180)
    print(f"  exporters | {ledger['updates']} | {ledger['backend']}")
    assert ledger["backend"]["executed_twice"] == 0
    ask = 'PGPASSWORD=$POSTGRES_PASSWORD psql -U sandbox -h 127.0.0.1 -Atc "select count(*) from requests"'
    rows = kubectl("exec", "-n", stores, "sandbox-postgres-0", "--", "sh", "-c", ask)
    assert int(rows) > 0
