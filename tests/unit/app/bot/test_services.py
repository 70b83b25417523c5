import pytest
from aiohttp import web
from pydantic import SecretStr

from app.backends.errors import BackendUnavailableError
from app.backends.models import TelegramId, UserId
from app.bot.services import Services
from app.core.settings import Settings
from support.stub_server import serving


async def test_a_backend_is_called_with_its_own_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[str] = []

    async def refuse(request: web.Request) -> web.StreamResponse:
        requests.append(request.path)
        return web.json_response({}, status=503)

    monkeypatch.setenv("BACKEND_AUTH_RETRY_ATTEMPTS", "1")
    monkeypatch.setenv("BACKEND_AUTH_BREAKER_OPEN_SECONDS", "7")
    async with serving(refuse) as url:
        services = Services.from_settings(
            Settings(
                bot_token=SecretStr("42:token"),
                auth_service_url=url,
                user_service_url=url,
                probe_interval_seconds=0,
                backend_retry_attempts=2,
                backend_retry_wait_seconds=0.001,
            )
        )
        await services.start()
        try:
            with pytest.raises(BackendUnavailableError):
                await services.auth.verify(TelegramId(7))
            assert len(requests) == 1
            with pytest.raises(BackendUnavailableError):
                await services.users.get(UserId(7), UserId(7))
            assert len(requests) == 3
        finally:
            await services.close()
    assert services.auth.client.breaker.policy.open_seconds == 7
    assert services.users.client.breaker.policy.open_seconds == 30
