"""Releases a version: changelog and versions, packaged charts, SBOMs, checksums, one commit and one tag.

Nothing is pushed. With --dry-run everything is made in dist/ and shown, then the tree is as before: no commit, no tag.
What the release needs is looked at before anything is changed, and a step that fails puts the files back.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

CHANGELOG = Path("CHANGELOG.md")
PYPROJECT = Path("pyproject.toml")
CHARTS = tuple(Path("charts") / name for name in ("bot-gateway", "remediator", "sandbox", "jaeger"))
IMAGES = {"bot-gateway": "gateway", "bot-sandbox": "sandbox", "bot-remediator": "operator"}
OWN_APP_VERSION = tuple(chart for chart in CHARTS if chart.name != "jaeger")  # jaeger's is Jaeger's
PUSH_COMMANDS = (CHARTS[0] / "README.head.md", Path("README.md"), Path("docs/operations.md"))
PINNED_TAGS = (Path("examples/gitops/argocd.yaml"), Path("examples/gitops/flux.yaml"))
UNRELEASED = "## [Unreleased]\n"
BIN = Path(sys.executable).parent


class ReleaseError(Exception):
    """The release cannot be made; the message is one line for a person."""


def current_version() -> str:
    """Return the version in pyproject.toml."""
    return str(tomllib.loads(PYPROJECT.read_text())["project"]["version"])


def check(version: str) -> None:
    """Look at everything that the release needs.

    Raises:
        ReleaseError: something is missing or wrong.
    """
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise ReleaseError(f"{version or 'nothing'} is not a version: VERSION=1.2.3 is the form")
    if _parts(version) < _parts(current_version()):
        raise ReleaseError(f"{version} is older than {current_version()}")
    if (branch := _git("branch", "--show-current")) != "main":
        raise ReleaseError(f"a release is made on main, this is {branch or 'no branch'}")
    if changed := _git("status", "--porcelain").splitlines():
        raise ReleaseError(f"the tree is not clean: {changed[0].strip()} (and {len(changed) - 1} more)")
    if _git("tag", "--list", f"v{version}"):
        raise ReleaseError(f"the tag v{version} is there already")
    if not _unreleased(CHANGELOG.read_text()).strip():
        raise ReleaseError("CHANGELOG.md has nothing under Unreleased: there is nothing to release")
    if shutil.which("helm") is None:
        raise ReleaseError("helm is missing: install it or run `make tools`")


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _unreleased(text: str) -> str:
    _, found, after = text.partition(UNRELEASED)
    if not found:
        raise ReleaseError("CHANGELOG.md has no line `## [Unreleased]`")
    return after.partition("\n## [")[0]


def dated_changelog(text: str, version: str, day: date) -> str:
    """Return the changelog with what was unreleased under the version and the day."""
    head, _, tail = text.partition(UNRELEASED)
    return f"{head}{UNRELEASED}\n## [{version}] - {day}\n{tail}"


def bump(version: str, day: date) -> None:
    """Write the version everywhere it stands, and the READMEs that are made from it.

    Raises:
        ReleaseError: a place is not as this expects it.
    """
    CHANGELOG.write_text(dated_changelog(CHANGELOG.read_text(), version, day))
    _replace(PYPROJECT, r'^version = "[^"]+"', f'version = "{version}"')
    for chart in CHARTS:
        _replace(chart / "Chart.yaml", r"^version: .+", f"version: {version}")
    for chart in OWN_APP_VERSION:
        _replace(chart / "Chart.yaml", r"^appVersion: .+", f"appVersion: {version}")
    _replace(CHARTS[0] / "Chart.yaml", r"(image: bot-[a-z]+):\S+", rf"\g<1>:{version}")
    for page in PUSH_COMMANDS:
        # The chart's images have its appVersion as their tag: with another TAG its pods would find no image.
        _replace(page, r"^(make images push .*TAG=)\d\S+", rf"\g<1>{version}")
    for example in PINNED_TAGS:
        _replace(example, r"^( +(?:targetRevision|tag): v)\d\S+", rf"\g<1>{version}")
    _run(str(BIN / "python"), "scripts/generators/chart_readme.py")


def _replace(file: Path, pattern: str, new: str) -> None:
    text, times = re.subn(pattern, new, file.read_text(), flags=re.MULTILINE)
    if not times:
        raise ReleaseError(f"{file} has no line like {pattern}")
    file.write_text(text)


def build(version: str, folder: Path) -> list[Path]:
    """Package the charts, write an SBOM for each image and the checksums; return the files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for chart in CHARTS:
        _run("helm", "package", str(chart), "--destination", str(folder))
    for image, part in IMAGES.items():
        _run(
            str(BIN / "cyclonedx-py"), "requirements", f"requirements/{part}.txt", "--pyproject", str(PYPROJECT),
            "--output-reproducible", "--output-file", str(folder / f"{image}-{version}.cdx.json"),
        )  # fmt: skip
    files = sorted(folder.iterdir())
    sums = folder / "SHA256SUMS"
    sums.write_text("".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files))
    return [*files, sums]


def release(version: str, *, dry_run: bool, say: Callable[[str], None] = print) -> None:
    """Make the release.

    Raises:
        ReleaseError: it cannot be made; the tree is as before.
    """
    check(version)
    folder = Path("dist") / version
    try:
        bump(version, datetime.now(UTC).date())
        say(_git("diff", "--stat"))
        for file in build(version, folder):
            say(f"{file}  {file.stat().st_size:,} bytes")
        if dry_run:
            say(_git("diff", "--unified=0", "--", str(CHANGELOG), "pyproject.toml", "charts/*/Chart.yaml"))
        else:
            _git("commit", "--all", "--quiet", "--message", f"Release {version}")
    finally:
        _git("checkout", "--quiet", "--", ".")  # nothing is left to put back after the commit
    if dry_run:
        say(f"dry run: nothing was committed; {folder} can be looked at")
        return
    _git("tag", "--annotate", f"v{version}", "--message", f"Bot Gateway {version}")
    say(f"committed and tagged v{version}; to publish: git push --follow-tags, make images TAG={version}, {folder}")


def _git(*arguments: str) -> str:
    return _run("git", *arguments).rstrip("\n")


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise ReleaseError(f"{' '.join(command[:3])} ended with {done.returncode}: {''.join(last)}")
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 1 with one line on stderr."""
    parser = argparse.ArgumentParser(prog="scripts/release", description=__doc__)
    parser.add_argument("version", help="x.y.z")
    parser.add_argument("--dry-run", action="store_true", help="make everything in dist/, then put the tree back")
    chosen = parser.parse_args(arguments)
    try:
        release(chosen.version, dry_run=chosen.dry_run)
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
