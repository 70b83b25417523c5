"""On the cluster: an upgrade during a scale-out does not change the replicas, with Helm 4 and 3."""

from __future__ import annotations

import pytest

from support.charts import GATEWAY_CHART
from support.cluster import IMAGES, MODEST, helm as run_helm, install_sandbox, namespace
from support.kubectl import wait_for
from support.scale_out import (
    MANAGER,
    POLICY_VALUES,
    end_load,
    managers,
    remediation,
    replicas,
    simulate_load,
    upgrade_in_mid_incident,
    wait_for_phase,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

SPACE = "bot-gateway-scaled-out"
SELECTING = {"release": "kube-prometheus-stack"}
VALUES = ("-f", str(GATEWAY_CHART / "ci/default-values.yaml"), *POLICY_VALUES, *IMAGES, *MODEST)


def test_an_upgrade_does_not_reset_a_scale_out(helm: str) -> None:
    with namespace(SPACE) as space:
        install_sandbox(helm, space)
        place = ("-n", space, "--wait", "--timeout", "5m")
        run_helm(helm, "install", "bot-gateway", str(GATEWAY_CHART), "--skip-crds", *VALUES, *place)
        assert replicas(space) == 2
        simulate_load(space, SELECTING)
        wait_for("the scale-out", lambda: replicas(space) == 3 or None, seconds=300)
        assert MANAGER in managers("deployment", space)

        upgrade = ("bot-gateway", str(GATEWAY_CHART), *VALUES, "--set", "logLevel=DEBUG", *place)
        upgrade_in_mid_incident(helm, *upgrade)
        assert replicas(space) == 3

        end_load(space)
        ended = wait_for_phase(space, "Succeeded", seconds=700)
        assert ended["status"]["reason"] == "Reverted"
        assert replicas(space) == 2
        assert MANAGER not in managers("deployment", space)
        run_helm(helm, "upgrade", *upgrade)
        assert replicas(space) == 2
        assert (remediation(space) or {})["metadata"]["name"] == ended["metadata"]["name"]
