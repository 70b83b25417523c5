"""Every row of docs/telegram-rules.md names a test that exists."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from support.tools import ROOT

PAGE = ROOT / "docs" / "telegram-rules.md"
CELLS = re.compile(r"(?<!\\)\|")
TEST = re.compile(r"`(?:(test_\w+\.py)::)?(test_\w+)`")


def rows() -> Iterator[tuple[str, str]]:
    """Return the rule and the tests of each row of each table."""
    header: list[str] = []
    for line in PAGE.read_text().splitlines():
        if not line.startswith("|"):
            header = []
            continue
        cells = [cell.strip() for cell in CELLS.split(line)[1:-1]]
        if not header:
            header = cells
            assert header[-1] == "test", f"the last column of the table is {header[-1]}"
        elif not set(line) <= set("|-"):
            assert len(cells) == len(header), line
            yield cells[0], cells[-1]


def defined_tests() -> Counter[tuple[str, str]]:
    """Return how many tests there are by file name and function; with an empty file name, in all files."""
    found: Counter[tuple[str, str]] = Counter()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found[path.name, node.name] += 1
                found["", node.name] += 1
    return found


TESTS = defined_tests()
ROWS = list(rows())


def test_the_tables_are_read() -> None:
    assert len(ROWS) > 50


@pytest.mark.parametrize(("rule", "named"), ROWS, ids=[rule for rule, _named in ROWS])
def test_a_rule_names_tests_that_exist(rule: str, named: str) -> None:
    found = TEST.findall(named)
    assert found, f"no test is named for: {rule}"
    assert {f"{file or 'any file'}: {name}": TESTS[file, name] for file, name in found} == {
        f"{file or 'any file'}: {name}": 1 for file, name in found
    }
