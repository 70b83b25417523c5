"""Traces of incidents: one trace from the alert to the last action, found again from the Remediation."""

from datetime import UTC, datetime

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer

from remediator import tracing
from remediator.api.names import TRACEPARENT_ANNOTATION
from remediator.api.remediation import Remediation
from remediator.explain import describe
from support.incident import SimulatedTarget, make_policy

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("remediator"))
    return exporter


def opened() -> Remediation:
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.settle()
    return target.last


def stored(remediation: Remediation) -> Remediation:
    """Go through the API server's object, as after a restart."""
    body = remediation.to_object(policy_uid="p")
    body["metadata"] |= {"uid": "u", "resourceVersion": "1", "creationTimestamp": remediation.created_at.isoformat()}
    return Remediation.from_object(body)


def test_the_spans_of_an_incident_are_one_trace_also_after_a_restart(exported: InMemorySpanExporter) -> None:
    remediation = opened()
    parent = tracing.trace_opening(make_policy(), remediation)
    again = stored(remediation.model_copy(update={"traceparent": parent}))
    tracing.trace_step(again, "decided", MOMENT, MOMENT, reason="MinorityAffected")
    tracing.trace_step(again, "acted", MOMENT, MOMENT, action="RestartPods")
    first, decided, acted = exported.get_finished_spans()
    assert [span.name for span in (first, decided, acted)] == ["alert received", "decided", "acted"]
    assert {span.context.trace_id for span in (first, decided, acted)} == {int(tracing.trace_id(again), 16)}
    assert decided.parent is not None
    assert decided.parent.span_id == first.context.span_id
    assert (decided.attributes or {})["remediation.reason"] == "MinorityAffected"
    assert f"Trace {tracing.trace_id(again)}." in list(describe(again))


def test_without_an_exporter_nothing_is_annotated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_tracer", NoOpTracer())
    remediation = opened()
    assert tracing.trace_opening(make_policy(), remediation) == ""
    assert TRACEPARENT_ANNOTATION not in str(remediation.to_object(policy_uid="p"))


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_tracing_is_off_unless_an_endpoint_is_named(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing.trace, "set_tracer_provider", lambda _provider: pytest.fail("a provider was set"))
    tracing.configure_tracing(environment)()


def test_an_endpoint_switches_tracing_on(monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[TracerProvider] = []
    monkeypatch.setattr(tracing.trace, "set_tracer_provider", installed.append)
    tracing.configure_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SERVICE_NAME": "mine"})()
    assert installed[0].resource.attributes["service.name"] == "mine"
