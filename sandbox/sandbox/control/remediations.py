"""The Remediation objects of a namespace, read from the API server as the pod's account."""

import ssl
from pathlib import Path

import aiohttp
import orjson
import structlog

from sandbox.jsontypes import JsonObject

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
API = "https://kubernetes.default.svc/apis/remediation.bot-gateway.dev/v1alpha1"
TIMEOUT_SECONDS = 3.0

NO_ACCOUNT = "This sandbox has no account on the cluster: install its chart with remediations.show=true."
NO_ANSWER = "The cluster's API server does not answer. The page asks again; the sandbox's log has the reason."
REFUSALS = {
    401: "The cluster does not know the sandbox's account. The page asks again.",
    403: "The sandbox may not read the Remediations: its chart grants it with remediations.show=true.",
    404: "This cluster knows no Remediations: they come with the chart bot-gateway and its operator.",
}

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class RemediationsUnreadableError(Exception):
    """They cannot be read; the message says why to the page's reader."""


class Remediations:
    """One namespace's; what keeps them from being read is logged once, however often the page asks."""

    def __init__(self, namespace: str, account: Path = ACCOUNT, api: str = API) -> None:
        self._url = f"{api}/namespaces/{namespace}/remediations"
        self._account = account
        self._logged = ""

    async def read(self) -> list[JsonObject]:
        """Return the objects.

        Raises:
            RemediationsUnreadableError: there is no account, no right, no such API or no answer.
        """
        try:
            found = await self._list()
        except FileNotFoundError as error:
            raise self._unreadable(NO_ACCOUNT, error) from error
        except aiohttp.ClientResponseError as error:
            raise self._unreadable(REFUSALS.get(error.status, NO_ANSWER), error) from error
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            raise self._unreadable(NO_ANSWER, error) from error
        self._logged = ""
        return found

    async def _list(self) -> list[JsonObject]:
        # Read each time: the kubelet renews the token.
        headers = {"Authorization": f"Bearer {(self._account / 'token').read_text().strip()}"}
        trust = trust_in(self._account / "ca.crt") if self._url.startswith("https:") else True
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers, raise_for_status=True) as session,
            session.get(self._url, ssl=trust) as response,
        ):
            items: list[JsonObject] = orjson.loads(await response.read())["items"]
            return items

    def _unreadable(self, sentence: str, error: Exception) -> RemediationsUnreadableError:
        if (said := f"{type(error).__name__}: {error}") != self._logged:
            self._logged = said
            log.warning("remediations_unreadable", error=said)
        return RemediationsUnreadableError(sentence)


def trust_in(authority: Path) -> ssl.SSLContext:
    """Return the trust in one authority, without OpenSSL's strict mode.

    Python 3.13 turned it on, and it refuses the authorities without a key usage that many clusters have. The
    signature, the host name and the dates are verified.
    """
    context = ssl.create_default_context(cafile=authority)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
