"""The Shift Service: shifts and the executors who take them."""

from sqlalchemy import func, select, update
from sqlalchemy.engine import CursorResult

from sandbox.backends.errors import conflict, not_found
from sandbox.backends.operation import Call, Operation
from sandbox.backends.shift_models import Availability, Shift, ShiftPage, ShiftQuery, ShiftStatistics, ShiftStatus
from sandbox.backends.tables import ShiftRow
from sandbox.people import MANAGEMENT, Role


async def list_shifts(call: Call) -> ShiftPage:
    """Return shifts, the earliest first."""
    query: ShiftQuery = call.query
    wanted = select(ShiftRow)
    if query.specialization is not None:
        wanted = wanted.where(ShiftRow.specialization == query.specialization)
    if query.status == "mine":
        wanted = wanted.where(ShiftRow.executor_id == call.require().id)
    elif query.status == "open":
        wanted = wanted.where(ShiftRow.executor_id.is_(None))
    else:
        call.require(*MANAGEMENT)
        wanted = wanted.where(ShiftRow.executor_id.is_not(None))
    total = await call.session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    ordered = wanted.order_by(ShiftRow.starts_at, ShiftRow.id).offset(query.offset).limit(query.page_size)
    rows = await call.session.scalars(ordered)
    return ShiftPage(items=[_shift(row) for row in rows], page=query.page, pages=query.pages(total), total=total)


async def take_shift(call: Call) -> Shift:
    """Take an open shift; of two concurrent attempts one succeeds."""
    actor = call.require(Role.EXECUTOR)
    shift = await _find(call)
    if shift.specialization not in (*actor.specializations, "universal") and "universal" not in actor.specializations:
        raise conflict("wrong_specialization", "this shift needs another specialisation")
    await _reassign(call, shift, holder=None, to=actor.id, code="shift_taken", message="this shift is taken")
    return _shift(shift)


async def release_shift(call: Call) -> Shift:
    """Release one's own shift."""
    actor = call.require(Role.EXECUTOR)
    shift = await _find(call)
    await _reassign(call, shift, holder=actor.id, to=None, code="not_your_shift", message="this shift is not yours")
    return _shift(shift)


async def set_availability(call: Call) -> Availability:
    """Set whether the acting executor is available for shifts."""
    actor = call.require(Role.EXECUTOR)
    actor.available = call.body.available
    return Availability(available=actor.available)


async def shift_statistics(call: Call) -> ShiftStatistics:
    call.require(*MANAGEMENT)
    counted = select(ShiftRow.specialization, func.count(), func.count(ShiftRow.executor_id))
    rows = (await call.session.execute(counted.group_by(ShiftRow.specialization))).all()
    total, taken = sum(row[1] for row in rows), sum(row[2] for row in rows)
    return ShiftStatistics(
        total=total, open=total - taken, taken=taken, by_specialization={row[0]: row[1] for row in rows}
    )


async def _find(call: Call) -> ShiftRow:
    shift = await call.session.get(ShiftRow, call.path["id"])
    if shift is None:
        raise not_found("shift")
    return shift


async def _reassign(
    call: Call, shift: ShiftRow, *, holder: int | None, to: int | None, code: str, message: str
) -> None:
    """Set the shift's executor if it is still ``holder``; the database serializes concurrent attempts."""
    mine = ShiftRow.executor_id.is_(None) if holder is None else ShiftRow.executor_id == holder
    result = await call.session.execute(update(ShiftRow).where(ShiftRow.id == shift.id, mine).values(executor_id=to))
    if not isinstance(result, CursorResult) or result.rowcount != 1:
        raise conflict(code, message)
    await call.session.refresh(shift)


def _shift(row: ShiftRow) -> Shift:
    status = ShiftStatus.OPEN if row.executor_id is None else ShiftStatus.TAKEN
    fields = {name: getattr(row, name) for name in Shift.model_fields if name != "status"}
    return Shift.model_validate(fields | {"status": status})


OPERATIONS = (
    Operation("list_shifts", "GET", "/api/v1/shifts", "List shifts", list_shifts, ShiftPage, query=ShiftQuery),
    Operation(
        "shift_statistics", "GET", "/api/v1/shifts/statistics", "Count shifts", shift_statistics, ShiftStatistics
    ),
    Operation("take_shift", "POST", "/api/v1/shifts/{id}/take", "Take a shift", take_shift, Shift),
    Operation("release_shift", "POST", "/api/v1/shifts/{id}/release", "Release a shift", release_shift, Shift),
    Operation(
        "set_availability",
        "PUT",
        "/api/v1/availability",
        "Set whether the executor is available",
        set_availability,
        Availability,
        body=Availability,
    ),
)
