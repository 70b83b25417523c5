"""Prometheus, Alertmanager and Jaeger of the demo: each is started if its program is on PATH.

Rules and routing come from the chart, rendered into ``chart/`` by ``scripts/generators/demo_chart.py``. Not a
production setup: everything listens on 127.0.0.1 and each start deletes the previous data.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import orjson

from sandbox.demo.ports import Port
from sandbox.demo.processes import Child
from sandbox.demo.settings import DemoSettings
from sandbox.jsontypes import JsonObject
from sandbox.redis_server import free_port
from sandbox.settings import Settings

CHART = Path(__file__).parent / "chart"
NAMESPACE = "demo"
JOB = POD = "bot-gateway"
INTERVAL = "5s"
TRACES_KEPT = 20_000

PROMETHEUS = ("prometheus",)
ALERTMANAGER = ("alertmanager", "prometheus-alertmanager")  # the second is Debian's name
JAEGER = ("jaeger",)


@dataclass(frozen=True, slots=True)
class Programs:
    """Paths of the programs; ``None`` if missing."""

    prometheus: str | None
    alertmanager: str | None
    jaeger: str | None


def find_programs() -> Programs:
    return Programs(_which(PROMETHEUS), _which(ALERTMANAGER), _which(JAEGER))


def _which(names: tuple[str, ...]) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


class Monitoring:
    """Ports, addresses and processes of the programs that were found."""

    def __init__(self, demo: DemoSettings, sandbox: Settings, programs: Programs) -> None:
        self._demo = demo
        self._sandbox = sandbox
        self._programs = programs

    @property
    def prometheus_url(self) -> str:
        """Prometheus' address; empty if missing."""
        return f"http://127.0.0.1:{self._demo.prometheus_port}" if self._programs.prometheus else ""

    @property
    def alertmanager_url(self) -> str:
        """Alertmanager's address; empty if missing."""
        return f"http://127.0.0.1:{self._demo.alertmanager_port}" if self._programs.alertmanager else ""

    @property
    def jaeger_url(self) -> str:
        """The address of Jaeger's user interface; empty if missing."""
        return f"http://127.0.0.1:{self._demo.jaeger_port}" if self._programs.jaeger else ""

    @property
    def jaeger_otlp(self) -> str:
        """``host:port`` where Jaeger receives spans; empty if missing."""
        return f"127.0.0.1:{self._demo.otlp_port}" if self._programs.jaeger else ""

    @property
    def addresses(self) -> dict[str, str]:
        """The address of each program, empty if missing."""
        return {"Prometheus": self.prometheus_url, "Alertmanager": self.alertmanager_url, "Jaeger": self.jaeger_url}

    def ports(self) -> dict[str, Port]:
        """Return the ports of the programs that were found."""
        demo, found = self._demo, self._programs
        ports = {}
        if found.prometheus:
            ports["Prometheus"] = Port(demo.prometheus_port, "DEMO_PROMETHEUS_PORT")
        if found.alertmanager:
            ports["Alertmanager"] = Port(demo.alertmanager_port, "DEMO_ALERTMANAGER_PORT")
        if found.jaeger:
            ports["Jaeger"] = Port(demo.jaeger_port, "DEMO_JAEGER_PORT")
            ports["Jaeger's OTLP"] = Port(demo.otlp_port, "DEMO_OTLP_PORT")
        return ports

    def children(self) -> dict[Child, str]:
        """Write configurations and return the processes, each with the URL of its readiness check."""
        children = {}
        if self._programs.alertmanager:
            children[self._alertmanager(self._programs.alertmanager)] = f"{self.alertmanager_url}/-/ready"
        if self._programs.prometheus:
            children[self._prometheus(self._programs.prometheus)] = f"{self.prometheus_url}/-/ready"
        if self._programs.jaeger:
            children[self._jaeger(self._programs.jaeger)] = f"{self.jaeger_url}/"
        return children

    def _prometheus(self, program: str) -> Child:
        config = self._config("prometheus", prometheus_config(self._demo, self._sandbox, self.alertmanager_url))
        listen = f"--web.listen-address=127.0.0.1:{self._demo.prometheus_port}"
        data = f"--storage.tsdb.path={self._empty_folder('prometheus-data')}"
        address = f"--web.external-url=http://localhost:{self._demo.prometheus_port}"
        features = "--enable-feature=exemplar-storage"
        return self._child("Prometheus", [program, f"--config.file={config}", data, listen, address, features])

    def _alertmanager(self, program: str) -> Child:
        config = f"--config.file={CHART / 'alertmanager.yml'}"
        listen = f"--web.listen-address=127.0.0.1:{self._demo.alertmanager_port}"
        data = f"--storage.path={self._empty_folder('alertmanager-data')}"
        return self._child("Alertmanager", [program, config, data, listen, "--cluster.listen-address="])

    def _jaeger(self, program: str) -> Child:
        config = self._config("jaeger", jaeger_config(self._demo.jaeger_port, self._demo.otlp_port, free_port()))
        return self._child("Jaeger", [program, "--config", str(config)])

    def _child(self, name: str, command: list[str]) -> Child:
        return Child(name, command, {}, self._demo.run_dir / f"{name.lower()}.log")

    def _config(self, name: str, content: JsonObject) -> Path:
        self._demo.run_dir.mkdir(parents=True, exist_ok=True)
        path = self._demo.run_dir / f"{name}.yml"
        path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))  # JSON is YAML
        return path

    def _empty_folder(self, name: str) -> Path:
        path = self._demo.run_dir / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path


def prometheus_config(demo: DemoSettings, sandbox: Settings, alertmanager_url: str) -> JsonObject:
    """Return Prometheus' configuration: the gateway with the labels that the chart's rules select, and the sandbox."""
    backends = {
        "auth": sandbox.auth_port,
        "request": sandbox.request_port,
        "user": sandbox.user_port,
        "shift": sandbox.shift_port,
        "sandbox": demo.control_port,
    }
    alertmanagers = [{"static_configs": [{"targets": [alertmanager_url.removeprefix("http://")]}]}]
    return {
        "global": {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL},
        "rule_files": [str(CHART / "rules.yml")],
        "alerting": {"alertmanagers": alertmanagers if alertmanager_url else []},
        "scrape_configs": [
            _target(JOB, demo.gateway_port, pod=POD),
            *(_target(name, port) for name, port in backends.items()),
        ],
    }


def _target(job: str, port: int, **labels: str) -> JsonObject:
    target = {"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": NAMESPACE, "service": job, **labels}}
    return {"job_name": job, "static_configs": [target]}


def jaeger_config(query_port: int, otlp_port: int, query_grpc_port: int) -> JsonObject:
    """Return Jaeger's configuration: traces in memory, OTLP over gRPC in, the user interface out."""
    return {
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query"],
            "pipelines": {
                "traces": {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["jaeger_storage_exporter"]}
            },
            "telemetry": {"metrics": {"level": "none"}},
        },
        "extensions": {
            "jaeger_query": {
                "storage": {"traces": "memory"},
                "http": {"endpoint": f"127.0.0.1:{query_port}"},
                "grpc": {"endpoint": f"127.0.0.1:{query_grpc_port}"},
            },
            "jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": TRACES_KEPT}}}},
        },
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{otlp_port}"}}}},
        "processors": {"batch": {"timeout": "500ms"}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "memory"}},
    }
