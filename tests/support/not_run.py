"""The last words of a test run: how many tests did not run, what they lack, and the command that would change it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

import pytest

LOCAL_SUITE = ("tests/integration/sandbox/", "tests/integration/gateway/")
"""Where the end-to-end tests are that need no cluster."""
_ALL_THAT_DEBIAN_HAS = "apt-get install chromium postgresql prometheus prometheus-alertmanager; scripts/e2e sandbox"
_DESELECTED = {
    True: ("end-to-end tests with a browser, PostgreSQL, Prometheus or Jaeger", _ALL_THAT_DEBIAN_HAS),
    False: ("end-to-end tests on a cluster", "make e2e"),
}
_MISSING = re.compile(r"(?:Skipped: )?(?P<what>.+?) is missing: (?P<command>.+)", re.DOTALL)


def deselected_lines(ids: Iterable[str]) -> list[str]:
    """One line for each kind of end-to-end test that was left out."""
    local = Counter(node_id.startswith(LOCAL_SUITE) for node_id in ids)
    return [_line(local[kind], *words) for kind, words in _DESELECTED.items() if local[kind]]


def skipped_lines(reasons: Iterable[str]) -> list[str]:
    """One line for each command that would let skipped tests run, and one for each other reason."""
    counts: Counter[str] = Counter()
    programs: defaultdict[str, set[str]] = defaultdict(set)
    for reason in reasons:
        found = _MISSING.fullmatch(reason)
        key = found["command"] if found else reason.removeprefix("Skipped: ")
        counts[key] += 1
        if found:
            programs[key].add(found["what"])
    return [
        _line(count, f"tests that need {', '.join(sorted(programs[key]))}", key)
        if programs[key]
        else _line(count, "tests", key)
        for key, count in counts.most_common()
    ]


def _line(count: int, what: str, command: str) -> str:
    return f"  {count:>4} {what}: {command}"


class NotRun:
    """The pytest plugin: collects in every worker, speaks in the process with the terminal."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._deselected: set[str] = set()

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Remember the end-to-end tests that `-m "not e2e"` left out."""
        self._deselected |= {item.nodeid for item in items if item.get_closest_marker("e2e")}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Take what a worker of pytest-xdist has collected; each collects the same."""
        self._deselected |= set(getattr(node, "workeroutput", {}).get("deselected", ()))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterable[None]:
        """Hand over what this worker collected, or say it after everything else."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:  # inside, pytest-xdist sends it
            output["deselected"] = sorted(self._deselected)
        result = yield
        terminal = session.config.pluginmanager.get_plugin("terminalreporter")
        if output is None and terminal is not None and not session.config.option.collectonly:
            self._speak(terminal)
        return result

    def _speak(self, terminal: pytest.TerminalReporter) -> None:
        reasons = [
            report.longrepr[2] for report in terminal.stats.get("skipped", []) if isinstance(report.longrepr, tuple)
        ]
        lines = skipped_lines(reasons)
        if "e2e" in self._config.option.markexpr:
            lines += deselected_lines(self._deselected)
        if lines:
            terminal.write_line("Not run, and what would change it:")
            for line in lines:
                terminal.write_line(line)
