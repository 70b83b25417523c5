"""The Request Service: maintenance requests from new to done."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import ColumnElement, Select, func, or_, select

from sandbox.backends.errors import ApiError, conflict, forbidden, not_found
from sandbox.backends.models import Paging
from sandbox.backends.operation import Call, Operation
from sandbox.backends.request_models import (
    Comment,
    CommentInput,
    Request,
    RequestChange,
    RequestInput,
    RequestPage,
    RequestQuery,
    RequestSearch,
    RequestStatistics,
    RequestStatus,
)
from sandbox.backends.tables import CommentRow, RequestRow, UserRow
from sandbox.people import MANAGEMENT, Role

_NEXT = {
    RequestStatus.NEW: {RequestStatus.ASSIGNED, RequestStatus.IN_PROGRESS, RequestStatus.CANCELLED},
    RequestStatus.ASSIGNED: {RequestStatus.NEW, RequestStatus.IN_PROGRESS, RequestStatus.CANCELLED},
    RequestStatus.IN_PROGRESS: {RequestStatus.DONE, RequestStatus.CANCELLED},
    RequestStatus.DONE: {RequestStatus.IN_PROGRESS},
    RequestStatus.CANCELLED: set[RequestStatus](),
}
_EXECUTOR_FOR = {"plumbing": "plumber", "electricity": "electrician", "cleaning": "cleaner", "other": "universal"}


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """An event: a request's status changed and the applicant must be notified."""

    event_id: str
    telegram_id: int
    language: str
    request_id: int
    request_number: str
    status: str


Publish = Callable[[StatusChanged], None]


class RequestService:
    """The operations; ``publish`` gets every committed status change."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish

    def operations(self) -> tuple[Operation, ...]:
        one = "/api/v1/requests/{id}"
        return (
            Operation(
                "list_requests", "GET", "/api/v1/requests", "List requests", list_requests, RequestPage,
                query=RequestQuery,
            ),
            Operation(
                "create_request", "POST", "/api/v1/requests", "Create a request", create_request, Request,
                status=201, body=RequestInput,
            ),
            Operation(
                "search_requests", "GET", "/api/v1/requests/search", "Search requests", search_requests, RequestPage,
                query=RequestSearch,
            ),
            Operation(
                "request_statistics", "GET", "/api/v1/requests/statistics", "Count requests", request_statistics,
                RequestStatistics,
            ),
            Operation("get_request", "GET", one, "Return a request", get_request, Request),
            Operation(
                "change_request", "PATCH", one, "Change a status", self.change_request, Request, body=RequestChange
            ),
            Operation(
                "add_comment", "POST", f"{one}/comments", "Comment on a request", add_comment, Request,
                status=201, body=CommentInput,
            ),
        )  # fmt: skip

    async def change_request(self, call: Call) -> Request:
        """Change a request's status if its current status and the acting user's role allow it."""
        row = await _find(call, lock=True)
        change: RequestChange = call.body
        _check_may_change_status(call, row, change.status)
        if change.status not in _NEXT[RequestStatus(row.status)]:
            raise conflict("wrong_status", f"a request that is {row.status} cannot become {change.status.value}")
        if row.executor_id is None or change.executor_id is not None:
            row.executor_id = await _executor(call, row, change)
        row.status, row.updated_at = change.status.value, call.now
        await call.session.flush()
        applicant = await call.session.get_one(UserRow, row.applicant_id)
        if applicant.telegram_id is not None:
            changed = StatusChanged(
                event_id=f"request-{row.id}-{row.status}-{int(call.now.timestamp() * 1000)}",
                telegram_id=applicant.telegram_id,
                language=applicant.language,
                request_id=row.id,
                request_number=request_number(row.id),
                status=row.status,
            )
            call.after_commit.append(partial(self._publish, changed))
        return to_request(row)


async def list_requests(call: Call) -> RequestPage:
    """Return a user's requests, newest first: an applicant's own, an executor's assigned ones."""
    query: RequestQuery = call.query
    wanted = select(RequestRow)
    owner_id = query.user_id
    if call.actor is not None and call.actor.role not in MANAGEMENT:
        if owner_id not in (None, call.actor.id):
            raise forbidden("these requests are another user's")
        owner_id = call.actor.id
    if owner_id is not None:
        owner = await call.session.get(UserRow, owner_id)
        if owner is None:
            raise not_found("user")
        if owner.role == Role.EXECUTOR:
            wanted = wanted.where(RequestRow.executor_id == owner_id)
        elif owner.role == Role.APPLICANT:
            wanted = wanted.where(RequestRow.applicant_id == owner_id)
    if query.status is not None:
        wanted = wanted.where(RequestRow.status == query.status)
    return await _page(call, wanted, query)


async def create_request(call: Call) -> Request:
    """Create a request for the acting user."""
    body: RequestInput = call.body
    row = RequestRow(
        **body.model_dump(mode="json"),
        status=RequestStatus.NEW.value,
        applicant_id=call.require().id,
        created_at=call.now,
        updated_at=call.now,
        comments=[],
    )
    call.session.add(row)
    await call.session.flush()
    return to_request(row)


async def get_request(call: Call) -> Request:
    """Return a request if the acting user may see it."""
    row = await _find(call)
    _check_may_see(call, row)
    return to_request(row)


async def add_comment(call: Call) -> Request:
    author = call.require()
    row = await _find(call, lock=True)
    _check_may_see(call, row)
    body: CommentInput = call.body
    row.comments.append(CommentRow(author_id=author.id, text=body.text, created_at=call.now))
    row.updated_at = call.now
    await call.session.flush()
    return to_request(row)


async def search_requests(call: Call) -> RequestPage:
    """Search all requests."""
    call.require(*MANAGEMENT)
    query: RequestSearch = call.query
    escaped = query.q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    pattern = f"%{escaped}%"
    found: list[ColumnElement[bool]] = [
        RequestRow.address.ilike(pattern, escape="\\"),
        RequestRow.description.ilike(pattern, escape="\\"),
    ]
    number = query.q.upper().removeprefix("R-").lstrip("0")
    if number.isdigit() and len(number) < 10:
        found.append(RequestRow.id == int(number))
    return await _page(call, select(RequestRow).where(or_(*found)), query)


async def request_statistics(call: Call) -> RequestStatistics:
    call.require(*MANAGEMENT)
    statuses = select(RequestRow.status, func.count()).group_by(RequestRow.status)
    categories = select(RequestRow.category, func.count()).group_by(RequestRow.category)
    by_status = dict((await call.session.execute(statuses)).all())
    by_category = dict((await call.session.execute(categories)).all())
    return RequestStatistics(total=sum(by_status.values()), by_status=by_status, by_category=by_category)


def request_number(request_id: int) -> str:
    """Return the number that users see, such as R-000031."""
    return f"R-{request_id:06d}"


def to_request(row: RequestRow) -> Request:
    """Convert a row to the API model."""
    fields = {name: getattr(row, name) for name in Request.model_fields if name not in ("number", "comments")}
    comments = [Comment(author_id=c.author_id, text=c.text, created_at=c.created_at) for c in row.comments]
    return Request.model_validate(fields | {"number": request_number(row.id), "comments": comments})


async def _page(call: Call, wanted: Select[RequestRow], paging: Paging) -> RequestPage:
    total = await call.session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    ordered = wanted.order_by(RequestRow.id.desc()).offset(paging.offset).limit(paging.page_size)
    rows = await call.session.scalars(ordered)
    return RequestPage(
        items=[to_request(row) for row in rows], page=paging.page, pages=paging.pages(total), total=total
    )


async def _find(call: Call, *, lock: bool = False) -> RequestRow:
    row = await call.session.get(RequestRow, call.path["id"], with_for_update=lock)
    if row is None:
        raise not_found("request")
    return row


def _check_may_see(call: Call, row: RequestRow) -> None:
    actor = call.actor
    if actor is None or actor.role in MANAGEMENT or actor.id in (row.applicant_id, row.executor_id):
        return
    if actor.role == Role.EXECUTOR and row.executor_id is None:
        return
    raise forbidden("this request is another user's")


def _check_may_change_status(call: Call, row: RequestRow, status: RequestStatus) -> None:
    _check_may_see(call, row)
    if call.actor is None or call.actor.role != Role.APPLICANT:
        return
    if status is not RequestStatus.CANCELLED:
        raise forbidden("an applicant can only cancel")


async def _executor(call: Call, row: RequestRow, change: RequestChange) -> int | None:
    """Pick the executor: the named one, else the acting executor, else the first with the required skill."""
    if change.executor_id is not None:
        named = await call.session.get(UserRow, change.executor_id)
        if named is None or named.role != Role.EXECUTOR:
            raise ApiError(422, "not_an_executor", "executor_id names no executor")
        return named.id
    if change.status not in (RequestStatus.ASSIGNED, RequestStatus.IN_PROGRESS):
        return row.executor_id
    if call.actor is not None and call.actor.role == Role.EXECUTOR:
        return call.actor.id
    skill = _EXECUTOR_FOR.get(row.category, row.category)
    executors = await call.session.scalars(select(UserRow).where(UserRow.role == Role.EXECUTOR).order_by(UserRow.id))
    able = [executor.id for executor in executors if skill in executor.specializations]
    return able[row.id % len(able)] if able else None
