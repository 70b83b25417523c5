"""Each ci file on the cluster with Helm 4 and 3: install, test, upgrade, roll back, uninstall, and nothing is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.charts import GATEWAY_CHART, MONITORING_API
from support.cluster import IMAGES, MODEST, helm as run_helm, install_sandbox, namespace, objects
from support.kubectl import kubectl, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

CI_FILES = sorted((GATEWAY_CHART / "ci").glob("*-values.yaml"))
TOKEN = "42:SANDBOX-TOKEN-FOR-LOCAL-USE-ONLY"
SECRETS = {
    "bot-secrets": {
        "bot-token": TOKEN,
        "webhook-secret": "of-the-test",
        "service-token": "sandbox-service-token",
        "remediator-token": "of-the-test",
    },
    "redis-url": {"redis-url": "redis://:of-the-test@other-bot-gateway-redis:6379/1"},
}


def prepare_external(program: str, space: str) -> tuple[str, ...]:
    """What ci/external-values.yaml takes for granted, and what it must leave out where there is no Gateway API."""
    for name, data in SECRETS.items():
        literals = [f"--from-literal={key}={value}" for key, value in data.items()]
        kubectl("create", "secret", "generic", name, "-n", space, *literals)
    bare = str(GATEWAY_CHART / "ci/bare-values.yaml")
    run_helm(
        program,
        "install",
        "other",
        str(GATEWAY_CHART),
        "-n",
        space,
        "--skip-crds",
        "-f",
        bare,
        "--set",
        "redis.auth.password=of-the-test",
        *IMAGES,
        *MODEST,
        "--wait",
    )
    return (
        "--set",
        "httpRoute.enabled=false,telegram.apiBase=http://sandbox:8081,backends.authUrl=http://sandbox:8101",
    )


@pytest.mark.parametrize("file", CI_FILES, ids=lambda file: file.name.removesuffix("-values.yaml"))
def test_a_release_installs_upgrades_and_is_removed_completely(file: Path, helm: str) -> None:
    with namespace("bot-gateway-chart") as space:
        install_sandbox(helm, space)
        extra = prepare_external(helm, space) if file.name.startswith("external") else ()
        if file.name.startswith("keda"):
            # Not in this cluster: test_autoscaling checks the ScaledObject, here the HPA takes its place.
            extra = ("--set", "autoscaling.keda.enabled=false")
        before = objects(space)
        values = ("-f", str(file), *IMAGES, *MODEST, *extra)
        place = ("-n", space, "--wait", "--timeout", "5m")

        run_helm(helm, "install", "bot-gateway", str(GATEWAY_CHART), *values, *place)
        if "polling" not in file.name:
            run_helm(helm, "test", "bot-gateway", "-n", space)
        run_helm(helm, "upgrade", "bot-gateway", str(GATEWAY_CHART), *values, "--set", "logLevel=DEBUG", *place)
        run_helm(helm, "rollback", "bot-gateway", "1", *place)
        run_helm(helm, "uninstall", "bot-gateway", *place)

        wait_for("nothing left", lambda: objects(space) <= before or None, seconds=90)
        apis = [argument for api in MONITORING_API for argument in ("--api-versions", api)]
        manifests = run_helm(helm, "template", "bot-gateway", str(GATEWAY_CHART), "-n", space, *values, *apis)
        kubectl("apply", "--dry-run=server", "-n", space, "-f", "-", stdin=manifests)
        assert "remediationpolicies.remediation.bot-gateway.dev" in kubectl("get", "crd", "-o", "name")
