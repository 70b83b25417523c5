"""The Request Service: maintenance requests."""

from app.backends.call import Call
from app.backends.models import NewRequest, Request, RequestId, RequestPage, RequestStatus, Statistics, UserId
from app.backends.service import BackendService


class RequestService(BackendService):
    """Requests as `actor` may see and change them; the backend authorises."""

    async def list(
        self, actor: UserId, *, page: int, page_size: int = 5, status: RequestStatus | None = None
    ) -> RequestPage:
        """The actor's own requests (an executor's: the ones assigned to them), newest first."""
        query: dict[str, str | int] = {"user_id": actor, "page": page, "page_size": page_size}
        if status is not None:
            query["status"] = status
        return await self._ask(Call("GET", "/api/v1/requests", query=query, actor=actor), RequestPage)

    async def get(self, actor: UserId, request_id: RequestId) -> Request:
        """One request with its comments."""
        call = Call("GET", "/api/v1/requests/{id}", path={"id": request_id}, actor=actor)
        return await self._ask(call, Request)

    async def create(self, actor: UserId, request: NewRequest) -> Request:
        """File a request."""
        body = request.model_dump(mode="json")
        call = Call("POST", "/api/v1/requests", body=body, operation="create_request", actor=actor)
        return await self._ask(call, Request)

    async def set_status(self, actor: UserId, request_id: RequestId, status: RequestStatus) -> Request:
        """Move a request on; 409 where its present status does not allow it."""
        call = Call(
            "PATCH",
            "/api/v1/requests/{id}",
            path={"id": request_id},
            body={"status": status},
            operation=f"set_status:{request_id}:{status}",
            actor=actor,
        )
        return await self._ask(call, Request)

    async def comment(self, actor: UserId, request_id: RequestId, text: str) -> None:
        """Say something about a request."""
        await self.client.send(
            Call(
                "POST",
                "/api/v1/requests/{id}/comments",
                path={"id": request_id},
                body={"text": text},
                operation=f"comment:{request_id}",
                actor=actor,
            )
        )

    async def search(self, actor: UserId, text: str, *, page: int) -> RequestPage:
        """Anyone's requests whose number, address or description holds `text` (managers and admins)."""
        query: dict[str, str | int] = {"q": text, "page": page}
        return await self._ask(Call("GET", "/api/v1/requests/search", query=query, actor=actor), RequestPage)

    async def statistics(self, actor: UserId) -> Statistics:
        """Counts over all requests (managers and admins)."""
        return await self._ask(Call("GET", "/api/v1/requests/statistics", actor=actor), Statistics)
