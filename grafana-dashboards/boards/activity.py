"""Panels of the overview on what users do with the bot and what they achieve."""

from boards import alerts, colours
from boards.families import rate_by, rates
from boards.links import runbook
from boards.panels import AnyPanel, Query, graph
from boards.queries import agreed, per_second, series

COMMANDS = (
    *("start", "requests", "newrequest", "shifts", "myshifts"),
    *("availability", "admin", "help", "language", "cancel"),
)
BUTTONS = (
    *("request_list", "request_open", "request_dialog", "request_category", "request_status"),
    *("shift_list", "shift_act", "availability", "admin_menu", "language"),
)


def traffic() -> list[AnyPanel]:
    """What users do: messages, sessions, commands, buttons, dialogues."""
    return [
        graph(
            "Message rate by type and role",
            "Messages per second by type and role. A type or role that disappears points to a client or to Auth.",
            [
                Query(
                    per_second("bot_gateway_messages_total", "message_type", "user_role"),
                    "{{message_type}} from {{user_role}}",
                )
            ],
            "reqps",
            legend_right=True,
            stacked=True,
            series_colours={f"/ {role}$/": colour for role, colour in colours.ROLES.items()},
        ),
        graph(
            "FSM state transitions",
            "Steps of the dialogues per second. Users abandon a dialogue at a step that has entries but no exits.",
            [
                Query(
                    per_second("bot_gateway_fsm_state_transitions_total", "from_state", "to_state"),
                    "{{from_state}} → {{to_state}}",
                )
            ],
            "ops",
            legend_right=True,
            # NewRequestDialog:photos → NewRequestDialog:confirm reads as NewRequest: photos → confirm.
            renamed=[("/Dialog:/g", ": "), (r"/^(\w+: )(\w+ → )\1/", "$1$2")],
        ),
        graph(
            "Active sessions and FSM sessions",
            "Users with a session, and those with an open dialogue (FSM). Every replica reads both numbers from Redis,"
            " so the panel shows the largest. The line is ExcessiveFSMSessions; zero sessions is NoActiveSessions.",
            [
                Query(agreed("bot_gateway_active_sessions"), "active sessions"),
                Query(agreed("bot_gateway_active_fsm_sessions"), "FSM sessions"),
            ],
            "short",
            span=8,
            series_colours=colours.identities("active sessions", "FSM sessions"),
            alerts=[alerts.EXCESSIVE_FSM_SESSIONS],
            links=[runbook(alerts.NO_ACTIVE_SESSIONS)],
        ),
        rate_by(
            "Command execution rate",
            "Commands of users per second.",
            "bot_gateway_commands_total",
            "command",
            COMMANDS,
            span=8,
        ),
        rate_by(
            "Callback query rate",
            "Button presses per second, by purpose.",
            "bot_gateway_callbacks_total",
            "callback_type",
            BUTTONS,
            span=8,
        ),
    ]


def business() -> list[AnyPanel]:
    """What users achieve: requests, shifts, administration, and the number of users."""
    users = "bot_gateway_active_users"
    return [
        graph(
            "Active users",
            "Users who were active within the last 5 minutes, hour and day.",
            [Query(f"max by (window) (sum by (pod, window) ({series(users)}))", "last {{window}}")],
            "short",
            series_colours=colours.identities("last 5m", "last 1h", "last 24h"),
            span=6,
        ),
        rates(
            "Requests",
            "Maintenance requests created, updated and viewed through the bot.",
            {
                "created": "bot_gateway_requests_created_total",
                "updated": "bot_gateway_requests_updated_total",
                "viewed": "bot_gateway_requests_viewed_total",
            },
            span=6,
        ),
        rates(
            "Shifts",
            "Shifts taken, released and viewed, and changes of availability.",
            {
                "taken": "bot_gateway_shifts_taken_total",
                "released": "bot_gateway_shifts_released_total",
                "viewed": "bot_gateway_shifts_viewed_total",
                "availability": "bot_gateway_availability_updates_total",
            },
            span=6,
        ),
        graph(
            "Administration",
            "Actions, searches and broadcasts of managers and admins, and status notifications to residents.",
            [
                Query(per_second("bot_gateway_admin_actions_total"), "actions"),
                Query(per_second("bot_gateway_admin_searches_total"), "searches"),
                Query(per_second("bot_gateway_broadcasts_sent_total"), "broadcasts"),
                Query(per_second("bot_gateway_notifications_total", "result"), "notifications: {{result}}"),
            ],
            "ops",
            series_colours={
                **colours.identities("actions", "searches", "broadcasts", "notifications: sent"),
                "notifications: failed": colours.WARNING,
            },
            span=6,
        ),
    ]
