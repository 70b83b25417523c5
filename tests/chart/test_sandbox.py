"""What the values of the sandbox's chart decide."""

from __future__ import annotations

from charts import SANDBOX_CHART, render


def test_by_default_the_sandbox_has_no_account() -> None:
    rendering = render(SANDBOX_CHART, release="sandbox")
    assert not rendering.kind("ServiceAccount")
    assert not rendering.kind("Role")
    spec = rendering.one("Deployment", "sandbox")["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False


def test_where_it_shows_remediations_it_may_list_them_and_nothing_else() -> None:
    rendering = render(SANDBOX_CHART, {"remediations": {"show": True}}, release="sandbox", namespace="bots")
    assert rendering.one("Deployment", "sandbox")["spec"]["template"]["spec"]["serviceAccountName"] == "sandbox"
    assert rendering.one("ConfigMap", "sandbox")["data"]["SANDBOX_REMEDIATIONS_NAMESPACE"] == "bots"
    assert rendering.one("Role", "sandbox")["rules"] == [
        {"apiGroups": ["remediation.bot-gateway.dev"], "resources": ["remediations"], "verbs": ["list"]}
    ]
    binding = rendering.one("RoleBinding", "sandbox")
    assert binding["roleRef"]["name"] == binding["subjects"][0]["name"] == "sandbox"
