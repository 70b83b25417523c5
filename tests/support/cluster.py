"""A namespace of the cluster that KUBECONFIG names, and Helm in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from support.charts import SANDBOX_CHART
from support.kubectl import delete_namespace, kubectl
from support.tools import run

IMAGE_TAG = os.environ.get("E2E_IMAGE_TAG", "dev")
MONITORING = os.environ.get("E2E_MONITORING_NAMESPACE", "monitoring")
PROMETHEUS = os.environ.get("E2E_PROMETHEUS", "kube-prometheus-stack-prometheus")
ALERTMANAGER = os.environ.get("E2E_ALERTMANAGER", "kube-prometheus-stack-alertmanager")
IMAGES = ("--set", f"image.tag={IMAGE_TAG},operator.image.tag={IMAGE_TAG}")
MODEST = (
    "--set",
    "resources.requests.cpu=30m,redis.resources.requests.cpu=10m,operator.resources.requests.cpu=10m",
)
"""Requests with which a release of a test finds room on a busy node; an idle gateway uses a quarter of its."""
KINDS = (
    "all,configmap,secret,serviceaccount,role,rolebinding,pvc,networkpolicy,ingress,hpa,pdb,"
    "servicemonitor,prometheusrule,alertmanagerconfig,remediationpolicy,remediation"
)
NEVER_OURS = ("configmap/kube-root-ca.crt", "serviceaccount/default")


@contextmanager
def namespace(name: str, *, restricted: bool = True) -> Iterator[str]:
    """A new namespace under Pod Security `restricted`, deleted with all that is in it at the end."""
    delete_namespace(name)
    kubectl("create", "namespace", name)
    if restricted:
        kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    try:
        yield name
    finally:
        delete_namespace(name)


def helm(program: str, *arguments: str) -> str:
    """Run Helm; AssertionError with its words when it fails."""
    done = run(program, *arguments, timeout=400)
    assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def install_sandbox(program: str, space: str, *more: str, release: str = "sandbox") -> None:
    """The backends and the Telegram simulator, which the gateway's start needs; `more` are Helm's arguments."""
    values = f"image.tag={IMAGE_TAG},resources.requests.cpu=10m"
    arguments = (*more, "-n", space, "--set", values, "--wait", "--timeout", "3m")
    helm(program, "install", release, str(SANDBOX_CHART), *arguments)


def objects(space: str) -> set[str]:
    """Every object of the kinds that the charts make, as kind/name."""
    names = kubectl("get", KINDS, "-n", space, "-o", "name", "--ignore-not-found").split()
    return {name for name in names if not name.endswith(NEVER_OURS)}
