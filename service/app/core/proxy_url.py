"""Addresses of proxies. They may hold a password, so no message here has one."""

from urllib.parse import unquote, urlsplit

_SCHEMES = ("http", "socks5", "socks5h")


def parse_proxy_url(text: str) -> str:
    """Return the address of a proxy with its scheme; one without a scheme is an HTTP proxy, as for curl.

    Raises ValueError for what is no address of an HTTP or SOCKS5 proxy, and for credentials that cannot be sent.
    """
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        whole = bool(parts.scheme in _SCHEMES and parts.hostname and parts.port)
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("must be http://HOST:PORT, socks5://HOST:PORT or either with USER:PASSWORD@ before HOST")
    user, password = credentials_of(url)
    # RFC 7617 forbids the colon in a user's name; a password beyond Latin-1 has no agreed encoding.
    if ":" in user or not all(ord(character) < 256 for character in user + password):
        raise ValueError("its user must have no colon, and user and password only Latin-1 characters")
    return url


def credentials_of(url: str) -> tuple[str, str]:
    """Return user and password, empty where there are none."""
    parts = urlsplit(url)
    return unquote(parts.username or ""), unquote(parts.password or "")


def is_bypassed(host: str, no_proxy: str) -> bool:
    """Return whether NO_PROXY (`*`, or hosts and domains with commas between) says to reach `host` directly."""
    names = [name.strip().lstrip(".").lower() for name in no_proxy.split(",")]
    return any(name and (name == "*" or f".{host.lower()}".endswith(f".{name}")) for name in names)
