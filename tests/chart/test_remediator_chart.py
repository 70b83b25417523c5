"""charts/remediator: the operator alone, from the same templates as in charts/bot-gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.charts import GATEWAY_CHART, REMEDIATOR_CHART, RenderError, Rendering, gateway, render
from support.tools import run, tool

TOKEN = {"webhookToken": "of-the-test"}


def standalone(values: dict[str, Any] | None = None, **options: Any) -> Rendering:
    return render(
        REMEDIATOR_CHART, {**TOKEN, **(values or {})}, release=options.pop("release", "remediator"), **options
    )


def test_what_it_shares_is_linked_and_not_copied() -> None:
    """A copy would miss a change; Helm follows the links."""
    shared = {path.name for path in (REMEDIATOR_CHART / "templates").iterdir() if path.is_symlink()}
    assert {"remediator-deployment.yaml", "remediator-role.yaml", "_helpers.tpl", "_variables.tpl"} <= shared
    for name in shared:
        assert (REMEDIATOR_CHART / "templates" / name).resolve() == (GATEWAY_CHART / "templates" / name).resolve()
    assert (REMEDIATOR_CHART / "crds").resolve() == (GATEWAY_CHART / "crds").resolve()


def test_role_and_container_are_those_of_the_gateways_chart() -> None:
    alone, beside = standalone(), gateway()
    assert alone.one("Role", "remediator")["rules"] == beside.one("Role", "bot-gateway-remediator")["rules"]
    one, other = (
        rendering.one("Deployment", name)["spec"]["template"]["spec"]["containers"][0]
        for rendering, name in ((alone, "remediator"), (beside, "bot-gateway-remediator"))
    )
    assert one.keys() == other.keys()
    assert {key for key in one if one[key] != other[key]} == {"env"}


def test_names_and_selectors_of_the_gateways_chart_are_unchanged() -> None:
    """Another name or selector would replace the objects of existing releases; a Deployment's selector is immutable."""
    selector = gateway().one("Deployment", "bot-gateway-remediator")["spec"]["selector"]["matchLabels"]
    assert selector == {
        "app.kubernetes.io/name": "bot-gateway",
        "app.kubernetes.io/instance": "bot-gateway",
        "app.kubernetes.io/component": "remediator",
    }
    assert standalone(release="ops").has("Deployment", "ops-remediator")


def test_alertmanager_sends_the_alerts_of_the_matchers_with_the_token() -> None:
    matchers = [{"name": "team", "matchType": "=", "value": "shop"}]
    rendering = standalone({"alerting": {"matchers": matchers}})
    config = rendering.one("AlertmanagerConfig", "remediator")["spec"]
    assert config["route"]["matchers"] == matchers
    (webhook,) = config["receivers"][0]["webhookConfigs"]
    assert webhook["url"] == "http://remediator.bots:8080/alerts"
    assert webhook["httpConfig"]["authorization"]["credentials"] == {"name": "remediator", "key": "remediator-token"}
    assert rendering.one("Secret", "remediator")["stringData"] == {"remediator-token": "of-the-test"}
    (container,) = rendering.one("Deployment", "remediator")["spec"]["template"]["spec"]["containers"]
    assert {"name": "REMEDIATOR_RECEIVER", "value": "bots/remediator/remediator"} in container["env"]


def test_a_token_or_a_secret_is_required() -> None:
    with pytest.raises(RenderError, match="webhookToken is required"):
        render(REMEDIATOR_CHART, release="remediator")
    rendering = render(REMEDIATOR_CHART, {"existingSecret": "mine"}, release="remediator")
    assert not rendering.kind("Secret")


def test_policies_are_values() -> None:
    spec = {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}, "alerts": ['a="b"']}
    assert standalone({"policies": {"shop": spec}}).one("RemediationPolicy", "shop")["spec"] == spec
    with pytest.raises(RenderError):
        standalone({"policies": {"shop": {"mode": "Enforce"}}})


def test_a_package_has_the_linked_files(tmp_path: Path) -> None:
    done = run(tool("helm"), "package", str(REMEDIATOR_CHART), "--destination", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (package,) = tmp_path.glob("*.tgz")
    assert render(package, TOKEN, release="remediator").manifests == standalone().manifests
    assert "RemediationPolicy" in run(tool("helm"), "show", "crds", str(package)).stdout
