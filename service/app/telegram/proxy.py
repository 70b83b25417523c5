"""Opens connections to the Bot API through an HTTP proxy (CONNECT) or a SOCKS5 proxy.

The proxy resolves the server's name. Its address may hold a password, so no message here has it.
"""

import socket
import ssl

import aiohttp_socks
import python_socks
from aiohttp import TCPConnector
from python_socks.async_.asyncio import Proxy

PROXY_ERRORS = (
    *(python_socks.ProxyError, python_socks.ProxyConnectionError, python_socks.ProxyTimeoutError),
    *(aiohttp_socks.ProxyError, aiohttp_socks.ProxyConnectionError, aiohttp_socks.ProxyTimeoutError),
)
"""What fails at the proxy has not reached Telegram."""


async def connect_through(proxy: str, host: str, port: int, seconds: float) -> socket.socket:
    """Return a socket that is connected to `host` through `proxy`. Raises one of PROXY_ERRORS or OSError."""
    return await Proxy.from_url(proxy).connect(host, port, timeout=seconds)


def connector(proxy: str | None, *, limit: int, idle_seconds: float, tls: ssl.SSLContext | None) -> TCPConnector:
    """Return aiohttp's connector, through `proxy` where there is one."""
    if proxy is None:
        return TCPConnector(limit=limit, keepalive_timeout=idle_seconds, ssl=tls or True)
    return aiohttp_socks.ProxyConnector.from_url(proxy, limit=limit, keepalive_timeout=idle_seconds, ssl=tls or True)


def reason_of(error: Exception) -> str:
    """Return what failed: the type, with the proxy's status where it refused. The message of some holds an address."""
    code = getattr(error, "error_code", None)
    return type(error).__name__ if code is None else f"{type(error).__name__} {code}"
