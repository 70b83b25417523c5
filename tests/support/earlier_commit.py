"""The gateway of an earlier commit, to run beside the present one as pods do during a rolling upgrade."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.tools import ROOT

UPGRADE_FROM = os.environ.get("UPGRADE_FROM", "dba5b5d")
"""The commit that the upgrade starts from, or a tag; the environment variable of that name overrides it."""


def has_repository() -> bool:
    """Whether this tree is a Git repository of its own: an unpacked archive is none, even inside somebody else's."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return False
    return done.returncode == 0 and Path(done.stdout.strip()) == ROOT


def leave_out_without_repository(config: pytest.Config, items: list[pytest.Item], folder: Path) -> None:
    """Deselect the upgrade tests of a folder, and say so, where there is no history to take an earlier commit from."""
    upgrades = [item for item in items if item.path == folder / "test_upgrade.py"]
    if upgrades and not has_repository():
        upgrades[0].warn(pytest.PytestWarning("the upgrade tests are left out: this is no Git repository"))
        config.hook.pytest_deselected(items=upgrades)
        items[:] = [item for item in items if item not in upgrades]


def unpack(folder: Path, *paths: str, commit: str = UPGRADE_FROM) -> Path:
    """Write those paths of a commit into `folder`; a failure that says how to fetch a commit that is missing."""
    command = ["git", "-C", str(ROOT), "archive", "--format=tar", commit, *paths]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode().strip().splitlines()[-1]
        pytest.fail(
            f"commit {commit} cannot be read ({reason}): run `git fetch --unshallow`, or set UPGRADE_FROM",
            pytrace=False,
        )
    subprocess.run(["tar", "-x", "-C", str(folder)], input=done.stdout, check=True)
    return folder


def module_file(environment: dict[str, str], module: str) -> Path:
    """Which file a Python process in that environment imports a module from."""
    code = f"import {module}; print({module}.__file__)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())
