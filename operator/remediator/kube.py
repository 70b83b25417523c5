"""The connection to the API server, and the errors that the rest of the operator tells apart.

Calls go through the official client, each with a time limit and none with a retry: whether to try again is
a decision, and decisions are taken from freshly read state.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.client.rest import RESTClientObject

JSON_PATCH = "application/json-patch+json"

_DETAIL_LENGTH = 400
_KEEP_ALIVE_SECONDS = 75.0
"""Less than the 90 s after which the API server closes an idle connection."""


class KubeError(Exception):
    """An API call failed; ``status`` is the HTTP status, or None when there was no answer."""

    def __init__(self, what: str, status: int | None, detail: str) -> None:
        super().__init__(f"{what}: {detail}" if status is None else f"{what}: {status} {detail}")
        self.what = what
        self.status = status
        self.detail = detail


class NotFoundError(KubeError):
    """The object is not there (404)."""


class ConflictError(KubeError):
    """The object changed since it was read, or exists already (409)."""


class RefusedError(KubeError):
    """The API server will not do it, however often it is asked (400, 403, 405, 422)."""


class BlockedError(KubeError):
    """The API server will not do it now (429): a disruption budget, or too many requests."""


class UnavailableError(KubeError):
    """The API server did not answer, answered 5xx, or does not know us at present (401)."""


_BY_STATUS: dict[int, type[KubeError]] = {
    400: RefusedError,
    403: RefusedError,
    404: NotFoundError,
    405: RefusedError,
    409: ConflictError,
    422: RefusedError,
    429: BlockedError,
}


class _PatientClient(RESTClientObject):
    """Keeps idle connections for longer than two polls, so that an alert after a quiet time meets no new handshakes."""

    def _create_connector(self) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(limit=self.maxsize, ssl=self.ssl_context, keepalive_timeout=_KEEP_ALIVE_SECONDS)


class ConnectionFailedError(Exception):
    """No usable configuration of the API server was found; the message is one line."""


@asynccontextmanager
async def translated(what: str) -> AsyncIterator[None]:
    """Turn the client's errors into a :class:`KubeError`; ``what`` names the call for a person."""
    try:
        yield
    except client.ApiException as error:
        status = int(error.status or 0)
        detail = _detail(error)
        raise _BY_STATUS.get(status, UnavailableError)(what, status or None, detail) from error
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        # A ValueError: an answer that is no JSON, or that the client's models refuse. It is no answer.
        raise UnavailableError(what, None, str(error) or type(error).__name__) from error


def _detail(error: client.ApiException) -> str:
    """Return the server's message, shortened: a refused object repeats the whole object otherwise."""
    try:
        message = json.loads(error.body or "{}")["message"]
    except (ValueError, KeyError, TypeError):
        message = error.reason or "no reason given"
    return str(message)[:_DETAIL_LENGTH]


async def connect() -> client.ApiClient:
    """Return a client for the cluster: the pod's service account, else KUBECONFIG or ~/.kube/config.

    Raises:
        ConnectionFailedError: when neither is there or readable.
    """
    configuration = client.Configuration()
    configuration.retries = None
    # As remediator.tls does for kopf.
    configuration.disable_strict_ssl_verification = True
    try:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # untyped
    except config.ConfigException:
        try:
            await config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # untyped
        except (config.ConfigException, OSError, TypeError) as error:
            raise ConnectionFailedError(f"no API server is configured: {error}") from error
    api = client.ApiClient(configuration)
    api.rest_client = _PatientClient(configuration)
    return api
