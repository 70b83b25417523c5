"""A collector of traces that takes whatever comes and looks at nothing, so that it never is the bottleneck."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc  # type: ignore[import-untyped]  # it has no annotations


class _TakesAll(grpc.GenericRpcHandler):  # type: ignore[misc]  # as above
    def service(self, _details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"")


@contextmanager
def collector() -> Iterator[int]:
    """OTLP by gRPC on a free port of this machine, which it yields."""
    server = grpc.server(ThreadPoolExecutor(1), handlers=[_TakesAll()])
    port: int = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()
