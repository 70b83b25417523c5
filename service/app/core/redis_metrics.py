"""Counts and times every Redis call, by its operation (one of `REDIS_OPERATIONS`)."""

import functools
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import ParamSpec, TypeVar

from prometheus_client import Counter, Histogram

from app.core import metrics

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Measured:
    """Measures one `with` block; made by `measured`."""

    __slots__ = ("_failed", "_seconds", "_started", "_succeeded")

    def __init__(self, seconds: Histogram, succeeded: Counter, failed: Counter) -> None:
        self._seconds = seconds
        self._succeeded = succeeded
        self._failed = failed

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._seconds.observe(time.perf_counter() - self._started)
        (self._succeeded if exc_type is None else self._failed).inc()


# Bound once: looking the labels up costs more than counting.
_BOUND = {
    operation: (
        metrics.REDIS_OPERATION_DURATION_SECONDS.labels(operation),
        metrics.REDIS_OPERATIONS_TOTAL.labels(operation, "success"),
        metrics.REDIS_OPERATIONS_TOTAL.labels(operation, "error"),
    )
    for operation in metrics.REDIS_OPERATIONS
}


def measured(operation: str) -> Measured:
    """A context manager that counts and times the block as `operation`."""
    return Measured(*_BOUND[metrics.label_value(operation, metrics.REDIS_OPERATIONS)])


def measured_as(operation: str) -> Callable[[Callable[_P, Awaitable[_R]]], Callable[_P, Awaitable[_R]]]:
    """Count and time every call of a function that does nothing but call Redis, as `operation`."""

    def decorate(function: Callable[_P, Awaitable[_R]]) -> Callable[_P, Awaitable[_R]]:
        @functools.wraps(function)
        async def asking(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            with measured(operation):
                return await function(*args, **kwargs)

        return asking

    return decorate
