"""The last words of a test run, of functions and of a pytest with workers of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.not_run import deselected_lines, skipped_lines
from support.tools import ROOT, missing, tool

CONFTEST = """
from support.not_run import NotRun
def pytest_configure(config):
    config.addinivalue_line("markers", "e2e: on a cluster")
    config.pluginmanager.register(NotRun(config), "not-run")
"""
TESTS = """
import pytest
from support.tools import missing
@pytest.mark.parametrize("number", range(4))
def test_of_charts(number):
    pytest.skip(missing("helm"))
@pytest.mark.e2e
def test_of_a_cluster():
    raise AssertionError
def test_that_runs():
    pass
"""


def test_programs_of_one_command_are_one_line() -> None:
    reasons = [*["Skipped: helm is missing: make tools"] * 3, "amtool is missing: make tools", "it rains"]
    assert skipped_lines(reasons) == ["     4 tests that need amtool, helm: make tools", "     1 tests: it rains"]


def test_end_to_end_tests_are_told_by_whether_they_need_a_cluster() -> None:
    ids = ["tests/integration/sandbox/test_page.py::a", "tests/dashboards/b.py::b", "tests/integration/gateway/c.py::c"]
    local, cluster = deselected_lines(ids)
    assert local.startswith("     2 ")
    assert local.endswith("scripts/e2e sandbox")
    assert cluster == "     1 end-to-end tests on a cluster: make e2e"


def test_all_run_is_no_line() -> None:
    assert [*skipped_lines([]), *deselected_lines([])] == []


@pytest.mark.parametrize("workers", ["0", "2"])
def test_it_is_the_end_of_what_pytest_prints(tmp_path: Path, workers: str) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-n", workers, "-m", "not e2e", "-p", "no:cacheprovider"]
    options = ["--rootdir", str(tmp_path), "-c", "/dev/null", "-o", f"pythonpath='{ROOT / 'tests'}'", str(tmp_path)]
    output = subprocess.run([*command, *options], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert output.splitlines()[-3:] == [
        "Not run, and what would change it:",
        "     4 tests that need helm: make tools",
        "     1 end-to-end tests on a cluster: make e2e",
    ]


def test_a_missing_program_skips_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOT_GATEWAY_REQUIRE_TOOLS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program is missing: put no-such-program on PATH"):
        tool("no-such-program")
    monkeypatch.setenv("BOT_GATEWAY_REQUIRE_TOOLS", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-program is missing"):
        tool("no-such-program")


def test_debian_s_packages_are_named() -> None:
    assert missing("postgres") == "postgres is missing: apt-get install postgresql"
    assert missing("promtool") == "promtool is missing: make tools"
