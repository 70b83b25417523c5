import ssl

import kopf

from remediator.tls import ApiServerConnection


def test_strict_mode_is_off_and_verification_on() -> None:
    connection = ApiServerConnection.like(kopf.ConnectionInfo(server="https://api", token="secret"))
    context = connection.as_ssl_context()
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert (connection.server, connection.token) == ("https://api", "secret")
