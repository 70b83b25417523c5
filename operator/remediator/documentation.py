"""Writes the tables of docs/remediation.md from the code: ``python -m remediator.documentation docs/remediation.md``.

Each table stands between ``<!-- NAME -->`` and ``<!-- /NAME -->``; the words around them are a person's.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from remediator.api.reasons import Reason, Use
from remediator.rbac import NAMESPACED_RULES


def reasons() -> Iterator[str]:
    """Yield the lines of the table of reason codes, in the order in which an incident meets them."""
    yield "| what it explains | code | meaning |"
    yield "|---|---|---|"
    for use in Use:
        for reason in Reason:
            if reason.use is use:
                yield f"| {use} | `{reason.value}` | {reason.meaning} |"


def rights() -> Iterator[str]:
    """Yield the lines of the table of the Role's rules."""
    yield "| group | resources | verbs | for |"
    yield "|---|---|---|---|"
    for rule in NAMESPACED_RULES:
        group = f"`{rule.group}`" if rule.group else "core"
        resources = ", ".join(f"`{resource}`" for resource in rule.resources)
        yield f"| {group} | {resources} | {', '.join(rule.verbs)} | {rule.why} |"


TABLES: dict[str, Callable[[], Iterator[str]]] = {"reasons": reasons, "rights": rights}


def with_tables(page: str, tables: Mapping[str, Callable[[], Iterable[str]]] = TABLES) -> str:
    """Return the page with every table as the code has it.

    Raises:
        ValueError: when the page lacks one of the marks of a table.
    """
    for name, table in tables.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = page.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"the page has no table between {begin} and {end}")
        page = "\n".join((f"{before}{begin}", *table(), f"{end}{after}"))
    return page


def main() -> None:
    """Bring the page that is given up to date."""
    path = Path(sys.argv[1])
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
