"""What one update moves, in parts that a test puts together."""

from __future__ import annotations

from support.metric_watch import Moves

MIDDLEWARES = ("metrics", "addressed", "i18n", "rate_limit", "auth", "guard")


def redis(operation: str, times: int = 1) -> Moves:
    """Calls of Redis that were answered."""
    return {
        f'redis_operations_total{{operation="{operation}",status="success"}}': times,
        f'redis_operation_duration_seconds_count{{operation="{operation}"}}': times,
    }


def update(
    kind: str,
    role: str,
    language: str = "ru",
    *,
    times: int = 1,
    outcome: str = "handled",
    middlewares: tuple[str, ...] = MIDDLEWARES,
) -> Moves:
    """What every update moves that comes through to a handler."""
    return {
        f'messages_total{{language="{language}",message_type="{kind}",user_role="{role}"}}': times,
        f'webhook_requests_total{{outcome="{outcome}"}}': times,
        "webhook_request_duration_seconds_count": times,
        "message_processing_duration_seconds_count": times,
        "update_end_to_end_duration_seconds_count": times,
        **{f'middleware_duration_seconds_count{{middleware="{name}"}}': times for name in middlewares},
        # A button has no date, so its first delivery is remembered beside the claim.
        **redis("claim", times * (2 if kind == "callback_query" else 1)),
        **redis("commit", times),
    }


def telegram(method: str, times: int = 1, *, status: str = "200") -> Moves:
    """Calls of the Bot API."""
    return {
        f'telegram_requests_total{{method="{method}",status="{status}"}}': times,
        f'telegram_request_duration_seconds_count{{method="{method}"}}': times,
    }


def service(name: str, method: str, status: str = "200", times: int = 1) -> Moves:
    """Calls of a backend."""
    return {
        f'service_requests_total{{method="{method}",service_name="{name}",status="{status}"}}': times,
        f'service_request_duration_seconds_count{{method="{method}",service_name="{name}"}}': times,
    }


def answered(times: int = 1) -> Moves:
    """A message to the user."""
    return telegram("sendMessage", times)


def changed() -> Moves:
    """A button's message changed and its waiting ended."""
    return {**telegram("editMessageText"), **telegram("answerCallbackQuery")}


def command(name: str, role: str) -> Moves:
    return {f'commands_total{{command="{name}",user_role="{role}"}}': 1}


def button(name: str, role: str) -> Moves:
    return {f'callbacks_total{{callback_type="{name}",user_role="{role}"}}': 1}


def action(name: str, role: str) -> Moves:
    return {f'user_actions_total{{action="{name}",user_role="{role}"}}': 1}


def step(before: str, after: str) -> Moves:
    """A dialogue's step."""
    return {f'fsm_state_transitions_total{{from_state="{before}",to_state="{after}"}}': 1}


def verified(role: str, result: str = "success", status: str = "200") -> Moves:
    """The Auth Service asked who this is."""
    return {
        f'auth_attempts_total{{result="{result}",user_role="{role}"}}': 1,
        **service("auth", "POST", status),
    }


def one(family: str, **labels: str) -> Moves:
    """One more of a counter."""
    inside = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return {f"{family}{{{inside}}}" if inside else family: 1}
