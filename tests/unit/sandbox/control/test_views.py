"""The other programs: linked where a browser reaches them, else how to reach or get them."""

import pytest

from sandbox.control.views import views
from sandbox.settings import Settings


def test_in_a_local_run_a_missing_program_is_named() -> None:
    prometheus, alertmanager, jaeger = views(Settings(prometheus_url="http://127.0.0.1:9090"))
    assert (prometheus["url"], prometheus["forward"], prometheus["get"]) == ("http://127.0.0.1:9090", "", "")
    for missing, program in ((alertmanager, "alertmanager"), (jaeger, "jaeger")):
        assert missing["url"] == ""
        assert f"put {program} on PATH" in missing["get"]


@pytest.mark.parametrize("suffix", ["", ".svc", ".svc.cluster.local"])
def test_a_service_is_reached_by_port_forward(suffix: str) -> None:
    _prometheus, _alertmanager, jaeger = views(
        Settings(namespace="bots", jaeger_url=f"http://jaeger.monitoring{suffix}:16686")
    )
    assert jaeger["url"] == "http://localhost:16686"
    assert jaeger["forward"] == "kubectl -n monitoring port-forward svc/jaeger 16686"
    assert jaeger["get"] == ""


def test_on_a_cluster_the_missing_setting_is_named() -> None:
    for view in views(Settings(namespace="bots")):
        assert f"SANDBOX_{view['name'].upper()}_URL" in view["get"]


def test_an_external_address_is_linked_directly() -> None:
    (view, *_others) = views(Settings(namespace="bots", prometheus_url="https://prometheus.example.com"))
    assert (view["url"], view["forward"]) == ("https://prometheus.example.com", "")
