"""Traces of incidents: alert received, decided, acted, through the OpenTelemetry API.

An incident is one trace, although it lasts for many rounds and maybe restarts: its context is kept in the annotation
``traceparent`` of the Remediation, in the form of W3C Trace Context, and each later span is a child of it. Without an
exporter no span is recorded and no annotation written.
"""

import os
from collections.abc import Callable, Mapping
from datetime import datetime

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from remediator.api.policy import Policy
from remediator.api.remediation import Remediation

SERVICE_NAME = "bot-gateway-remediator"
_HEADER = "traceparent"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROPAGATOR = TraceContextTextMapPropagator()

_tracer = trace.get_tracer("remediator")


def configure_tracing(environment: Mapping[str, str] = os.environ) -> Callable[[], None]:
    """Export spans by OTLP over HTTP where the standard ``OTEL_*`` variables name an endpoint; return what ends it."""
    disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if disabled or environment.get("OTEL_TRACES_EXPORTER") == "none" or not any(map(environment.get, _ENDPOINTS)):
        return lambda: None
    # Imported only where they are used: they cost the operator 15 MB.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = environment.get("OTEL_SERVICE_NAME") or SERVICE_NAME
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.shutdown


def trace_opening(policy: Policy, remediation: Remediation) -> str:
    """Record the first span of an incident; return its ``traceparent``, or the empty string where none is recorded."""
    status = remediation.status
    began = min((alert.starts_at for alert in status.alerts), default=remediation.created_at)
    attributes = {
        "remediation.policy": str(policy.name),
        "remediation.name": str(remediation.name),
        "remediation.target": str(policy.spec.target_ref),
        "remediation.alert": status.alert_name,
    }
    span = _tracer.start_span("alert received", Context(), attributes=attributes, start_time=_nanoseconds(began))
    span.end()
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(span))
    return carrier.get(_HEADER, "")


def trace_step(remediation: Remediation, name: str, start: datetime, end: datetime, **attributes: str) -> None:
    """Record one decision or action as a child of the incident's first span."""
    if not remediation.traceparent:
        return
    parent = _PROPAGATOR.extract({_HEADER: remediation.traceparent})
    named = {f"remediation.{key}": value for key, value in attributes.items()}
    span = _tracer.start_span(name, parent, attributes=named, start_time=_nanoseconds(start))
    span.end(_nanoseconds(end))


def trace_id(remediation: Remediation) -> str:
    """Return the trace's id for people, or the empty string."""
    parts = remediation.traceparent.split("-")
    return parts[1] if len(parts) == 4 else ""


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
