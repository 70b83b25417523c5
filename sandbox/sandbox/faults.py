"""Fault switches: make a service slow, failing or down, for everybody or for one client address.

A fault stands before the service's own code, so the service itself never knows. ``/metrics`` is spared: whoever
watches a broken service must still see its numbers. ``/healthz`` is not: a probing breaker must see the fault.
"""

import asyncio
import itertools
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import BaseModel, Field

SPARED_PATHS = frozenset({"/metrics"})

ServiceName = Literal["auth", "request", "user", "shift", "telegram"]
FaultKind = Literal["latency", "error", "down", "reset"]


class FaultSpec(BaseModel):
    """What is asked for.

    ``latency`` answers late, ``error`` answers with ``status``, ``down`` closes the connection, ``reset`` resets it.
    ``ratio`` is the share of calls that are hit, ``client`` the only peer address that is hit.
    """

    service: ServiceName
    kind: FaultKind
    latency_seconds: float = Field(3.0, ge=0)
    status: int = Field(500, ge=400, le=599)
    retry_after: int | None = Field(None, ge=0, description="Seconds; sent with an error where given.")
    ratio: float = Field(1.0, ge=0, le=1)
    client: str | None = None


class Fault(FaultSpec):
    """A fault in force, with the count of calls it hit."""

    id: str
    hits: int = 0


class FaultBoard:
    """The faults in force."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._faults: dict[str, Fault] = {}
        self._numbers = itertools.count(1)

    def add(self, spec: FaultSpec) -> Fault:
        """Put a fault in force."""
        fault = Fault(id=f"f{next(self._numbers)}", **spec.model_dump())
        self._faults[fault.id] = fault
        return fault

    def all(self) -> list[Fault]:
        """Return the faults in force, oldest first."""
        return list(self._faults.values())

    def remove(self, fault_id: str) -> bool:
        """Lift one fault; tell whether it was in force."""
        return self._faults.pop(fault_id, None) is not None

    def clear(self) -> int:
        """Lift all faults; return how many there were."""
        count = len(self._faults)
        self._faults.clear()
        return count

    def hit(self, service: ServiceName, client: str | None) -> list[Fault]:
        """Return the faults that strike this call, and count them."""
        struck = [
            fault
            for fault in self._faults.values()
            if fault.service == service
            and fault.client in (None, client)
            and (fault.ratio >= 1 or self._chance() < fault.ratio)
        ]
        for fault in struck:
            fault.hits += 1
        return struck


ErrorAnswer = Callable[[Fault], web.StreamResponse]


def faults_middleware(
    board: FaultBoard,
    service: ServiceName,
    error_answer: ErrorAnswer,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Middleware:
    """Return the middleware that strikes the calls of one service; ``error_answer`` words an error its way."""

    @web.middleware
    async def strike(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in SPARED_PATHS:
            return await handler(request)
        for fault in board.hit(service, request.remote):
            if fault.kind == "latency":
                await sleep(fault.latency_seconds)
            elif fault.kind == "error":
                return error_answer(fault)
            else:
                return _hang_up(request, reset=fault.kind == "reset")
        return await handler(request)

    return strike


def _hang_up(request: web.Request, *, reset: bool) -> web.StreamResponse:
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if reset and connection is not None:
            # Closing with a linger time of 0 makes the kernel send RST instead of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=500)  # never reaches the client: the connection is gone
