"""Every user's action with exactly what it moves; `world` and `watch` are those of test_every_metric."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.metric_moves import (
    action,
    answered,
    button,
    changed,
    command,
    one,
    redis,
    service,
    step,
    telegram,
    update,
    verified,
)
from support.metric_watch import MetricWatch, Moves

APPLICANT, UZBEK, EXECUTOR, ADMIN, STRANGER = 1001, 1002, 2003, 4001, 5001
Act = Callable[[], object]


class Acts:
    """What users do, each as an act that is yet to be done."""

    def __init__(self, world: Any) -> None:
        self._world = world

    def say(self, user: int, text: str) -> Act:
        return lambda: self._world.users.say(user, text)

    def photos(self, user: int, count: int) -> Act:
        return lambda: self._world.users.send_photos(user, count)

    def contact(self, user: int, phone: str) -> Act:
        return lambda: self._world.users.send_contact(user, phone)

    def place(self, user: int) -> Act:
        return lambda: self._world.users.send_location(user, 41.3, 69.2)

    def edit(self, user: int, text: str) -> Act:
        return lambda: self._world.users.edit(user, self._last(user, from_bot=False).message_id, text)

    def press(self, user: int, data: str) -> Act:
        """Press a button of the bot's last message, whatever its buttons really are."""
        return lambda: self._world.users.press(user, self._last(user, from_bot=True).message_id, data)

    def press_shown(self, user: int, prefix: str, end: str = "") -> Act:
        """Press the first button shown under the bot's last message whose data begins and ends like this."""

        def press() -> None:
            message = self._last(user, from_bot=True)
            rows = message.content["reply_markup"]["inline_keyboard"]
            data = next(b["callback_data"] for row in rows for b in row if _is_like(b["callback_data"], prefix, end))
            self._world.users.press(user, message.message_id, data)

        return press

    def _last(self, user: int, *, from_bot: bool) -> Any:
        messages = self._world.sandbox.telegram.chats.private(user).messages.values()
        return max((m for m in messages if m.from_bot is from_bot), key=lambda message: message.seq)


def _is_like(data: str, prefix: str, end: str) -> bool:
    return data.startswith(f"{prefix}:") and data.endswith(end)


def pressed(name: str, role: str, language: str = "ru") -> tuple[Moves, ...]:
    """A button that changed its message."""
    return (update("callback_query", role, language), button(name, role), changed())


def said(kind: str, role: str, language: str = "ru", answers: int = 1) -> tuple[Moves, ...]:
    """A message that was answered."""
    return (update(kind, role, language), answered(answers))


async def applicant_files_a_request(acts: Acts, watch: MetricWatch) -> None:
    who, role, dialog = APPLICANT, "applicant", "NewRequestDialog"
    start = (*said("command", role), command("start", role), action("start", role))
    await watch.exactly(acts.say(who, "/start"), *start, verified(role))
    await watch.exactly(acts.say(who, "/help"), *said("command", role), command("help", role), action("help", role))
    await watch.exactly(
        acts.say(who, "/newrequest"),
        *(*said("command", role), command("newrequest", role), action("new_request", role)),
        step("none", f"{dialog}:category"),
    )
    await watch.exactly(
        acts.press(who, "nrc:plumbing"),
        *pressed("request_category", role),
        step(f"{dialog}:category", f"{dialog}:address"),
    )
    await watch.exactly(acts.place(who), *said("location", role), step(f"{dialog}:address", f"{dialog}:description"))
    await watch.exactly(
        acts.say(who, "The tap leaks"), *said("text", role), step(f"{dialog}:description", f"{dialog}:photos")
    )
    await watch.exactly(acts.edit(who, "The tap leaks badly"), *said("edited_message", role))
    # An album is answered once.
    await watch.exactly(acts.photos(who, 3), update("album", role, times=3), answered())
    await watch.exactly(acts.photos(who, 1), *said("photo", role))
    await watch.exactly(
        acts.press(who, "nr:photos"), *pressed("request_dialog", role), step(f"{dialog}:photos", f"{dialog}:confirm")
    )
    await watch.exactly(acts.press(who, "nr:urgency"), *pressed("request_dialog", role))
    await watch.exactly(
        acts.press(who, "nr:confirm"),
        *(*pressed("request_dialog", role), action("create_request", role), service("request", "POST", "201")),
        *(step(f"{dialog}:confirm", "none"), one("requests_created_total", category="plumbing")),
    )


async def applicant_looks_after_it(acts: Acts, watch: MetricWatch) -> None:
    who, role = APPLICANT, "applicant"
    await watch.exactly(
        acts.say(who, "/requests"),
        *(*said("command", role), command("requests", role), action("list_requests", role)),
        *(redis("profile", 2), service("user", "GET"), service("request", "GET")),
        one("requests_viewed_total", view="list"),
    )
    await watch.exactly(
        acts.press_shown(who, "ro"),
        *(*pressed("request_open", role), action("open_request", role), service("request", "GET")),
        one("requests_viewed_total", view="details"),
    )
    await watch.exactly(
        acts.press_shown(who, "rc"), *pressed("request_comment", role), step("none", "CommentDialog:text")
    )
    await watch.exactly(
        acts.say(who, "It leaks more"),
        *(*said("text", role), action("comment_request", role), service("request", "POST", "201")),
        step("CommentDialog:text", "none"),
    )
    await watch.exactly(
        acts.say(who, "/requests"),
        *(*said("command", role), command("requests", role), action("list_requests", role)),
        *(redis("profile"), service("request", "GET"), one("requests_viewed_total", view="list")),
    )
    await watch.exactly(
        acts.press_shown(who, "ro"),
        *(*pressed("request_open", role), action("open_request", role), service("request", "GET")),
        one("requests_viewed_total", view="details"),
    )
    await watch.exactly(
        acts.press_shown(who, "rm", ":cancelled"),
        *(*pressed("request_status", role), action("update_request", role), service("request", "PATCH")),
        one("requests_updated_total", status="cancelled"),
    )


async def everybody_s_other_actions(acts: Acts, watch: MetricWatch) -> None:
    who, role = APPLICANT, "applicant"
    await watch.exactly(acts.say(who, "/nope"), *said("command", role), command("other", role))
    stale = (update("callback_query", role), telegram("answerCallbackQuery"))
    await watch.exactly(acts.press(who, "zz:1"), *stale, button("other", role))
    await watch.exactly(acts.say(who, "/language"), *said("command", role), command("language", role))
    await watch.exactly(
        acts.press(who, "lang:en"),
        *(*pressed("language", role), action("set_language", role)),
        *(service("auth", "POST"), service("user", "PATCH")),
    )
    english = said("command", role, "en")
    await watch.exactly(acts.say(who, "/cancel"), *english, command("cancel", role), action("cancel", role))
    forget = (*said("command", role, "uz"), command("forget", role))
    await watch.exactly(acts.say(UZBEK, "/forget"), *forget, verified(role))
    await watch.exactly(
        acts.press(UZBEK, "fg:1"),
        *(*pressed("forget", role, "uz"), action("forget", role), service("user", "DELETE"), redis("profile")),
        redis("dead_letters"),
    )
    unknown = verified("unknown", "failure", "404")
    greeting = (*said("command", "unknown"), command("start", "unknown"), action("start", "unknown"))
    await watch.exactly(acts.say(STRANGER, "/start"), *greeting, unknown)
    await watch.exactly(
        acts.contact(STRANGER, "+998900005001"),
        *(*said("contact", "unknown"), action("link", "unknown"), unknown, service("auth", "POST")),
    )


async def executor_s_shifts(acts: Acts, watch: MetricWatch) -> None:
    who, role, own = EXECUTOR, "executor", {"specialization": "heating"}
    spoken = said("command", role, "en")
    await watch.exactly(
        acts.say(who, "/shifts"),
        *(*spoken, command("shifts", role), action("list_shifts", role), verified(role)),
        *(service("shift", "GET"), one("shifts_viewed_total", **own)),
    )
    acted = (*pressed("shift_act", role, "en"), action("act_on_shift", role), service("shift", "POST"))
    await watch.exactly(acts.press_shown(who, "sa", ":take"), *acted, one("shifts_taken_total", **own))
    await watch.exactly(
        acts.say(who, "/myshifts"),
        *(*spoken, command("myshifts", role), action("list_own_shifts", role)),
        *(service("shift", "GET"), one("shifts_viewed_total", specialization="all")),
    )
    await watch.exactly(acts.press_shown(who, "sa", ":release"), *acted, one("shifts_released_total", **own))
    await watch.exactly(
        acts.press(who, "sl:open::1"),
        *(*pressed("shift_list", role, "en"), action("list_shifts", role)),
        *(service("shift", "GET"), one("shifts_viewed_total", specialization="all")),
    )
    await watch.exactly(acts.say(who, "/availability"), *spoken, command("availability", role))
    for data, value in (("av:0", "false"), ("av:1", "true")):
        await watch.exactly(
            acts.press(who, data),
            *(*pressed("availability", role, "en"), action("set_availability", role), service("shift", "PUT")),
            one("availability_updates_total", available=value),
        )


async def admin_s_panel(acts: Acts, watch: MetricWatch) -> None:
    who, role = ADMIN, "admin"
    menu = (*said("command", role), command("admin", role), action("admin_menu", role))
    await watch.exactly(acts.say(who, "/admin"), *menu, verified(role))
    for kind, moves in (("requests", (one("requests_viewed_total", view="search"),)), ("users", ())):
        await watch.exactly(
            acts.press(who, f"ad:{kind}"), *pressed("admin_menu", role), step("none", "SearchDialog:query")
        )
        await watch.exactly(
            acts.say(who, "a"),
            *(*said("text", role), action("search", role), service(kind.removesuffix("s"), "GET"), *moves),
            *(step("SearchDialog:query", "none"), one("admin_searches_total", search_type=kind)),
        )
    opened = (*pressed("user_open", role), action("open_user", role), service("user", "GET"))
    await watch.exactly(acts.press_shown(who, "uo"), *opened, one("admin_actions_total", action="open_user"))
    for end, name in ((":1", "block"), (":0", "unblock")):
        await watch.exactly(
            acts.press_shown(who, "ub", end),
            *(*pressed("user_block", role), action("block_user", role), service("user", "PATCH")),
            one("admin_actions_total", action=name),
        )
    await watch.exactly(
        acts.press(who, "ad:statistics"),
        *(*pressed("admin_menu", role), action("statistics", role), one("admin_actions_total", action="statistics")),
        *(service("request", "GET"), service("user", "GET"), service("shift", "GET")),
    )


async def admin_s_broadcast(acts: Acts, watch: MetricWatch, recipients: int) -> None:
    who, role, dialog = ADMIN, "admin", "BroadcastDialog"
    await watch.exactly(acts.press(who, "ad:broadcast"), *pressed("admin_menu", role))
    chosen = (*pressed("broadcast_audience", role), step("none", f"{dialog}:text"))
    await watch.exactly(acts.press(who, "ba:applicant"), *chosen)
    await watch.exactly(acts.say(who, "Water off"), *said("text", role), step(f"{dialog}:text", f"{dialog}:confirm"))
    before = await watch.samples()
    acts.press(who, "bc:start")()
    # Twenty a second, so some wait for a while.
    await watch.shows(lambda now: now["broadcast_queue_recipients"] > 0, "broadcast_queue_recipients")
    sent = 'broadcasts_sent_total{target_role="applicant"}'
    after = await watch.shows(lambda now: now.get(sent, 0) == 1, "broadcasts_sent_total")
    await watch.shows(lambda now: now["broadcast_queue_recipients"] == 0, "broadcast_queue_recipients")
    assert after["broadcast_recipients_count"] == 1
    assert after["broadcast_recipients_sum"] == recipients
    messages = 'telegram_requests_total{method="sendMessage",status="200"}'
    assert after[messages] - before[messages] == recipients
    assert after['redis_operations_total{operation="broadcast",status="success"}'] > recipients
    watch.moved |= {"broadcast_recipients", "admin_actions_total"}
    assert after['admin_actions_total{action="broadcast"}'] == 1
    assert after['user_actions_total{action="broadcast",user_role="admin"}'] == 1
