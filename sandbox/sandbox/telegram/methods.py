"""Bot API methods that do not send messages: webhook, updates, files, chats, commands."""

from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.jsontypes import JsonObject
from sandbox.telegram.arguments import Arguments, flag, number
from sandbox.telegram.errors import bad_request, too_many_requests
from sandbox.telegram.simulator import Simulator
from sandbox.telegram.webhook import WebhookSettings

Method = Callable[[Arguments], Awaitable[Any]]

MAX_POLL_SECONDS = 50
SECRET_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


class Methods:
    """Implements the methods; :meth:`table` maps names to them."""

    def __init__(self, simulator: Simulator) -> None:
        self._telegram = simulator
        self._last_offset = -1
        self._last_poll = 0.0
        self._next_set_webhook = 0.0

    def table(self) -> dict[str, Method]:
        return {
            "getMe": self.get_me,
            "setWebhook": self.set_webhook,
            "deleteWebhook": self.delete_webhook,
            "getWebhookInfo": self.get_webhook_info,
            "getUpdates": self.get_updates,
            "getFile": self.get_file,
            "getChat": self.get_chat,
            "getChatMember": self.get_chat_member,
            "setMyCommands": self.set_my_commands,
            "getMyCommands": self.get_my_commands,
            "deleteMyCommands": self.delete_my_commands,
            "setMyDescription": self.accept,
            "setMyShortDescription": self.accept,
            "setMyName": self.accept,
            "setChatMenuButton": self.accept,
            "logOut": self.accept,
            "close": self.accept,
        }

    async def accept(self, arguments: Arguments) -> bool:  # noqa: ARG002 - every method has this form
        """Return True without any effect."""
        return True

    async def get_me(self, arguments: Arguments) -> JsonObject:  # noqa: ARG002 - every method has this form
        abilities = {
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }
        return self._telegram.bot | abilities

    async def set_webhook(self, arguments: Arguments) -> bool:
        """Set the webhook; an empty URL removes it."""
        secret = str(arguments.get("secret_token") or "")
        if len(secret) > 256:
            raise bad_request("secret token is too long")
        if not set(secret) <= SECRET_ALPHABET:
            raise bad_request("secret token contains unallowed characters")
        url = str(arguments.get("url") or "")
        if url and not url.startswith(("http://", "https://")):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if url:
            # Client::process_set_webhook_query: at most one call per second.
            now = self._telegram.clock()
            if now < self._next_set_webhook:
                raise too_many_requests(1)
            self._next_set_webhook = now + 1
        settings = WebhookSettings(
            url=url,
            secret=secret,
            max_connections=max(1, number(arguments, "max_connections", 40)),
            allowed_updates=_names(arguments.get("allowed_updates"), self._telegram.webhook.allowed_updates),
        )
        await self._telegram.set_webhook(settings, drop_pending=flag(arguments, "drop_pending_updates"))
        return True

    async def delete_webhook(self, arguments: Arguments) -> bool:
        settings = WebhookSettings(allowed_updates=self._telegram.webhook.allowed_updates)
        await self._telegram.set_webhook(settings, drop_pending=flag(arguments, "drop_pending_updates"))
        return True

    async def get_webhook_info(self, arguments: Arguments) -> JsonObject:  # noqa: ARG002 - every method has this form
        """Return the webhook's settings, the number of pending updates and the last error."""
        webhook, queues = self._telegram.webhook, self._telegram.queues
        info: JsonObject = {
            "url": webhook.url,
            "has_custom_certificate": False,
            "pending_update_count": queues.pending,
        }
        if webhook.url:
            info["max_connections"] = webhook.max_connections
            info["ip_address"] = "127.0.0.1"
        if webhook.allowed_updates:
            info["allowed_updates"] = list(webhook.allowed_updates)
        if queues.last_error_at is not None:
            info["last_error_date"] = queues.last_error_at
            info["last_error_message"] = queues.last_error
        return info

    async def get_updates(self, arguments: Arguments) -> list[JsonObject]:
        """Serve long polling; 409 while a webhook is set or another call waits."""
        if self._telegram.webhook.url:
            await self._telegram.long_poll.conflict("conflict_webhook")
        limit = min(max(number(arguments, "limit", 100), 1), 100)
        timeout = min(max(number(arguments, "timeout", 0), 0), MAX_POLL_SECONDS)
        offset = number(arguments, "offset", 0)
        # Client::process_get_updates_query slows a bot that asks for the same updates again.
        now = self._telegram.clock()
        if offset == self._last_offset and now < self._last_poll + 3 and timeout < 3:
            timeout = 3
        if offset == self._last_offset and now < self._last_poll + 0.5:
            limit = 1
        self._last_offset, self._last_poll = offset, now
        queues = self._telegram.queues
        queues.confirm(offset)
        if timeout and not queues.pending:
            await self._telegram.long_poll.wait(queues.arrival(), timeout)
        return queues.polled(limit)

    async def get_file(self, arguments: Arguments) -> JsonObject:
        stored = self._telegram.files.get(arguments.get("file_id"))
        return stored.describe() | {"file_path": stored.path}

    async def get_chat(self, arguments: Arguments) -> JsonObject:
        chat = self._telegram.chats.readable(arguments.get("chat_id"))
        limits = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _NO_GIFTS}
        return chat.as_json() | limits

    async def get_chat_member(self, arguments: Arguments) -> JsonObject:
        """Return a member; every user counts as a member."""
        self._telegram.chats.readable(arguments.get("chat_id"))
        user_id = number(arguments, "user_id", 0)
        user = self._telegram.bot if user_id == self._telegram.bot["id"] else None
        return {"status": "member", "user": user or self._telegram.chats.user(user_id).as_json()}

    async def set_my_commands(self, arguments: Arguments) -> bool:
        """Store the command list of a language and scope."""
        self._telegram.commands[_command_key(arguments)] = list(arguments.get("commands") or [])
        return True

    async def get_my_commands(self, arguments: Arguments) -> list[JsonObject]:
        """Return the command list of a language and scope."""
        return self._telegram.commands.get(_command_key(arguments), [])

    async def delete_my_commands(self, arguments: Arguments) -> bool:
        """Delete the command list of a language and scope."""
        self._telegram.commands.pop(_command_key(arguments), None)
        return True


_NO_GIFTS = {
    "unlimited_gifts": False,
    "limited_gifts": False,
    "unique_gifts": False,
    "premium_subscription": False,
    "gifts_from_channels": False,
}


def _command_key(arguments: Arguments) -> str:
    scope = arguments.get("scope")
    kind = scope.get("type", "default") if isinstance(scope, dict) else "default"
    return f"{kind}:{arguments.get('language_code') or ''}"


def _names(value: object, unchanged: tuple[str, ...]) -> tuple[str, ...]:
    """Return allowed_updates; if omitted, the previous value stays, as with Telegram."""
    return tuple(map(str, value)) if isinstance(value, list) else unchanged
