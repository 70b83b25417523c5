"""The other programs: linked where a browser reaches them, else how to reach or get them."""

import pytest

from sandbox.control.views import views
from sandbox.settings import Settings


def test_on_a_laptop_what_is_missing_says_which_program_to_get() -> None:
    prometheus, alertmanager, jaeger = views(Settings(prometheus_url="http://127.0.0.1:9090"))
    assert (prometheus["url"], prometheus["forward"], prometheus["get"]) == ("http://127.0.0.1:9090", "", "")
    for missing, program in ((alertmanager, "alertmanager"), (jaeger, "jaeger")):
        assert missing["url"] == ""
        assert f"put the program {program} on PATH" in missing["get"]


@pytest.mark.parametrize("suffix", ["", ".svc", ".svc.cluster.local"])
def test_a_clusters_service_is_reached_by_a_port_forward(suffix: str) -> None:
    _prometheus, _alertmanager, jaeger = views(
        Settings(namespace="bots", jaeger_url=f"http://jaeger.monitoring{suffix}:16686")
    )
    assert jaeger["url"] == "http://localhost:16686"
    assert jaeger["forward"] == "kubectl -n monitoring port-forward svc/jaeger 16686"
    assert jaeger["get"] == ""


def test_on_a_cluster_what_is_missing_says_which_setting_names_it() -> None:
    for view in views(Settings(namespace="bots")):
        assert f"SANDBOX_{view['name'].upper()}_URL" in view["get"]


def test_an_address_of_the_outside_is_linked_as_it_is() -> None:
    (view, *_others) = views(Settings(namespace="bots", prometheus_url="https://prometheus.example.com"))
    assert (view["url"], view["forward"]) == ("https://prometheus.example.com", "")
