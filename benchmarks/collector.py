"""A trace collector that accepts and discards every batch, so that it is never the bottleneck."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc  # type: ignore[import-untyped]  # it has no annotations


class _AcceptAll(grpc.GenericRpcHandler):  # type: ignore[misc]  # as above
    def service(self, _details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"")


@contextmanager
def collector() -> Iterator[int]:
    """Serve OTLP over gRPC on a free local port and yield the port."""
    server = grpc.server(ThreadPoolExecutor(1), handlers=[_AcceptAll()])
    port: int = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()
