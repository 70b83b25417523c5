"""Writes the chart's rules, routes and default policy as files for `make demo`, which needs no Helm.

With --check nothing is written and a difference is an error.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts/bot-gateway"
FOLDER = ROOT / "sandbox/sandbox/demo/chart"
NAMESPACE = "demo"
HEAD = "# Written by scripts/generators/demo_chart.py from charts/bot-gateway.\n"
COMMON = ("telegram.token=1:demo", "alerting.plainConfig=true", "alerting.notificationService.url=")
MONITORING = "monitoring.coreos.com/v1"
KUBERNETES = "1.34.0"


def files(helm: str) -> dict[str, str]:
    """The files by name, rendered with a helm program."""
    # The demo has no operator to scrape, so the operator's own alerts would always fire.
    watched = _render(helm, "operator.enabled=false")
    rules = _one(watched, "PrometheusRule")["spec"]
    routing = _one(watched, "ConfigMap", "bot-gateway-alertmanager")["data"]["alertmanager.yml"]
    policy = _one(_render(helm), "RemediationPolicy")
    return {
        "rules.yml": _text(rules),
        "alertmanager.yml": _text(yaml.safe_load(routing)),
        "policy.yaml": _text(policy | {"metadata": {"name": policy["metadata"]["name"]}}),
    }


def _render(helm: str, *values: str) -> list[dict[str, Any]]:
    settings = [part for value in (*COMMON, *values) for part in ("--set", value)]
    command = [helm, "template", "bot-gateway", str(CHART), "--namespace", NAMESPACE, "--api-versions", MONITORING]
    # A Helm that is built without its release flags assumes an old Kubernetes, which the chart refuses.
    command += ["--kube-version", KUBERNETES]
    done = subprocess.run([*command, *settings], capture_output=True, text=True, check=False)  # noqa: S603 - our chart
    if done.returncode:
        raise SystemExit(f"demo_chart: {done.stderr.strip()}")
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def _one(documents: list[dict[str, Any]], kind: str, name: str = "") -> dict[str, Any]:
    return next(item for item in documents if item["kind"] == kind and name in ("", item["metadata"]["name"]))


def _text(content: object) -> str:
    return HEAD + yaml.safe_dump(content, sort_keys=False, width=1000, allow_unicode=True)


def main() -> int:
    """Write the files, or with --check name those that are not up to date and return 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    helm = shutil.which("helm")
    if helm is None:
        print("demo_chart: helm is missing, so the demo's files are not changed", file=sys.stderr)
        return 0
    stale = [name for name, text in files(helm).items() if _current(name) != text]
    if parser.parse_args().check:
        for name in stale:
            print(f"{name} is not up to date, run scripts/generators/demo_chart.py", file=sys.stderr)
        return int(bool(stale))
    FOLDER.mkdir(exist_ok=True)
    for name, text in files(helm).items():
        (FOLDER / name).write_text(text)
    return 0


def _current(name: str) -> str:
    path = FOLDER / name
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
