"""Remediation objects of a namespace, read from the API server with the pod's service account."""

import ssl
from pathlib import Path

import aiohttp
import orjson
import structlog

from sandbox.jsontypes import JsonObject

SERVICE_ACCOUNT_DIR = Path("/var/run/secrets/kubernetes.io/serviceaccount")
API = "https://kubernetes.default.svc/apis/remediation.bot-gateway.dev/v1alpha1"
TIMEOUT_SECONDS = 3.0

NO_SERVICE_ACCOUNT = "The sandbox has no service account. Install its chart with remediations.show=true."
UNREACHABLE = "Cannot reach the Kubernetes API server. The page retries; the sandbox's log has the reason."
ERRORS_BY_STATUS = {
    401: "The Kubernetes API server does not accept the sandbox's service account. The page retries.",
    403: "The sandbox is not allowed to read Remediations. Install its chart with remediations.show=true.",
    404: "This cluster has no Remediation resource. Install the chart bot-gateway with its operator.",
}

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class RemediationsUnreadableError(Exception):
    """Remediations cannot be read; the message is shown on the page."""


class Remediations:
    """Reads the Remediations of one namespace; logs each error once, however often the page asks."""

    def __init__(self, namespace: str, service_account: Path = SERVICE_ACCOUNT_DIR, api: str = API) -> None:
        self._url = f"{api}/namespaces/{namespace}/remediations"
        self._service_account = service_account
        self._logged = ""

    async def read(self) -> list[JsonObject]:
        """Return the objects.

        Raises:
            RemediationsUnreadableError: no service account, no permission, no such API or no response.
        """
        try:
            found = await self._list()
        except FileNotFoundError as error:
            raise self._unreadable(NO_SERVICE_ACCOUNT, error) from error
        except aiohttp.ClientResponseError as error:
            raise self._unreadable(ERRORS_BY_STATUS.get(error.status, UNREACHABLE), error) from error
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            raise self._unreadable(UNREACHABLE, error) from error
        self._logged = ""
        return found

    async def _list(self) -> list[JsonObject]:
        # Read each time: the kubelet renews the token.
        headers = {"Authorization": f"Bearer {(self._service_account / 'token').read_text().strip()}"}
        trust = trust_ca(self._service_account / "ca.crt") if self._url.startswith("https:") else True
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers, raise_for_status=True) as session,
            session.get(self._url, ssl=trust) as response,
        ):
            items: list[JsonObject] = orjson.loads(await response.read())["items"]
            return items

    def _unreadable(self, sentence: str, error: Exception) -> RemediationsUnreadableError:
        if (reason := f"{type(error).__name__}: {error}") != self._logged:
            self._logged = reason
            log.warning("remediations_unreadable", error=reason)
        return RemediationsUnreadableError(sentence)


def trust_ca(authority: Path) -> ssl.SSLContext:
    """Return an SSL context that trusts one CA, without OpenSSL's strict mode.

    Python 3.13 enables strict mode, which rejects CA certificates without a key usage extension, as many clusters have.
    Signature, host name and dates are still verified.
    """
    context = ssl.create_default_context(cafile=authority)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
