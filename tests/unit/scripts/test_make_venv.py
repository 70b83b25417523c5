"""`make venv` says in one line why it cannot."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.tools import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what the script reads, and no environment."""
    for name in ("scripts", "requirements"):
        (tmp_path / name).mkdir()
    shutil.copy(ROOT / "scripts/make-venv", tmp_path / "scripts")
    shutil.copy(ROOT / "requirements/uv.txt", tmp_path / "requirements")
    for name in ("requirements/dev.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    return tmp_path


def refusal(checkout: Path, **environment: str) -> str:
    """The one line that it ends with, after the name of the program."""
    variables = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, **environment}
    done = subprocess.run(
        ["bash", checkout / "scripts/make-venv"], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    return line.removeprefix("bot-gateway: ")


def complete(checkout: Path, made_in: Path) -> None:
    """An environment that was made in that folder, newer than the requirements."""
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/.ready").write_text(f"{made_in}\n")


def test_a_registry_that_cannot_be_reached(checkout: Path) -> None:
    nobody = {"PIP_INDEX_URL": "http://127.0.0.1:1/simple", "PIP_CONFIG_FILE": "/dev/null"}
    assert refusal(checkout, **nobody).startswith(
        "the Python package registry cannot be reached (Connection refused): look at the network, and at the index"
    )


def test_a_checkout_that_was_moved(checkout: Path) -> None:
    complete(checkout, Path("/where/it/was"))
    assert refusal(checkout) == (
        "this checkout was moved here from /where/it/was, and .venv does not work in another place: "
        "run `make clean`, then this again"
    )


def test_a_python_that_is_gone(checkout: Path) -> None:
    complete(checkout, checkout)
    (checkout / ".venv/bin/python").symlink_to("/usr/bin/no-longer-there")
    assert refusal(checkout).startswith(
        "the Python that .venv was made with is gone or another version now: run `make clean`"
    )


def test_a_python_that_is_too_old_or_not_there(checkout: Path) -> None:
    assert refusal(checkout, PYTHON="/bin/false") == "Python 3.11 or newer is needed; set PYTHON=/path/to/python3"
