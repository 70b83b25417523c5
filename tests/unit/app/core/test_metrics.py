import re

import pytest
from prometheus_client import generate_latest

from app.core import metrics
from app.core.metric_family import FAMILIES, REGISTRY, label_value

NAMES_OF_THE_SEED = (
    *("messages_total", "message_processing_duration_seconds", "commands_total", "callbacks_total"),
    *(
        "fsm_state_transitions_total",
        "active_fsm_sessions",
        "errors_total",
        "exceptions_total",
        "middleware_duration_seconds",
    ),
    *("event_loop_lag_seconds", "service_requests_total", "service_request_duration_seconds", "service_errors_total"),
    *("service_circuit_breaker_state", "auth_attempts_total", "active_sessions", "session_duration_seconds"),
    *("rate_limit_hits_total", "rate_limit_blocks_total", "redis_operations_total", "redis_operation_duration_seconds"),
    *("redis_connection_pool_size", "memory_usage_bytes", "cpu_usage_percent", "requests_created_total"),
    *("requests_viewed_total", "requests_updated_total", "shifts_viewed_total", "shifts_taken_total"),
    *("shifts_released_total", "availability_updates_total", "admin_actions_total", "admin_searches_total"),
    *("broadcasts_sent_total", "broadcast_recipients", "active_users", "user_actions_total"),
)
RESERVED = {"service", "namespace", "pod", "job", "instance", "endpoint", "container", "le"}


def test_every_name_of_the_seed_is_there() -> None:
    names = {family.name for family in FAMILIES}
    assert {f"bot_gateway_{name}" for name in NAMES_OF_THE_SEED} <= names


def test_there_are_more_than_fifty_families() -> None:
    assert len({family.name for family in FAMILIES}) > 50


def test_a_constant_is_named_as_its_family() -> None:
    for family in FAMILIES:
        assert hasattr(metrics, family.name.removeprefix("bot_gateway_").upper())


def test_no_label_is_one_that_prometheus_attaches() -> None:
    assert [family.name for family in FAMILIES if RESERVED & set(family.labels)] == []


def test_a_family_says_what_it_is_and_how_to_aggregate_it() -> None:
    for family in FAMILIES:
        assert family.help.endswith(".")
        assert family.aggregate


@pytest.mark.parametrize(
    ("family", "bounds"),
    [
        ("message_processing_duration_seconds", {2, 5}),
        ("service_request_duration_seconds", {10, 15, 20}),
        ("event_loop_lag_seconds", {0.1, 0.25}),
        ("redis_operation_duration_seconds", {0.1, 0.25}),
    ],
)
def test_thresholds_of_alerts_are_bounds_with_one_above(family: str, bounds: set[float]) -> None:
    histogram = getattr(metrics, family.upper())
    assert bounds <= set(histogram._upper_bounds)


def test_what_alerts_watch_is_there_from_the_start() -> None:
    metrics.initialise()
    text = generate_latest(REGISTRY).decode()
    for line in (
        'errors_total{error_type="invalid_update",severity="warning"}',
        'service_errors_total{error_type="timeout",service_name="auth"}',
        'auth_attempts_total{result="failure",user_role="unknown"}',
        'rate_limit_blocks_total{user_role="applicant"}',
        'webhook_requests_total{outcome="failed"}',
        'service_circuit_breaker_state{service_name="shift"}',
    ):
        assert re.search(rf"^bot_gateway_{re.escape(line)} \d", text, re.MULTILINE), line


def test_the_families_of_the_client_library_are_exported() -> None:
    text = generate_latest(REGISTRY).decode()
    for name in ("process_start_time_seconds", "process_open_fds", "process_cpu_seconds_total", "python_info"):
        assert re.search(rf"^{name}(\{{.*\}})? \d", text, re.MULTILINE), name


def test_an_unknown_value_becomes_other() -> None:
    assert label_value("auth", metrics.SERVICES) == "auth"
    assert label_value("x" * 100, metrics.SERVICES) == "other"
    assert label_value(None, metrics.SERVICES) == "other"
