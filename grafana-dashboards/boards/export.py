"""Writes the dashboards as JSON for Grafana to the two folders where it is committed."""

from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from boards import overview, performance, remediation, service_integration, slo

ROOT = Path(__file__).resolve().parents[2]
TARGETS = (ROOT / "grafana-dashboards" / "json", ROOT / "charts" / "bot-gateway" / "dashboards")
"""The JSON for provisioning and the preview, and the chart's copy: Helm reads only files of its chart."""

BUILDERS = {
    "overview.json": overview.build,
    "service-integration.json": service_integration.build,
    "performance.json": performance.build,
    "remediation.json": remediation.build,
    "slo.json": slo.build,
}


def encode(dashboard: models.Dashboard) -> str:
    """The dashboard as JSON text with sorted keys."""
    return JSONEncoder(sort_keys=True, indent=1, ensure_ascii=False).encode(dashboard) + "\n"


def generated() -> Mapping[str, str]:
    """The text of every dashboard by file name."""
    return {name: encode(build()) for name, build in BUILDERS.items()}


def drifted() -> list[Path]:
    """Committed files that are missing, that differ from the generated ones, or that are no longer generated."""
    wanted = {target / name: text for target in TARGETS for name, text in generated().items()}
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text]
    left_over = [path for target in TARGETS for path in target.glob("*.json") if path not in wanted]
    return stale + left_over


def write() -> None:
    """Write every dashboard to both folders and remove files that are no longer generated."""
    files = generated()
    for target in TARGETS:
        target.mkdir(parents=True, exist_ok=True)
        for old in target.glob("*.json"):
            if old.name not in files:
                old.unlink()
        for name, text in files.items():
            (target / name).write_text(text, "utf-8")
