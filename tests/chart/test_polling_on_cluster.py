"""On the cluster: with the values of README's shortest way and the simulator instead of Telegram, the bot replies."""

from __future__ import annotations

import httpx
import pytest

from support.charts import GATEWAY_CHART
from support.cluster import IMAGES, MODEST, helm as run_helm, install_sandbox, namespace
from support.kubectl import kubectl, port_forward, wait_for
from support.tools import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SPACE = "bot-gateway-polling"
TOKEN = "42:SANDBOX-TOKEN-FOR-LOCAL-USE-ONLY"


def test_the_shortest_way_makes_a_bot_that_replies(helm: str) -> None:
    with namespace(SPACE) as space:
        install_sandbox(helm, space, "--set", "traffic.rate=1")
        values = ("-f", str(ROOT / "examples/values/polling.yaml"), *IMAGES, *MODEST)
        simulator = ("--set", f"telegram.token={TOKEN},telegram.apiBase=http://sandbox:8081")
        place = ("-n", space, "--skip-crds", "--wait", "--timeout", "5m")
        run_helm(helm, "install", "bot-gateway", str(GATEWAY_CHART), *values, *simulator, *place)
        with port_forward(space, "svc/sandbox", 8082) as control:

            def handled() -> int:
                ledger = httpx.get(f"{control}/ledger", timeout=10).raise_for_status().json()
                return int(ledger["updates"]["handled"])

            wait_for("conversations by polling", lambda: handled() >= 10 or None, seconds=180)
            ledger = httpx.get(f"{control}/ledger", timeout=10).raise_for_status().json()
        assert ledger["sends"]["total"] >= 10
        logs = kubectl("logs", "-n", space, "deploy/bot-gateway")
        assert "webhook_registered" not in logs
        assert kubectl("get", "ingress", "-n", space, "-o", "name") == ""
