"""How many files a new role or backend touches: those that docs/how-to lists, and no enumeration besides them."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from app.core.closed_sets import Backend, Role

ROOT = Path(__file__).parents[4]
MOST_FILES = 8
SUFFIXES = {".py", ".js", ".html", ".yaml", ".json", ".tpl", ".lua"}
# Texts, tests, what `make generate` writes, and the backends that the sandbox simulates.
NO_CODE = re.compile(r"texts\.py$|/ci/|policy-tests|dashboards/.*\.json$|openapi/|/locales/|charts/sandbox")


def sources(*folders: str) -> Iterable[tuple[str, str]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in SUFFIXES and not NO_CODE.search(name):
                yield name, path.read_text("utf-8")


def listed(page: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs/how-to" / page).read_text("utf-8"), re.MULTILINE)


def names_role(text: str, role: str) -> bool:
    return re.search(rf"Role\.{role.upper()}\b|[\"']{role}[\"']|^ +{role}: \[", text, re.MULTILINE) is not None


def names_backend(text: str, name: str) -> bool:
    return (
        re.search(rf"Backend\.{name.upper()}\b|[\"']{name}[\"']|\b{name}Url\b|\b{name}_service_url\b", text) is not None
    )


@pytest.mark.parametrize(
    ("page", "members", "names", "folders"),
    [
        ("add-a-role.md", [*Role], names_role, ("service", "sandbox/sandbox", "charts", "grafana-dashboards/boards")),
        ("add-a-backend.md", [*Backend], names_backend, ("service", "charts", "grafana-dashboards/boards")),
    ],
    ids=["role", "backend"],
)
def test_a_new_member_touches_the_listed_files_and_no_others(
    page: str, members: list[str], names: Callable[[str, str], bool], folders: tuple[str, ...]
) -> None:
    files = listed(page)
    assert 0 < len(files) <= MOST_FILES
    missing = [name.replace("NAME", member) for name in files for member in members]
    assert [name for name in missing if not (ROOT / name).is_file()] == []
    every = {name for name, text in sources(*folders) if all(names(text, member) for member in members)}
    assert every <= set(files)
    assert len(every) >= 4
