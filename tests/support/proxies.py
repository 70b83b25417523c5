"""An HTTP proxy and a SOCKS5 proxy that let connections through to one server, whatever host they are asked for.

A client that resolves names itself cannot use them with a host that does not exist.
"""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_SOCKS = 5
_NO_AUTHENTICATION, _USER_AND_PASSWORD, _NONE_ACCEPTABLE = 0x00, 0x02, 0xFF


@dataclass
class Proxy:
    """`credentials` is USER:PASSWORD where the proxy asks for them; it refuses every connection while `refuses`."""

    scheme: str
    server_port: int
    credentials: str = ""
    refuses: bool = False
    targets: list[str] = field(default_factory=list)
    port: int = 0

    def url(self, credentials: str | None = None) -> str:
        given = self.credentials if credentials is None else credentials
        return f"{self.scheme}://{given}{'@' if given else ''}127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            accepted = await (self._connect(reader, writer) if self.scheme == "http" else self._socks(reader, writer))
            if accepted:
                await self._tunnel(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            # The client has gone.
            return
        finally:
            writer.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """RFC 9110, 9.3.6: CONNECT names host and port, any 2xx starts the tunnel; 11.7 and 15.5.8: the 407."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split(" ", 2)
        if method != "CONNECT":
            writer.write(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
            return False
        expected = base64.b64encode(self.credentials.encode()).decode()
        if self.credentials and f"Proxy-Authorization: Basic {expected}\r\n" not in head:
            challenge = b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="p"\r\n\r\n'
            writer.write(challenge)
            return False
        self.targets.append(target)
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n" if self.refuses else b"HTTP/1.1 200 Connected\r\n\r\n")
        return not self.refuses

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """RFC 1928, 3: method selection, 4: the request, 6: the reply; RFC 1929: user and password."""
        _version, count = await reader.readexactly(2)
        offered = await reader.readexactly(count)
        method = _USER_AND_PASSWORD if self.credentials else _NO_AUTHENTICATION
        if method not in offered:
            writer.write(bytes([_SOCKS, _NONE_ACCEPTABLE]))
            return False
        writer.write(bytes([_SOCKS, method]))
        if method == _USER_AND_PASSWORD:
            await reader.readexactly(1)
            user = await self._sized(reader)
            password = await self._sized(reader)
            accepted = f"{user}:{password}" == self.credentials
            writer.write(bytes([1, 0 if accepted else 1]))
            if not accepted:
                return False
        _version, _command, _reserved, kind = await reader.readexactly(4)
        # 3: a domain name, which the proxy resolves.
        host = await self._sized(reader) if kind == 3 else str(kind)
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.targets.append(f"{host}:{port}")
        # 2: connection not allowed by ruleset.
        writer.write(bytes([_SOCKS, 2 if self.refuses else 0, 0, 1, 0, 0, 0, 0, 0, 0]))
        return not self.refuses

    async def _sized(self, reader: asyncio.StreamReader) -> str:
        [size] = await reader.readexactly(1)
        return (await reader.readexactly(size)).decode()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self.server_port)
        await asyncio.gather(_copy(reader, to_server), _copy(from_server, writer))


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        # One side has gone, so the other goes too.
        return
    finally:
        sink.close()


@asynccontextmanager
async def proxying(scheme: str, server_port: int, credentials: str = "") -> AsyncIterator[Proxy]:
    """Run a proxy of `scheme` (`http` or `socks5`) in front of the server at `server_port`."""
    proxy = Proxy(scheme, server_port, credentials)
    listening = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = listening.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listening.close()
