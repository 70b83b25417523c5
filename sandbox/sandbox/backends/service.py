"""One backend as an HTTP server: what all four share around their operations."""

import hmac
from collections.abc import Callable, Sequence
from datetime import datetime

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from sandbox.backends.database import Database
from sandbox.backends.errors import ApiError, error_body
from sandbox.backends.idempotency import StoredResponse, WriteKey, write_once
from sandbox.backends.models import MAX_ID
from sandbox.backends.operation import Call, Operation
from sandbox.backends.tables import UserRow
from sandbox.backends.telemetry import BackendMetrics
from sandbox.faults import Fault, FaultRegistry, ServiceName, faults_middleware
from sandbox.ledger import Ledger

IDEMPOTENCY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
ACTOR_HEADER = "X-User-Id"


class Backend:
    """Serves operations: authorisation, validation, acting user, transaction, idempotency and errors."""

    def __init__(
        self,
        name: ServiceName,
        operations: Sequence[Operation],
        *,
        database: Database,
        token: str,
        ledger: Ledger,
        metrics: BackendMetrics,
        now: Callable[[], datetime],
    ) -> None:
        self.name = name
        self.operations = tuple(operations)
        self._database = database
        self._token = token
        self._ledger = ledger
        self._metrics = metrics
        self._now = now

    @property
    def title(self) -> str:
        """The name under which Jaeger knows it."""
        return f"{self.name.capitalize()} Service"

    def application(self, faults: FaultRegistry, outer: Sequence[Middleware] = ()) -> web.Application:
        """Return the server's application; ``outer`` are middlewares around everything else."""
        app = web.Application(
            middlewares=[
                *outer,
                self._metrics.middleware(),
                faults_middleware(faults, self.name, _fault_response),
                _errors_middleware,
            ]
        )
        app.router.add_get("/healthz", _healthz)
        app.router.add_get("/metrics", self._metrics.exposition)
        for operation in self.operations:
            app.router.add_route(operation.verb, operation.path, self._handler(operation))
        return app

    def _handler(self, operation: Operation) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            self._authorise(request)
            response = await (self._write if operation.writes else self._read)(request, operation)
            headers = {REPLAYED_HEADER: "true"} if response.replayed else {}
            return _json(response.body, response.status, headers)

        return handle

    async def _read(self, request: web.Request, operation: Operation) -> StoredResponse:
        async with self._database.read() as session:
            return await self._execute(operation, await self._call(request, operation, session, await request.read()))

    async def _write(self, request: web.Request, operation: Operation) -> StoredResponse:
        body = await request.read()
        key = request.headers.get(IDEMPOTENCY_HEADER, "")
        acting = request.headers.get(ACTOR_HEADER, "")
        pending: list[Callable[[], None]] = []

        async def write(session: AsyncSession) -> StoredResponse:
            call = await self._call(request, operation, session, body)
            response = await self._execute(operation, call)
            pending.extend(call.after_commit)
            return response

        if key:
            write_key = WriteKey.of(self.name, key, operation.verb, request.path, acting, body)
            response = await write_once(self._database, write_key, self._now(), write)
        else:
            async with self._database.write() as session:
                response = await write(session)
        if response.replayed:
            self._metrics.replays.inc()
            self._ledger.effect_replayed(self.name, key)
        else:
            self._ledger.effect_executed(self.name, operation.verb, request.path, acting, key, body, response.status)
        for run in pending:
            run()
        return response

    async def _execute(self, operation: Operation, call: Call) -> StoredResponse:
        result = await operation.execute(call)
        return StoredResponse(operation.status, result.model_dump(mode="json"))

    async def _call(self, request: web.Request, operation: Operation, session: AsyncSession, body: bytes) -> Call:
        return Call(
            session=session,
            now=self._now(),
            actor=await _actor(request, session),
            path={name: _path_id(value) for name, value in request.match_info.items()},
            query=_parsed(operation.query, dict(request.query)),
            body=_parsed(operation.body, _json_body(body)) if operation.body else None,
        )

    def _authorise(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.encode(), self._token.encode()):
            raise ApiError(401, "unauthorized", "the service token is missing or wrong")


async def _actor(request: web.Request, session: AsyncSession) -> UserRow | None:
    text = request.headers.get(ACTOR_HEADER, "")
    if not text:
        return None
    actor = await session.get(UserRow, _path_id(text))
    if actor is None:
        raise ApiError(403, "unknown_actor", f"{ACTOR_HEADER} names no user")
    if actor.blocked:
        raise ApiError(403, "blocked", "this user is blocked")
    return actor


def _path_id(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) > MAX_ID:
        raise ApiError(404, "not_found", f"ids are integers up to {MAX_ID}")
    return int(text)


def _json_body(body: bytes) -> object:
    try:
        return orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise ApiError(400, "invalid_json", "the body is not JSON") from error


def _parsed(model: type[BaseModel] | None, data: object) -> BaseModel | None:
    if model is None:
        return None
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise ApiError(422, "invalid_input", f"{where}: {first['msg']}") from error


@web.middleware
async def _errors_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return _json(error.body(), error.status)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _json(error_body(error.reason.lower().replace(" ", "_"), error.reason), error.status)


def _fault_response(fault: Fault) -> web.Response:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return _json(error_body("fault", "injected by the sandbox"), fault.status, headers)


def _json(body: object, status: int, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json", headers=headers)


async def _healthz(request: web.Request) -> web.Response:  # noqa: ARG001 - a handler's form
    return web.Response(text="ok\n")
