"""Fault injection: make a service slow, failing or down, for every client or for one client address.

Faults are injected in a middleware before the service's own code. ``/metrics`` is exempt, because the metrics of a
failing service must stay visible. ``/healthz`` is not, because a probing circuit breaker must see the fault.
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

EXEMPT_PATHS = frozenset({"/metrics"})

ServiceName = Literal["auth", "request", "user", "shift", "telegram"]
FaultKind = Literal["latency", "error", "down", "reset"]


class FaultSpec(BaseModel):
    """A fault to inject.

    ``latency`` delays the response, ``error`` responds with ``status``, ``down`` closes the connection, ``reset``
    resets it. ``ratio`` is the share of affected calls; ``client`` limits the fault to one peer address.
    """

    service: ServiceName
    kind: FaultKind
    latency_seconds: float = Field(3.0, ge=0)
    status: int = Field(500, ge=400, le=599)
    retry_after: int | None = Field(None, ge=0, description="Seconds; sent with an error if set.")
    ratio: float = Field(1.0, ge=0, le=1)
    client: str | None = None


class Fault(FaultSpec):
    """An active fault; ``hits`` counts affected calls."""

    id: str
    hits: int = 0


class FaultRegistry:
    """The active faults."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._faults: dict[str, Fault] = {}
        self._numbers = itertools.count(1)

    def add(self, spec: FaultSpec) -> Fault:
        fault = Fault(id=f"f{next(self._numbers)}", **spec.model_dump())
        self._faults[fault.id] = fault
        return fault

    def all(self) -> list[Fault]:
        """Return the active faults, oldest first."""
        return list(self._faults.values())

    def remove(self, fault_id: str) -> bool:
        """Remove one fault; return whether it was active."""
        return self._faults.pop(fault_id, None) is not None

    def clear(self) -> int:
        """Remove all faults; return how many there were."""
        count = len(self._faults)
        self._faults.clear()
        return count

    def matching(self, service: ServiceName, client: str | None) -> list[Fault]:
        """Return the faults that affect this call, and count the hits."""
        matching = [
            fault
            for fault in self._faults.values()
            if fault.service == service
            and fault.client in (None, client)
            and (fault.ratio >= 1 or self._chance() < fault.ratio)
        ]
        for fault in matching:
            fault.hits += 1
        return matching


ErrorResponseBuilder = Callable[[Fault], web.StreamResponse]


def faults_middleware(
    faults: FaultRegistry,
    service: ServiceName,
    error_response: ErrorResponseBuilder,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Middleware:
    """Return the middleware that injects faults into one service; ``error_response`` builds its error format."""

    @web.middleware
    async def inject(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in EXEMPT_PATHS:
            return await handler(request)
        for fault in faults.matching(service, request.remote):
            if fault.kind == "latency":
                await sleep(fault.latency_seconds)
            elif fault.kind == "error":
                return error_response(fault)
            else:
                return drop_connection(request, reset=fault.kind == "reset")
        return await handler(request)

    return inject


def drop_connection(request: web.Request, *, reset: bool = False) -> web.Response:
    """Close the connection without a response, or reset it."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if reset and connection is not None:
            # Closing with a linger time of 0 makes the kernel send RST instead of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=500)  # never reaches the client: the connection is gone
