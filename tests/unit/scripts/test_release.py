"""A release in a throwaway repository: what it changes, what it makes, what it refuses."""

import hashlib
import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from support.tools import ROOT, tool

pytestmark = pytest.mark.timeout(240)  # three SBOMs are written in a release

PARTS = (
    *("CHANGELOG.md", "LICENSE", "README.md", "docs/operations.md", "pyproject.toml", ".gitignore"),
    *("charts", "examples", "requirements", "scripts"),
)
NAMING_THE_VERSION = ("charts", "examples", "README.md", "docs/operations.md", "pyproject.toml")
VERSION = "7.8.9"
UNRELEASED = "## [Unreleased]\n\n### Added\n\n- The thing.\n"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """What a release touches, committed on main of a repository of its own, with this environment."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (folder / part).parent.mkdir(exist_ok=True)
            shutil.copy(source, folder / part)
    (folder / "CHANGELOG.md").write_text(f"# Changelog\n\n{UNRELEASED}\n## [0.0.1] - 2020-01-01\n\n- Old.\n")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    (folder / ".git/info/exclude").write_text(".venv\n")
    git(folder, "config", "user.name", "Releaser")
    git(folder, "config", "user.email", "releaser@example.org")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "Begin")
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def run(repository: Path) -> Run:
    path = f"{Path(tool('helm')).parent}{os.pathsep}{os.environ['PATH']}"

    def release(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["scripts/release", *arguments]
        return subprocess.run(
            command, cwd=repository, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
        )

    return release


def chart(folder: Path, name: str) -> dict[str, str]:
    read: dict[str, str] = yaml.safe_load((folder / "charts" / name / "Chart.yaml").read_text())
    return read


def test_a_release(repository: Path, run: Run) -> None:
    old = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["version"]
    jaeger = chart(repository, "jaeger")["appVersion"]

    done = run(VERSION)

    assert done.returncode == 0, done.stderr
    assert git(repository, "status", "--porcelain") == ""
    assert git(repository, "log", "-1", "--format=%s") == f"Release {VERSION}"
    assert git(repository, "describe", "--exact-match") == f"v{VERSION}"
    head, _, tail = (repository / "CHANGELOG.md").read_text().partition("## [Unreleased]\n")
    assert head == "# Changelog\n\n"
    assert tail.startswith(f"\n## [{VERSION}] - 2")
    assert "\n### Added\n\n- The thing.\n\n## [0.0.1]" in tail
    assert tomllib.loads((repository / "pyproject.toml").read_text())["project"]["version"] == VERSION
    for name in ("bot-gateway", "remediator", "sandbox"):
        assert (chart(repository, name)["version"], chart(repository, name)["appVersion"]) == (VERSION, VERSION)
    assert (chart(repository, "jaeger")["version"], chart(repository, "jaeger")["appVersion"]) == (VERSION, jaeger)
    left = subprocess.run(
        ["git", "grep", "--fixed-strings", "--name-only", old, "--", *NAMING_THE_VERSION],
        cwd=repository, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert left.stdout == "", f"{old} still stands there"
    for page in ("README.md", "docs/operations.md", "charts/bot-gateway/README.md"):
        assert f" TAG={VERSION}\n" in (repository / page).read_text(), page
    for example in ("argocd.yaml", "flux.yaml"):
        assert f": v{VERSION}\n" in (repository / "examples/gitops" / example).read_text(), example

    made = repository / "dist" / VERSION
    charts = {f"{name}-{VERSION}.tgz" for name in ("bot-gateway", "remediator", "sandbox", "jaeger")}
    sboms = {f"{name}-{VERSION}.cdx.json" for name in ("bot-gateway", "bot-sandbox", "bot-remediator")}
    assert {file.name for file in made.iterdir()} == charts | sboms | {"SHA256SUMS"}
    sums = dict(reversed(line.split("  ")) for line in (made / "SHA256SUMS").read_text().splitlines())
    assert sums == {name: hashlib.sha256((made / name).read_bytes()).hexdigest() for name in charts | sboms}
    sbom = json.loads((made / f"bot-gateway-{VERSION}.cdx.json").read_text())
    assert sbom["metadata"]["component"]["version"] == VERSION
    assert "aiogram" in {component["name"] for component in sbom["components"]}
    again = run(VERSION)
    assert (again.returncode, again.stderr) == (1, f"release: the tag v{VERSION} is there already\n")


def test_a_dry_run_makes_everything_and_leaves_the_tree_as_it_was(repository: Path, run: Run) -> None:
    before = git(repository, "rev-parse", "HEAD")
    done = run(VERSION, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert f'+version = "{VERSION}"' in done.stdout
    assert (repository / "dist" / VERSION / "SHA256SUMS").exists()
    assert git(repository, "rev-parse", "HEAD") == before
    assert git(repository, "status", "--porcelain") == ""
    assert git(repository, "tag") == ""


def test_a_step_that_fails_puts_the_tree_back(repository: Path, run: Run) -> None:
    (repository / "requirements/operator.txt").unlink()
    git(repository, "commit", "--all", "--quiet", "--message", "Lose a file")
    done = run(VERSION)
    assert done.returncode == 1
    assert done.stderr.startswith("release: ")
    assert len(done.stderr.splitlines()) == 1
    assert git(repository, "status", "--porcelain") == ""
    assert git(repository, "tag") == ""


@pytest.mark.parametrize("version", ["", "1.2", "v1.2.3", "1.2.3-rc1"])
def test_what_is_no_version_is_refused(run: Run, version: str) -> None:
    done = run(version)
    assert done.returncode == 1
    assert done.stderr.endswith("is not a version: VERSION=1.2.3 is the form\n")


def test_an_older_version_is_refused(run: Run) -> None:
    assert "release: 0.0.1 is older than " in run("0.0.1").stderr


def test_a_tree_with_changes_is_refused(repository: Path, run: Run) -> None:
    (repository / "README.md").write_text("changed")
    assert run(VERSION).stderr == "release: the tree is not clean: M README.md (and 0 more)\n"


def test_another_branch_is_refused(repository: Path, run: Run) -> None:
    git(repository, "checkout", "--quiet", "-b", "work")
    assert run(VERSION).stderr == "release: a release is made on main, this is work\n"


def test_without_entries_there_is_no_release(repository: Path, run: Run) -> None:
    (repository / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n## [0.0.1] - 2020-01-01\n\n- Old.\n")
    git(repository, "commit", "--all", "--quiet", "--message", "Empty")
    assert "nothing under Unreleased" in run(VERSION).stderr
