"""What the tests ask about a panel's PromQL: its selectors, what stands around them, the labels that are left."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import promql_parser as parser

RATE_INTERVAL = timedelta(seconds=296)
"""What `$__rate_interval` becomes before parsing; no panel writes this range itself."""

PLACEHOLDERS = {
    "$__rate_interval": f"{RATE_INTERVAL.seconds}s",
    "$__range": "3600s",
    "$__interval": "15s",
    "$namespace": "NAMESPACE",
    "$job": "JOB",
    "$pod": "POD",
    "$service": "SERVICE",
    "$latency_bound": "BOUND",
}


@dataclass(frozen=True)
class Selector:
    """One selector of an expression; `around` are the names of what encloses it, innermost first."""

    metric: str
    matchers: Mapping[str, tuple[str, str]]
    range: timedelta | None
    offset: timedelta | None
    around: tuple[str, ...]


def expand(expression: str, variables: Mapping[str, str] = PLACEHOLDERS) -> str:
    """The expression with Grafana's variables replaced, as the data source does; `$1` is label_replace's own."""
    for name, value in variables.items():
        expression = expression.replace(name, value).replace(f"${{{name[1:]}}}", value)
    if left := re.search(r"\$[^\W\d]\w*|\$\{\w+", expression):
        raise ValueError(f"unknown variable {left.group()} in {expression}")
    return expression


def parse(expression: str) -> parser.Expr:
    """The syntax tree. Raises ValueError when the expression is not PromQL."""
    return parser.parse(expand(expression))


def selectors(node: parser.Expr, around: tuple[str, ...] = ()) -> Iterator[Selector]:
    """Every selector below `node`."""
    if isinstance(node, parser.MatrixSelector):
        yield _selector(node.vector_selector, node.range, around)
    elif isinstance(node, parser.VectorSelector):
        yield _selector(node, None, around)
    for child, name in _children(node):
        yield from selectors(child, (name, *around) if name else around)


def grouped_by(node: parser.Expr) -> Iterator[tuple[set[str], set[str]]]:
    """For each aggregation: the labels that it names, and the metrics below it."""
    if isinstance(node, parser.AggregateExpr) and node.modifier is not None:
        yield set(node.modifier.labels), {selector.metric for selector in selectors(node)}
    for child, _ in _children(node):
        yield from grouped_by(child)


def labels_left(node: parser.Expr, known: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The labels that the result's series carry, `known` being the labels of each metric."""
    match node:
        case parser.MatrixSelector():
            return known[_metric(node.vector_selector)]
        case parser.VectorSelector():
            return known[_metric(node)]
        case parser.AggregateExpr():
            return frozenset(node.modifier.labels) if node.modifier is not None else frozenset()
        case parser.Call():
            inner = frozenset[str]().union(*(labels_left(argument, known) for argument in node.args))
            return inner - {"le"} if node.func.name == "histogram_quantile" else inner
        case parser.BinaryExpr():
            left, right = labels_left(node.lhs, known), labels_left(node.rhs, known)
            return left or right
        case parser.ParenExpr() | parser.UnaryExpr() | parser.SubqueryExpr():
            return labels_left(node.expr, known)
    return frozenset()


def _metric(node: parser.VectorSelector) -> str:
    if node.name is None:
        raise ValueError(f"a selector without a metric's name: {node.prettify()}")
    return node.name


def _selector(node: parser.VectorSelector, window: timedelta | None, around: tuple[str, ...]) -> Selector:
    matchers = {matcher.name: (str(matcher.op), matcher.value) for matcher in node.matchers.matchers}
    return Selector(_metric(node), matchers, window, node.offset, around)


def _children(node: parser.Expr) -> Iterator[tuple[parser.Expr, str]]:
    match node:
        case parser.AggregateExpr():
            yield node.expr, str(node.op)
        case parser.Call():
            yield from ((argument, node.func.name) for argument in node.args)
        case parser.BinaryExpr():
            yield node.lhs, ""
            yield node.rhs, ""
        case parser.ParenExpr() | parser.UnaryExpr() | parser.SubqueryExpr():
            yield node.expr, ""
