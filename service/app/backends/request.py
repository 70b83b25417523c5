"""The Request Service: maintenance requests."""

from app.backends.call import Call
from app.backends.models import NewRequest, Request, RequestId, RequestPage, RequestStatus, Statistics, UserId
from app.backends.service import BackendService


class RequestService(BackendService):
    """Requests that `actor` may see and change; the backend authorises each call."""

    async def list(
        self, actor: UserId, *, page: int, page_size: int = 5, status: RequestStatus | None = None
    ) -> RequestPage:
        """Return the actor's own requests (for an executor, the assigned ones), newest first."""
        query: dict[str, str | int] = {"user_id": actor, "page": page, "page_size": page_size}
        if status is not None:
            query["status"] = status
        return await self._request(Call("GET", "/api/v1/requests", query=query, actor=actor), RequestPage)

    async def get(self, actor: UserId, request_id: RequestId) -> Request:
        """Return one request with its comments."""
        call = Call("GET", "/api/v1/requests/{id}", path={"id": request_id}, actor=actor)
        return await self._request(call, Request)

    async def create(self, actor: UserId, request: NewRequest) -> Request:
        body = request.model_dump(mode="json")
        call = Call("POST", "/api/v1/requests", body=body, operation="create_request", actor=actor)
        return await self._request(call, Request)

    async def set_status(self, actor: UserId, request_id: RequestId, status: RequestStatus) -> Request:
        """Change the status of a request; a 409 means that its current status does not allow it."""
        call = Call(
            "PATCH",
            "/api/v1/requests/{id}",
            path={"id": request_id},
            body={"status": status},
            operation=f"set_status:{request_id}:{status}",
            actor=actor,
        )
        return await self._request(call, Request)

    async def comment(self, actor: UserId, request_id: RequestId, text: str) -> None:
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
        """Find requests of all users by number, address or description (managers and admins)."""
        query: dict[str, str | int] = {"q": text, "page": page}
        return await self._request(Call("GET", "/api/v1/requests/search", query=query, actor=actor), RequestPage)

    async def statistics(self, actor: UserId) -> Statistics:
        """Return counts over all requests (managers and admins)."""
        return await self._request(Call("GET", "/api/v1/requests/statistics", actor=actor), Statistics)
