"""Stub of the Bot API and the Auth Service that responds at once, so that it is never the bottleneck."""

from __future__ import annotations

import asyncio
from typing import cast

import httptools
import orjson


def _response(body: object) -> bytes:
    raw = orjson.dumps(body)
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(raw), raw)


_MESSAGE = _response(
    {
        "ok": True,
        "result": {"message_id": 1, "date": 1700000000, "chat": {"id": 1, "type": "private"}, "text": "ok"},
    }
)
_TRUE = _response({"ok": True, "result": True})
_ME = _response({"ok": True, "result": {"id": 42, "is_bot": True, "first_name": "bench", "username": "bench_bot"}})
_WEBHOOK = _response({"ok": True, "result": {"url": "", "has_custom_certificate": False, "pending_update_count": 0}})
_IDENTITY = _response(
    {
        "user_id": 1,
        "telegram_id": 1,
        "role": "applicant",
        "language": "en",
        "name": "Ivan",
        "blocked": False,
        "specializations": [],
    }
)


class ServiceStub(asyncio.Protocol):
    """Responds by the last part of the path; `sends` counts sendMessage calls."""

    sends = 0

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._url = url

    def on_message_complete(self) -> None:
        method = self._url.rpartition(b"/")[2].lower()
        if method == b"sendmessage":
            ServiceStub.sends += 1
            self._transport.write(_MESSAGE)
        elif method == b"verify":
            self._transport.write(_IDENTITY)
        else:
            self._transport.write({b"getme": _ME, b"getwebhookinfo": _WEBHOOK}.get(method, _TRUE))
