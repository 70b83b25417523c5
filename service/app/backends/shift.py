"""The Shift Service: who works when."""

from typing import Literal

from app.backends.call import Call
from app.backends.models import Shift, ShiftId, ShiftPage, Specialization, Statistics, UserId
from app.backends.service import BackendService

ShiftFilter = Literal["open", "taken", "mine"]


class ShiftService(BackendService):
    """Shifts that `actor` may see and change; the backend authorises each call."""

    async def list(
        self, actor: UserId, which: ShiftFilter, *, page: int, specialization: Specialization | None = None
    ) -> ShiftPage:
        """Return open shifts, taken shifts or the actor's own, earliest first."""
        query: dict[str, str | int] = {"status": which, "page": page}
        if specialization is not None:
            query["specialization"] = specialization
        return await self._request(Call("GET", "/api/v1/shifts", query=query, actor=actor), ShiftPage)

    async def take(self, actor: UserId, shift_id: ShiftId) -> Shift:
        """Take an open shift; a 409 means that someone else has taken it."""
        return await self._act(actor, shift_id, "take")

    async def release(self, actor: UserId, shift_id: ShiftId) -> Shift:
        """Release one of the actor's shifts; a 409 means that it is too late."""
        return await self._act(actor, shift_id, "release")

    async def set_availability(self, actor: UserId, *, available: bool) -> None:
        """Store whether the actor is available for shifts."""
        await self.client.send(
            Call(
                "PUT",
                "/api/v1/availability",
                body={"available": available},
                operation="set_availability",
                actor=actor,
            )
        )

    async def statistics(self, actor: UserId) -> Statistics:
        """Return counts over all shifts (managers and admins)."""
        return await self._request(Call("GET", "/api/v1/shifts/statistics", actor=actor), Statistics)

    async def _act(self, actor: UserId, shift_id: ShiftId, verb: Literal["take", "release"]) -> Shift:
        call = Call(
            "POST",
            f"/api/v1/shifts/{{id}}/{verb}",
            path={"id": shift_id},
            operation=f"{verb}:{shift_id}",
            actor=actor,
        )
        return await self._request(call, Shift)
