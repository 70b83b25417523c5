"""What of Prometheus, Alertmanager and Jaeger is on PATH is started, on the demo's ports, with the chart's rules."""

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.monitoring import CHART, Monitoring, Programs, find_programs
from sandbox.demo.settings import DemoSettings
from sandbox.settings import Settings

ALL = Programs("/bin/prometheus", "/bin/alertmanager", "/bin/jaeger")
NONE = Programs(None, None, None)


@pytest.fixture
def demo(tmp_path: Path) -> DemoSettings:
    return DemoSettings(run_dir=tmp_path, prometheus_port=1, alertmanager_port=2, jaeger_port=3, otlp_port=4)


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_programs_are_found_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    # Not files of the test's own: where TMPDIR is mounted noexec, nothing in it is a program.
    on_path: dict[str, str] = {}
    monkeypatch.setattr("sandbox.demo.monitoring.shutil.which", on_path.get)
    assert find_programs() == NONE
    on_path |= {name: f"/usr/bin/{name}" for name in ("prometheus-alertmanager", "jaeger")}
    assert find_programs() == Programs(None, "/usr/bin/prometheus-alertmanager", "/usr/bin/jaeger")


def test_a_missing_program_has_no_port_address_or_process(demo: DemoSettings) -> None:
    monitoring = Monitoring(demo, Settings(), NONE)
    assert monitoring.ports() == {}
    assert set(monitoring.addresses.values()) == {""}
    assert monitoring.jaeger_otlp == ""
    assert monitoring.children() == {}


def test_each_program_has_a_port_and_a_readiness_url(demo: DemoSettings) -> None:
    monitoring = Monitoring(demo, Settings(), ALL)
    assert {port.variable: port.number for port in monitoring.ports().values()} == {
        "DEMO_PROMETHEUS_PORT": 1,
        "DEMO_ALERTMANAGER_PORT": 2,
        "DEMO_JAEGER_PORT": 3,
        "DEMO_OTLP_PORT": 4,
    }
    assert {child.name: url for child, url in monitoring.children().items()} == {
        "Alertmanager": "http://127.0.0.1:2/-/ready",
        "Prometheus": "http://127.0.0.1:1/-/ready",
        "Jaeger": "http://127.0.0.1:3/",
    }


def test_prometheus_scrapes_with_the_labels_of_the_charts_rules(demo: DemoSettings) -> None:
    Monitoring(demo, Settings(), ALL).children()
    config = read(demo.run_dir / "prometheus.yml")
    assert config["rule_files"] == [str(CHART / "rules.yml")]
    assert config["alerting"]["alertmanagers"] == [{"static_configs": [{"targets": ["127.0.0.1:2"]}]}]
    gateway = config["scrape_configs"][0]
    assert gateway["job_name"] == "bot-gateway"
    assert gateway["static_configs"][0]["targets"] == [f"127.0.0.1:{demo.gateway_port}"]
    assert 'namespace="demo",job="bot-gateway"' in (CHART / "rules.yml").read_text()
    assert gateway["static_configs"][0]["labels"]["namespace"] == "demo"


def test_prometheus_alone_sends_no_alerts(demo: DemoSettings) -> None:
    Monitoring(demo, Settings(), Programs("/bin/prometheus", None, None)).children()
    assert read(demo.run_dir / "prometheus.yml")["alerting"]["alertmanagers"] == []


def test_data_of_an_earlier_run_is_deleted(demo: DemoSettings) -> None:
    old = demo.run_dir / "prometheus-data" / "old"
    old.mkdir(parents=True)
    Monitoring(demo, Settings(), ALL).children()
    assert not old.exists()
