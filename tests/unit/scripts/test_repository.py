"""The files for contributors: hooks, templates and dependency updates name what exists, and every link resolves."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from support.tools import ROOT

IGNORED = {".venv", ".tools", ".cache", ".run", "node_modules", "dist", ".git"}
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
MANIFESTS = {"npm": "package.json", "docker": "Dockerfile", "github-actions": ".github/workflows"}


def load(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def pages() -> list[Path]:
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in IGNORED]
        found += [Path(folder) / name for name in files if name.endswith(".md")]
    return sorted(found)


def prose(page: Path) -> str:
    """The page without its fenced blocks and its code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the page's headings, and those that the page sets itself."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)"', page.read_text()))


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(prose(page)):
        path, _, anchor = unquote(link).partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_hook_runs_a_program_of_the_project() -> None:
    (repository,) = load(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    programs = [hook["entry"].split()[0] for hook in repository["hooks"]]
    assert len(programs) >= 7
    assert [program for program in programs if not (ROOT / program).is_file()] == []


def test_the_hooks_are_valid() -> None:
    command = [".venv/bin/pre-commit", "validate-config", ".pre-commit-config.yaml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_an_optional_linter_that_is_missing_is_said_and_an_unknown_one_refused(tmp_path: Path) -> None:
    for program in ("bash", "dirname"):
        (tmp_path / program).symlink_to(f"/usr/bin/{program}")
    done = subprocess.run(
        [ROOT / "scripts/lint-optional", "no-such-linter"],
        env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr == "lint: no-such-linter is missing, its files are not linted: make tools\n"


def test_dependency_updates_cover_every_manifest() -> None:
    updates = load(".github/dependabot.yml")["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"pip", "github-actions", "npm", "docker"}
    watched = {
        (update["package-ecosystem"], folder.strip("/"))
        for update in updates
        for folder in update.get("directories", [update.get("directory")])
    }
    dockerfiles = {("docker", str(path.parent.relative_to(ROOT))) for path in ROOT.glob("*/Dockerfile")}
    assert {entry for entry in watched if entry[0] == "docker"} == dockerfiles
    for ecosystem, folder in watched:
        if ecosystem in MANIFESTS:
            assert (ROOT / folder / MANIFESTS[ecosystem]).exists()


@pytest.mark.parametrize("form", ["bug", "feature"])
def test_issue_forms_have_what_github_requires(form: str) -> None:
    content = load(f".github/ISSUE_TEMPLATE/{form}.yml")
    assert content["name"]
    assert content["description"]
    fields = [field for field in content["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_decisions_are_numbered_in_a_row() -> None:
    decisions = sorted((ROOT / "docs/decisions").glob("0*.md"))
    assert [int(page.name[:4]) for page in decisions] == list(range(1, len(decisions) + 1))
    assert [int(re.findall(r"^# (\d+)\. ", page.read_text())[0]) for page in decisions] == list(
        range(1, len(decisions) + 1)
    )
