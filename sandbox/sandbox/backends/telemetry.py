"""Traces and metrics of a backend."""

import time
import warnings

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.aiohttp_server import AioHttpServerInstrumentor, create_aiohttp_middleware
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

UNTRACED_PATHS = frozenset({"/healthz", "/metrics"})
EXPORT_DELAY_MS = 500
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20)


class BackendMetrics:
    """The metrics of one backend, in a separate registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.requests = Counter(
            "backend_requests_total", "Requests by route and status.", ["method", "route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.duration = Histogram(
            "backend_request_duration_seconds", "Seconds from request to response.", ["method", "route"],
            registry=self.registry, buckets=BUCKETS,
        )  # fmt: skip
        self.replays = Counter(
            "backend_idempotent_replays_total", "Writes answered with a stored response.", registry=self.registry
        )
        self.notifications = Counter(
            "backend_notifications_total", "Notifications to the gateway by result.", ["result"], registry=self.registry
        )

    async def exposition(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Serve /metrics."""
        return web.Response(body=generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def middleware(self) -> Middleware:
        """Return the middleware that counts and times requests."""

        @web.middleware
        async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
            resource = request.match_info.route.resource
            route = resource.canonical if resource is not None else "unknown"
            started = time.perf_counter()
            status = "aborted"
            try:
                response = await handler(request)
                status = str(response.status)
            except web.HTTPException as error:
                status = str(error.status)
                raise
            else:
                return response
            finally:
                self.requests.labels(request.method, route, status).inc()
                self.duration.labels(request.method, route).observe(time.perf_counter() - started)

        return measure


def otlp_processor(endpoint: str) -> SpanProcessor:
    """Return the processor that sends spans to an OTLP gRPC address such as ``http://jaeger:4317``."""
    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=not endpoint.startswith("https://"))
    return BatchSpanProcessor(exporter, schedule_delay_millis=EXPORT_DELAY_MS)


def tracer_provider(service_name: str, processor: SpanProcessor) -> TracerProvider:
    """Return a provider that records what the caller sampled; a backend starts no traces itself."""
    provider = TracerProvider(
        resource=Resource.create({SERVICE_NAME: service_name}),
        sampler=ParentBased(ALWAYS_OFF),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(processor)
    return provider


def tracing_middleware(provider: TracerProvider) -> Middleware:
    """Return OpenTelemetry's aiohttp middleware for one application."""
    # The middleware reads module globals that only instrument() sets; instrument() also swaps web.Application, which
    # is undone at once because each backend reports to its own provider.
    instrumentor = AioHttpServerInstrumentor()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # aiohttp's, of that subclass of web.Application
        instrumentor.instrument()
    instrumentor.uninstrument()
    traced: Middleware = create_aiohttp_middleware(tracer_provider=provider)

    @web.middleware
    async def trace(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in UNTRACED_PATHS:
            return await handler(request)
        response: web.StreamResponse = await traced(request, handler)
        return response

    return trace
