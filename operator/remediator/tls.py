"""Trust in the API server as every other Kubernetes client has it.

Python 3.13 turned on OpenSSL's strict X.509 checks by default. Many clusters' certificate authorities were made
without the key usage extension that these demand, and kubectl, Go and older Pythons accept them; so does this. The
signature, the host name and the dates are still verified.
"""

import dataclasses
import ssl
from typing import Self

import kopf


class ApiServerConnection(kopf.ConnectionInfo):
    """kopf's connection to the API server, without OpenSSL's strict mode."""

    @classmethod
    def like(cls, connection: kopf.ConnectionInfo) -> Self:
        """Return a copy of ``connection``."""
        return cls(**{field.name: getattr(connection, field.name) for field in dataclasses.fields(connection)})

    def as_ssl_context(self) -> ssl.SSLContext:
        """Return kopf's context, relaxed."""
        context = super().as_ssl_context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context
