"""The product installed on the cluster that KUBECONFIG names, as a user installs it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.earlier_commit import leave_out_without_repository
from support.kubectl import delete_namespace, get, kubectl, pods, port_forward, wait_for

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = os.environ.get("E2E_NAMESPACE", "bot-gateway-e2e")
MONITORING = os.environ.get("E2E_MONITORING_NAMESPACE", "monitoring")
PROMETHEUS = os.environ.get("E2E_PROMETHEUS", "kube-prometheus-stack-prometheus")
ALERTMANAGER = os.environ.get("E2E_ALERTMANAGER", "kube-prometheus-stack-alertmanager")
JAEGER = os.environ.get("E2E_JAEGER", "jaeger")
IMAGE_TAG = os.environ.get("E2E_IMAGE_TAG", "dev")
GATEWAY_PODS = "app.kubernetes.io/name=bot-gateway,app.kubernetes.io/component=gateway"
OPERATOR_PODS = "app.kubernetes.io/name=bot-gateway,app.kubernetes.io/component=remediator"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    leave_out_without_repository(config, items, Path(__file__).parent)
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(1200))


@dataclass(frozen=True)
class Product:
    """The installed product and the local addresses that reach it."""

    namespace: str
    gateway_image: str
    control_url: str
    prometheus_url: str
    alertmanager_url: str
    jaeger_url: str

    def gateway_pods(self) -> list[dict[str, Any]]:
        """The gateway's pods that are not being deleted."""
        return pods(self.namespace, GATEWAY_PODS)

    def ready_gateway_pods(self) -> list[dict[str, Any]]:
        """Those of them that are ready."""
        return [pod for pod in self.gateway_pods() if is_ready(pod)]

    def control(self, method: str, path: str, **json: Any) -> Any:
        """Call the sandbox's control API and return its JSON."""
        response = httpx.request(method, f"{self.control_url}{path}", json=json or None, timeout=10).raise_for_status()
        return response.json() if response.content else None

    def remediations(self) -> list[dict[str, Any]]:
        """Every Remediation of the namespace, oldest first."""
        items: list[dict[str, Any]] = get("rem", "-n", self.namespace)["items"]
        return sorted(items, key=lambda item: item["metadata"]["creationTimestamp"])


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether the pod's Ready condition is True."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", []))


def helm(*args: str) -> None:
    done = subprocess.run(["helm", *args], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        print(kubectl("get", "pods,events", "-n", NAMESPACE))
        raise RuntimeError(f"helm {' '.join(args)}: {done.stderr.strip()}")


def install() -> None:
    """Install sandbox and gateway into a namespace that enforces Pod Security `restricted`."""
    kubectl("create", "namespace", NAMESPACE)
    kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "charts/bot-gateway/crds"))
    common = ["-n", NAMESPACE, "--wait", "--timeout", "5m"]
    helm("install", "sandbox", str(ROOT / "charts/sandbox"), "-f", str(ROOT / "tests/e2e/sandbox-values.yaml"),
         "--set", f"image.tag={IMAGE_TAG}", *common)  # fmt: skip
    helm("install", "bot-gateway", str(ROOT / "charts/bot-gateway"), "-f", str(ROOT / "tests/e2e/gateway-values.yaml"),
         "--set", f"image.tag={IMAGE_TAG}", "--set", f"operator.image.tag={IMAGE_TAG}", *common)  # fmt: skip


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """The product under light traffic, with its scrape target up."""
    delete_namespace(NAMESPACE)
    install()
    try:
        with (
            port_forward(NAMESPACE, "svc/sandbox", 8082) as control,
            port_forward(MONITORING, f"svc/{PROMETHEUS}", 9090) as prometheus,
            port_forward(MONITORING, f"svc/{ALERTMANAGER}", 9093) as alertmanager,
            port_forward(MONITORING, f"svc/{JAEGER}", 16686) as jaeger,
        ):
            installed = Product(NAMESPACE, f"bot-gateway:{IMAGE_TAG}", control, prometheus, alertmanager, jaeger)
            installed.control("POST", "/traffic", rate=2)
            yield installed
    finally:
        if os.environ.get("E2E_KEEP") != "1":
            delete_namespace(NAMESPACE)


@pytest.fixture
def healthy(product: Product) -> Iterator[Product]:
    """The product with no fault set, every gateway pod ready and no remediation under way; faults are lifted after."""
    product.control("DELETE", "/faults")
    wait_for("all gateway pods ready", lambda: len(product.ready_gateway_pods()) == 3 or None, seconds=120)
    yield product
    product.control("DELETE", "/faults")
