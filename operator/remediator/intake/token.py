"""The webhook's bearer token, read again from its file so that a rotation needs no restart."""

import hmac
from collections.abc import Callable
from pathlib import Path

import structlog

REREAD_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class TokenUnreadableError(Exception):
    """The token file is missing, unreadable or empty."""


class BearerToken:
    """Checks ``Authorization: Bearer ...`` in constant time.

    While a rotated Secret spreads, Alertmanager and this process see the change at different moments, so the
    token before the present one is accepted for ``grace`` seconds after it was replaced.
    """

    def __init__(
        self,
        *,
        file: Path | None,
        fixed: str | None,
        monotonic: Callable[[], float],
        grace: float = 120.0,
    ) -> None:
        self._file = file
        self._monotonic = monotonic
        self._grace = grace
        self._current = self._read() if file else (fixed or "").encode()
        if not self._current:
            raise TokenUnreadableError("the webhook token is empty")
        self._previous = b""
        self._replaced_at = monotonic()
        self._read_at = monotonic()

    def accepts(self, header: str | None) -> bool:
        """Return whether the Authorization header carries the token."""
        self._refresh()
        scheme, _, given = (header or "").partition(" ")
        presented = given.strip().encode("utf-8", "surrogateescape")
        matches_current = hmac.compare_digest(presented, self._current)
        matches_previous = hmac.compare_digest(presented, self._previous or self._current)
        in_grace = bool(self._previous) and self._monotonic() - self._replaced_at <= self._grace
        return scheme.lower() == "bearer" and (matches_current or (matches_previous and in_grace))

    def _refresh(self) -> None:
        now = self._monotonic()
        if self._file is None or now - self._read_at < REREAD_SECONDS:
            return
        self._read_at = now
        try:
            token = self._read()
        except TokenUnreadableError as error:
            _log.warning("webhook token not re-read, the last one stays valid", error=str(error))
            return
        if token != self._current:
            self._previous, self._current, self._replaced_at = self._current, token, now
            _log.info("webhook token rotated")

    def _read(self) -> bytes:
        if self._file is None:
            raise TokenUnreadableError("no token file is set")
        try:
            token = self._file.read_bytes().strip()
        except OSError as error:
            raise TokenUnreadableError(f"{self._file}: {error.strerror}") from error
        if not token:
            raise TokenUnreadableError(f"{self._file}: the file is empty")
        return token
