"""The effects of the values of the sandbox's chart."""

from __future__ import annotations

import pytest
import yaml

from support.charts import SANDBOX_CHART, render
from support.tools import ROOT, run, tool

DEMO = "charts/sandbox/ci/demo-values.yaml"


def test_by_default_the_sandbox_has_no_account() -> None:
    rendering = render(SANDBOX_CHART, release="sandbox")
    assert not rendering.kind("ServiceAccount")
    assert not rendering.kind("Role")
    spec = rendering.one("Deployment", "sandbox")["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False


def test_if_it_shows_remediations_it_may_only_list_them() -> None:
    rendering = render(SANDBOX_CHART, {"remediations": {"show": True}}, release="sandbox", namespace="bots")
    assert rendering.one("Deployment", "sandbox")["spec"]["template"]["spec"]["serviceAccountName"] == "sandbox"
    assert rendering.one("ConfigMap", "sandbox")["data"]["SANDBOX_REMEDIATIONS_NAMESPACE"] == "bots"
    assert rendering.one("Role", "sandbox")["rules"] == [
        {"apiGroups": ["remediation.bot-gateway.dev"], "resources": ["remediations"], "verbs": ["list"]}
    ]
    binding = rendering.one("RoleBinding", "sandbox")
    assert binding["roleRef"]["name"] == binding["subjects"][0]["name"] == "sandbox"


def test_the_page_knows_its_namespace_and_gateway() -> None:
    rendering = render(SANDBOX_CHART, {"gatewayService": "second"}, release="sandbox", namespace="bots")
    told = rendering.one("ConfigMap", "sandbox")["data"]
    assert (told["SANDBOX_NAMESPACE"], told["SANDBOX_GATEWAY_SERVICE"]) == ("bots", "second")


def test_the_default_gateway_is_the_release_of_the_readme() -> None:
    told = render(SANDBOX_CHART, release="sandbox").one("ConfigMap", "sandbox")["data"]
    assert told["SANDBOX_NOTIFY_URL"] == f"http://{told['SANDBOX_GATEWAY_SERVICE']}-internal:8001/internal/notify"


def test_the_demos_page_shows_operator_prometheus_alertmanager_and_jaeger() -> None:
    """These are the values of `skaffold run`; the addresses are Services, which a port-forward reaches."""
    skaffold = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    releases = {release["name"]: release for release in skaffold["deploy"]["helm"]["releases"]}
    assert releases["sandbox"]["valuesFiles"] == [DEMO]
    values = yaml.safe_load((ROOT / DEMO).read_text())
    told = render(SANDBOX_CHART, values, release="sandbox", namespace="bots").one("ConfigMap", "sandbox")["data"]
    assert told["SANDBOX_REMEDIATIONS_NAMESPACE"] == "bots"
    for name, port in (("PROMETHEUS", 9090), ("ALERTMANAGER", 9093), ("JAEGER", 16686)):
        assert told[f"SANDBOX_{name}_URL"].endswith(f".monitoring:{port}")


@pytest.mark.parametrize(("values", "warnings"), [(None, 2), (DEMO, 0)], ids=["defaults", "demo"])
def test_the_notes_say_what_the_page_will_not_show(values: str | None, warnings: int) -> None:
    more = ("--values", str(ROOT / values)) if values else ()
    done = run(tool("helm"), "install", "sandbox", str(SANDBOX_CHART), "--namespace", "bots", "--dry-run=client", *more)
    assert done.returncode == 0, done.stderr
    notes = done.stdout.partition("NOTES:")[2]
    assert "kubectl -n bots port-forward svc/sandbox 8080:8082" in notes
    assert notes.count("NOTE: ") == warnings
