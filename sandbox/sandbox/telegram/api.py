"""HTTP server of the Bot API simulator: ``/bot<token>/<method>`` and ``/file/bot<token>/<path>``."""

import contextlib
import hmac
from typing import Any

import orjson
from aiohttp import web

from sandbox.faults import Fault, FaultRegistry, drop_connection, faults_middleware
from sandbox.telegram.arguments import Arguments, read_arguments
from sandbox.telegram.errors import BotApiError
from sandbox.telegram.methods import Method, Methods
from sandbox.telegram.sending import Sending, visible_content
from sandbox.telegram.simulator import Simulator

UPLOAD_LIMIT_BYTES = 50 * 1024 * 1024


class BotApi:
    """Dispatches method calls of the one configured bot."""

    def __init__(self, simulator: Simulator, token: str) -> None:
        self._telegram = simulator
        self._token = token
        self._sending = Sending(simulator).table()
        self._methods = Methods(simulator).table() | self._sending
        simulator.perform = self._perform_reply
        self._names = {name.lower(): name for name in self._methods}  # Telegram takes any case

    def application(self, faults: FaultRegistry) -> web.Application:
        app = web.Application(
            middlewares=[faults_middleware(faults, "telegram", _fault_response)], client_max_size=UPLOAD_LIMIT_BYTES
        )
        app.router.add_route("*", "/bot{token}/{method}", self.call)
        app.router.add_get("/file/bot{token}/{path:.+}", self.download)
        app.router.add_get("/healthz", _healthz)
        return app

    async def call(self, request: web.Request) -> web.Response:
        try:
            self._authorise(request)
            result = await self._run(request.match_info["method"], await read_arguments(request))
        except BotApiError as error:
            if not error.code:
                return drop_connection(request)
            return _json(error.body(), status=error.code, retry_after=(error.parameters or {}).get("retry_after"))
        return _json({"ok": True, "result": result})

    async def _perform_reply(self, called: str, arguments: Arguments) -> None:
        with contextlib.suppress(BotApiError):  # nobody gets the result
            await self._run(called, arguments)

    async def download(self, request: web.Request) -> web.Response:
        try:
            self._authorise(request)
        except BotApiError as error:
            return _json(error.body(), status=error.code)
        stored = self._telegram.files.at(request.match_info["path"])
        if stored is None:
            return _json(BotApiError(404, "Not Found").body(), status=404)
        return web.Response(body=stored.content, content_type="application/octet-stream")

    async def _run(self, called: str, arguments: Arguments) -> Any:
        name = self._names.get(called.lower())
        if name is None:
            raise BotApiError(404, "Not Found: method not found")
        method = self._methods[name]
        injection = self._telegram.errors.take(name, _chat_id(arguments))
        if injection is not None and not injection.known.performed:
            error = injection.as_error()
            if name in self._sending:
                self._record(name, arguments, error.code)
            raise error
        result = await self._perform(name, method, arguments)
        if injection is not None:
            raise injection.as_error()
        return result

    async def _perform(self, name: str, method: Method, arguments: Arguments) -> Any:
        if name not in self._sending:
            return await method(arguments)
        try:
            result = await method(arguments)
        except BotApiError as error:
            self._record(name, arguments, error.code)
            raise
        self._record(name, arguments, 200)
        return result

    def _record(self, name: str, arguments: Arguments, status: int) -> None:
        query_id = str(arguments.get("callback_query_id") or "")
        query = self._telegram.callbacks.find(query_id)
        chat_id = query.chat_id if query else _chat_id(arguments)
        target = query_id or str(arguments.get("message_id") or "")
        self._telegram.ledger.sent(name, chat_id, status, visible_content(name, arguments), target)

    def _authorise(self, request: web.Request) -> None:
        if not hmac.compare_digest(request.match_info["token"].encode(), self._token.encode()):
            raise BotApiError(401, "Unauthorized")


def _chat_id(arguments: Arguments) -> int | None:
    text = str(arguments.get("chat_id", ""))
    return int(text) if text.lstrip("-").isdigit() else None


def _fault_response(fault: Fault) -> web.Response:
    parameters = None if fault.retry_after is None else {"retry_after": fault.retry_after}
    error = BotApiError(fault.status, "Internal Server Error: injected by the sandbox", parameters)
    return _json(error.body(), status=fault.status, retry_after=fault.retry_after)


def _json(body: object, *, status: int = 200, retry_after: int | None = None) -> web.Response:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json", headers=headers)


async def _healthz(request: web.Request) -> web.Response:  # noqa: ARG001 - a handler's form
    return web.Response(text="ok\n")
