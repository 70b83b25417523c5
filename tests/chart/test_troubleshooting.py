"""On the cluster: every command of docs/troubleshooting.md runs, against a namespace of its own."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from support import prometheus
from support.charts import GATEWAY_CHART
from support.cluster import ALERTMANAGER, IMAGES, MODEST, MONITORING, PROMETHEUS, helm, install_sandbox, namespace
from support.kubectl import port_forward, wait_for
from support.scale_out import POLICY_VALUES, end_load, remediation, simulate_load
from support.tools import ROOT, tool

PAGE = ROOT / "docs/troubleshooting.md"
SPACE = "bot-gateway-trouble"
GRAFANA_URL = os.environ.get("E2E_GRAFANA_URL", "")
"""Where Grafana can be reached, on a cluster that has one."""
NEEDS_GRAFANA = ("grafana", "localhost:3000")
MAY_FIND_NOTHING = re.compile(r"\| (grep|tail)|--tail|get events|annotations|Pending|dead-letters")
"""Commands that rightly print nothing, or fail by grep's word for nothing, on a release that is well."""


@dataclass(frozen=True)
class Command:
    """One command of the page and the heading above it."""

    heading: str
    text: str

    def __str__(self) -> str:
        return f"{self.heading}: {self.text[:60]}"


def commands() -> list[Command]:
    """The lines of the page's bash blocks that are no comment."""
    found, heading, inside = [], "", False
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif line.startswith("```"):
            inside = line == "```bash"
        elif inside and line and not line.startswith("#"):
            found.append(Command(heading, line))
    return found


def test_the_page_has_commands_for_every_symptom() -> None:
    headings = {line.removeprefix("## ") for line in PAGE.read_text().splitlines() if line.startswith("## ")}
    assert {command.heading for command in commands()} == headings


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    """A release with a Remediation to explain, and where the page's local ports lead."""
    with namespace(SPACE) as space, ExitStack() as stack:
        install_sandbox(tool("helm"), space, "--set", "traffic.rate=1")
        values = (
            "-f",
            str(GATEWAY_CHART / "ci/default-values.yaml"),
            "--set",
            "autoscaling.enabled=true",
            *POLICY_VALUES,
            *IMAGES,
            *MODEST,
        )
        where = ("-n", space, "--skip-crds", "--wait", "--timeout", "5m")
        helm(tool("helm"), "install", "bot-gateway", str(GATEWAY_CHART), *values, *where)
        simulate_load(space, {"release": "kube-prometheus-stack"})
        wait_for("a Remediation", lambda: remediation(space), seconds=300)
        end_load(space)
        # A rate needs two scrapes.
        with port_forward(MONITORING, f"svc/{PROMETHEUS}", 9090) as url:
            rate = f'rate(bot_gateway_errors_total{{namespace="{space}"}}[5m])'
            wait_for("a rate", lambda: prometheus.query(url, rate) or None, seconds=180)
        targets = {"9090": (PROMETHEUS, 9090), "9093": (ALERTMANAGER, 9093), "16686": ("jaeger", 16686)}
        yield {
            f"http://localhost:{local}": stack.enter_context(port_forward(MONITORING, f"svc/{service}", port))
            for local, (service, port) in targets.items()
        } | {"http://admin:admin@localhost:3000": GRAFANA_URL}


def here(text: str, addresses: dict[str, str]) -> str:
    """The command for this release, this cluster and the forwarded ports."""
    for local, forwarded in addresses.items():
        text = text.replace(local, forwarded)
    text = re.sub(r"(-n |namespace )bot-gateway\b", rf"\g<1>{SPACE}", text)
    text = re.sub(r'(namespace ?==? ?)"bot-gateway"', rf'\g<1>"{SPACE}"', text)
    text = text.replace("receiver: bot-gateway/", f"receiver: {SPACE}/").replace("-n monitoring", f"-n {MONITORING}")
    return text.replace("rem/NAME", f"rem/{(remediation(SPACE) or {})['metadata']['name']}")


def runnable() -> list[Command]:
    """The commands that this cluster can answer: Grafana's where there is one to ask."""
    return [command for command in commands() if GRAFANA_URL or not any(w in command.text for w in NEEDS_GRAFANA)]


@pytest.mark.e2e
@pytest.mark.timeout(900)
@pytest.mark.parametrize("command", runnable(), ids=str)
def test_a_command_runs(command: Command, addresses: dict[str, str]) -> None:
    text = here(command.text, addresses)
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", text], capture_output=True, text=True, timeout=90, check=False
    )
    print(f"$ {text}\n{done.stdout[:1500]}{done.stderr[:500]}")
    if MAY_FIND_NOTHING.search(text):
        assert done.returncode in {0, 1}, done.stderr
        assert "rror" not in done.stderr, done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()
