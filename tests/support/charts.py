"""Rendering the charts with the helm that is there, Helm 4 or 3."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support.tools import ROOT, run, tool

GATEWAY_CHART = ROOT / "charts/bot-gateway"
APP_VERSION: str = yaml.safe_load((GATEWAY_CHART / "Chart.yaml").read_text())["appVersion"]
REMEDIATOR_CHART = ROOT / "charts/remediator"
SANDBOX_CHART = ROOT / "charts/sandbox"
JAEGER_CHART = ROOT / "charts/jaeger"
KUBERNETES = "1.34.0"
NAMESPACE = "bots"
MONITORING_API = ("monitoring.coreos.com/v1", "monitoring.coreos.com/v1alpha1")
Manifest = dict[str, Any]


class RenderError(Exception):
    """Helm refused; the message is helm's."""


class _Loader(yaml.CSafeLoader):
    """YAML as Kubernetes reads it: a bare `=` is a string."""


def _string(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:value", _string)


def load_all(text: str) -> list[Manifest]:
    """The documents of a YAML stream that are not empty."""
    return [document for document in yaml.load_all(text, Loader=_Loader) if document]


@functools.cache
def helm_programs() -> dict[int, str]:
    """Every Helm there is by its major version: helm of PATH, and helm3, helm4 or helm3/helm beside it."""
    helm = tool("helm")
    candidates = [
        helm,
        str(Path(helm).parent / "helm3" / "helm"),
        str(Path(helm).parent / "helm3"),
        str(Path(helm).parent / "helm4"),
    ]
    found: dict[int, str] = {}
    for candidate in candidates:
        if Path(candidate).is_file() and (match := re.match(r"v?(\d+)", run(candidate, "version", "--short").stdout)):
            found.setdefault(int(match.group(1)), candidate)
    return found


@dataclass(frozen=True)
class Rendering:
    """What `helm template` made of a chart."""

    manifests: tuple[Manifest, ...]

    def kind(self, kind: str) -> list[Manifest]:
        """Every object of a kind."""
        return [manifest for manifest in self.manifests if manifest["kind"] == kind]

    def one(self, kind: str, name: str) -> Manifest:
        """The object of that kind and name; raises LookupError where there is none."""
        for manifest in self.kind(kind):
            if manifest["metadata"]["name"] == name:
                return manifest
        raise LookupError(f"no {kind} {name} among {[m['metadata']['name'] for m in self.kind(kind)]}")

    def has(self, kind: str, name: str) -> bool:
        """Whether there is an object of that kind and name."""
        return any(manifest["metadata"]["name"] == name for manifest in self.kind(kind))


def render(
    chart: Path = GATEWAY_CHART,
    values: dict[str, Any] | None = None,
    *,
    files: tuple[Path, ...] = (),
    release: str = "bot-gateway",
    namespace: str = NAMESPACE,
    apis: tuple[str, ...] = MONITORING_API,
    helm: str | None = None,
) -> Rendering:
    """Render a chart, once for the same arguments; `values` win over the files of values.

    Raises RenderError with helm's message when it fails.
    """
    arguments = ["template", release, str(chart), "--namespace", namespace, "--kube-version", KUBERNETES]
    for api in apis:
        arguments += ["--api-versions", api]
    for file in files:
        arguments += ["--values", str(file)]
    return Rendering(_template(helm or tool("helm"), tuple(arguments), yaml.safe_dump(values or {})))


@functools.cache
def _template(helm: str, arguments: tuple[str, ...], values: str) -> tuple[Manifest, ...]:
    done = run(helm, *arguments, "--values", "-", stdin=values)
    if done.returncode:
        raise RenderError(done.stderr.strip())
    return tuple(load_all(done.stdout))


def gateway(values: dict[str, Any] | None = None, **options: Any) -> Rendering:
    """The gateway's chart with the one value that has no default."""
    telegram = {"token": "42:TEST-TOKEN", **(values or {}).get("telegram", {})}
    return render(GATEWAY_CHART, {**(values or {}), "telegram": telegram}, **options)
