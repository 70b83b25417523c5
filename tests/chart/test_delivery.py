"""The Dockerfiles and the files of skaffold and kind: mistakes that would break a build or a deployment."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.charts import GATEWAY_CHART, KUBERNETES, SANDBOX_CHART, load_all
from support.tools import ROOT, run, tool

DOCKERFILES = {
    "bot-gateway": ROOT / "service/Dockerfile",
    "bot-sandbox": ROOT / "sandbox/Dockerfile",
    "bot-remediator": ROOT / "operator/Dockerfile",
}
SKAFFOLD = [ROOT / "skaffold.yaml", ROOT / "skaffold.monitoring.yaml"]


@pytest.mark.parametrize("file", DOCKERFILES.values(), ids=DOCKERFILES)
def test_an_image_is_built_in_two_stages_from_locked_packages_and_is_not_root(file: Path) -> None:
    text = file.read_text()
    stages = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert stages == ["${BASE_IMAGE}", "${BASE_IMAGE}"]
    assert re.search(r"^ARG BASE_IMAGE=python:3\.\d+-slim-\w+$", text, re.MULTILINE)
    assert "--require-hashes" in text
    last = text.rpartition("FROM ")[2]
    assert "pip install" not in last
    assert "apt-get" not in last
    assert re.findall(r"^USER (\S+)", last, re.MULTILINE) == ["10001:10001"]
    assert not text.startswith("# syntax")


@pytest.mark.parametrize("file", DOCKERFILES.values(), ids=DOCKERFILES)
def test_what_an_image_copies_reaches_the_builder(file: Path) -> None:
    kept = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = re.findall(r"^COPY (?!--from)(\S+)", file.read_text(), re.MULTILINE)
    assert copied
    for path in copied:
        assert (ROOT / path).exists()
        assert path in kept


def documents(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text()))


def test_skaffold_builds_the_images_that_the_charts_name() -> None:
    (config,) = documents(SKAFFOLD[0])
    built = {entry["image"]: ROOT / entry["docker"]["dockerfile"] for entry in config["build"]["artifacts"]}
    assert built == DOCKERFILES
    gateway, sandbox = (yaml.safe_load((chart / "values.yaml").read_text()) for chart in (GATEWAY_CHART, SANDBOX_CHART))
    named = {gateway["image"]["repository"], gateway["operator"]["image"]["repository"], sandbox["image"]["repository"]}
    assert named == set(built)


@pytest.mark.parametrize("file", SKAFFOLD, ids=lambda file: file.name)
def test_skaffold_names_files_that_exist_and_pins_what_is_remote(file: Path) -> None:
    for config in documents(file):
        sections = [config, *config.get("profiles", [])]
        for release in [release for section in sections for release in section["deploy"]["helm"]["releases"]]:
            for values in release.get("valuesFiles", []):
                assert (ROOT / values).is_file()
            if "remoteChart" in release:
                assert re.fullmatch(r"\d+\.\d+\.\d+", release["version"])
            else:
                assert (ROOT / release["chartPath"] / "Chart.yaml").is_file()


def test_kinds_cluster_has_the_name_that_make_uses() -> None:
    (config,) = documents(ROOT / "kind-config.yaml")
    assert config["name"] == "bot-gateway"


def push(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`make push` with a docker that only records its arguments."""
    docker = folder / "docker"
    docker.write_text(f'#!/bin/sh\necho "$*" >> {folder}/calls\n')
    docker.chmod(0o755)
    return run(tool("make"), "--no-print-directory", "-C", str(ROOT), "push", f"DOCKER={docker}", *arguments)


@pytest.mark.parametrize("tag", ["1.2.3", "20261129"])
def test_make_push_pushes_every_image_and_prints_the_values_that_use_them(tmp_path: Path, tag: str) -> None:
    """Plain `--set` makes a number of a tag of digits, which the schema refuses."""
    done = push(tmp_path, "REGISTRY=registry.example/team", f"TAG={tag}")
    assert done.returncode == 0, done.stderr
    names = ("bot-gateway", "bot-sandbox", "bot-remediator")
    assert (tmp_path / "calls").read_text().splitlines() == [
        line
        for name in names
        for line in (
            f"tag {name}:{tag} registry.example/team/{name}:{tag}",
            f"push --quiet registry.example/team/{name}:{tag}",
        )
    ]
    for line, more, images in (
        (done.stdout.splitlines()[0], ("--set", "telegram.token=1:a"), ("bot-gateway", "bot-remediator")),
        (done.stdout.splitlines()[1], (), ("bot-sandbox",)),
    ):
        command, _, options = line.partition(":")
        *_, release, chart = command.split()
        arguments = ("template", release, str(ROOT / chart), "--kube-version", KUBERNETES, *options.split(), *more)
        rendered = run(tool("helm"), *arguments)
        assert rendered.returncode == 0, rendered.stderr
        used = {
            container["image"]
            for manifest in load_all(rendered.stdout)
            if manifest["kind"] == "Deployment"
            for container in manifest["spec"]["template"]["spec"]["containers"]
        }
        assert used == {f"registry.example/team/{name}:{tag}" for name in images}


def test_make_push_without_a_registry_says_what_to_set(tmp_path: Path) -> None:
    done = push(tmp_path)
    assert done.returncode != 0
    assert "set REGISTRY" in done.stderr
    assert not (tmp_path / "calls").exists()


WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_actions_are_pinned_by_commit_and_keep_no_credentials(file: Path) -> None:
    workflow = yaml.safe_load(file.read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert steps
    for step in steps:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]), step["uses"]
        if step["uses"].startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
    # The version of each commit, for people and for dependabot.
    assert all("# v" in line for line in file.read_text().splitlines() if "uses:" in line)


def test_make_images_takes_the_base_image_by_digest() -> None:
    base = "python:3.13-slim-trixie@sha256:" + "a" * 64
    pinned = run("make", "--dry-run", "--directory", str(ROOT), "images", f"BASE_IMAGE={base}").stdout
    assert pinned.count(f"--build-arg BASE_IMAGE={base}") == len(DOCKERFILES)
    assert "--build-arg" not in run("make", "--dry-run", "--directory", str(ROOT), "images").stdout


def test_lint_all_names_a_linter_that_is_missing_and_fails_where_it_must_not(tmp_path: Path) -> None:
    for name in ("bash", "dirname", "mktemp", "rm"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    (tmp_path / "helm").symlink_to(tool("helm"))
    for strict, status in (("", 0), ("1", 1)):
        done = subprocess.run(
            [str(ROOT / "scripts/lint-all")],
            env={"PATH": str(tmp_path), "LINT_ALL_STRICT": strict},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
        assert "lint-all: kube-linter is missing, the manifests are not linted" in done.stderr
