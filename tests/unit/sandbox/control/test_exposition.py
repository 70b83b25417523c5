"""One gateway's own metrics as the page's numbers."""

from sandbox.control.exposition import parse_gateway_metrics

EXPOSITION = """\
# TYPE bot_gateway_messages_total counter
bot_gateway_messages_total{message_type="text",user_role="applicant",language="ru"} 3
bot_gateway_messages_total{message_type="photo",user_role="applicant",language="ru"} 1
# TYPE bot_gateway_message_processing_duration_seconds histogram
bot_gateway_message_processing_duration_seconds_bucket{le="0.1"} 2
bot_gateway_message_processing_duration_seconds_bucket{le="1.0"} 4
bot_gateway_message_processing_duration_seconds_bucket{le="+Inf"} 4
# TYPE bot_gateway_service_circuit_breaker_state gauge
bot_gateway_service_circuit_breaker_state{service_name="auth"} 1
bot_gateway_service_circuit_breaker_state{service_name="user"} 0
"""


def test_numbers() -> None:
    numbers = parse_gateway_metrics(EXPOSITION)
    assert numbers["messages"] == 4
    assert numbers["buckets"] == [[0.1, 2], [1.0, 4]]
    assert numbers["handled"] == 4
    assert numbers["breakers"] == {"auth": 1, "user": 0}
