"""The clients of the four backends, built from the settings."""

from dataclasses import dataclass
from typing import Self

import stamina

from app.backends.auth import AuthService
from app.backends.breaker import BreakerPolicy
from app.backends.client import BackendClient, ClientPolicy
from app.backends.outlier import View
from app.backends.request import RequestService
from app.backends.service import BackendService
from app.backends.shift import ShiftService
from app.backends.user import UserService
from app.core.backend_settings import BackendSettings
from app.core.closed_sets import Backend
from app.core.settings import Settings

# A hanging backend may occupy at most this share of the updates in flight, so that most are left for the others.
_BULKHEAD_SHARE = 0.3


@dataclass(frozen=True)
class Services:
    """One typed client per backend, each with its own connection pool, bulkhead and breaker."""

    auth: AuthService
    requests: RequestService
    users: UserService
    shifts: ShiftService

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Build the clients. Opens no connection."""
        token = settings.service_token.get_secret_value()

        def client(backend: Backend, url: str) -> BackendClient:
            policy = _client_policy(settings.of_backend(backend), settings.max_in_flight)
            return BackendClient(backend.value, url, token=token, bot_id=settings.bot_id, policy=policy)

        return cls(
            auth=AuthService(client(Backend.AUTH, settings.auth_service_url)),
            requests=RequestService(client(Backend.REQUEST, settings.request_service_url)),
            users=UserService(client(Backend.USER, settings.user_service_url)),
            shifts=ShiftService(client(Backend.SHIFT, settings.shift_service_url)),
        )

    async def start(self) -> None:
        """Open the pools. Startup does not wait for a backend that is down."""
        # service_retries_total counts retries; stamina's own hooks would log and count them a second time.
        stamina.instrumentation.set_on_retry_hooks(())
        for service in self._all():
            await service.client.start()

    async def close(self) -> None:
        for service in self._all():
            await service.client.close()

    def views(self) -> dict[str, View]:
        """Return what this replica has seen of each backend, by `service_name`."""
        return {service.client.service_name: service.client.view() for service in self._all()}

    def _all(self) -> tuple[BackendService, ...]:
        return (self.auth, self.requests, self.users, self.shifts)


def _client_policy(settings: BackendSettings, max_in_flight: int) -> ClientPolicy:
    return ClientPolicy(
        timeout=settings.backend_timeout_seconds,
        connect_timeout=settings.backend_connect_timeout_seconds,
        attempts=settings.backend_retry_attempts,
        wait_initial=settings.backend_retry_wait_seconds,
        wait_max=settings.backend_retry_max_wait_seconds,
        max_concurrent=max(1, int(max_in_flight * _BULKHEAD_SHARE)),
        slow_call_seconds=settings.slow_call_seconds,
        trial_timeout=settings.breaker_probe_timeout_seconds,
        probe_path=settings.probe_path,
        probe_interval=settings.probe_interval_seconds,
        probe_timeout=settings.probe_timeout_seconds,
        breaker=BreakerPolicy(
            window_seconds=settings.breaker_window_seconds,
            minimum_calls=settings.breaker_min_calls,
            failure_ratio=settings.breaker_failure_ratio,
            open_seconds=settings.breaker_open_seconds,
            slow_call_ratio=settings.slow_call_ratio,
        ),
    )
