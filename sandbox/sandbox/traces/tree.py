"""Renders a trace as an indented tree."""

import re

from sandbox.traces.receiver import Span

STATEMENT_LENGTH = 60
_DATABASES = {"postgresql": "PostgreSQL", "sqlite": "SQLite", "redis": "Redis"}


def trace_tree(spans: list[Span]) -> str:
    """Return the tree of one trace, one line per span, children ordered by start.

    Client span and server span of a backend call share one line.
    """
    known = {span.span_id for span in spans}
    children: dict[str, list[Span]] = {}
    roots = []
    for span in sorted(spans, key=lambda span: span.start_ns):
        if span.parent_id in known:
            children.setdefault(span.parent_id, []).append(span)
        else:
            roots.append(span)
    lines: list[str] = []
    for root in roots:
        lines.append(_label(root, root=True))
        _append_children(lines, root, children, "")
    return "\n".join(lines)


def _append_children(lines: list[str], parent: Span, children: dict[str, list[Span]], indent: str) -> None:
    below = _visible_children(parent, children)
    for number, span in enumerate(below):
        last = number == len(below) - 1
        lines.append(f"{indent}{'└─' if last else '├─'} {_label(span)}")
        _append_children(lines, span, children, indent + ("   " if last else "│  "))


def _visible_children(parent: Span, children: dict[str, list[Span]]) -> list[Span]:
    found: list[Span] = []
    for span in children.get(parent.span_id, []):
        if span.is_server and span.service != parent.service:
            found.extend(_visible_children(span, children))
        else:
            found.append(span)
    return found


def _label(span: Span, *, root: bool = False) -> str:
    name = span.name
    system = str(span.attributes.get("db.system") or span.attributes.get("db.system.name") or "")
    statement = str(span.attributes.get("db.statement") or span.attributes.get("db.query.text") or "")
    if statement and system in _DATABASES and system != "redis":
        name = f"{_DATABASES[system]}: {_shortened(statement)}"
    elif root and ":" not in name:
        name = f"{span.service.removesuffix(' Service')}: {name}"
    return f"{name} [{span.milliseconds:.0f}ms]{' FAILED' if span.failed else ''}"


def _shortened(statement: str) -> str:
    """Return a statement on one line without its column list, so that the table stays visible."""
    one_line = re.sub(r"^SELECT .*? FROM ", "SELECT … FROM ", " ".join(statement.split()))
    return one_line if len(one_line) <= STATEMENT_LENGTH else f"{one_line[: STATEMENT_LENGTH - 1]}…"
