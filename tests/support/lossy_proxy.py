"""A TCP proxy before Redis that loses replies: the command is performed, the connection breaks before the reply."""

import asyncio
from contextlib import suppress


class LossyProxy:
    """Forwards connections to a Redis. Each time a command contains one of `lose`, its reply is lost, once per entry.

    Redis replies in order per connection, so the reply to a command is the first data after it. That holds while a
    connection has one command in flight, as those of redis-py's pool have.
    """

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.lose: list[bytes] = []
        self.lost = 0

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._upstream)
            with suppress(OSError):
                await self._exchange(reader, writer, up_reader, up_writer)
            up_writer.transport.abort()
        finally:
            writer.transport.abort()
            self._connections.discard(task)

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
    ) -> None:
        while command := await reader.read(1 << 20):
            up_writer.write(command)
            reply = await up_reader.read(1 << 20)
            found = next((part for part in self.lose if part in command), None)
            # An unknown script is not performed; the client sends it again in full.
            if found is not None and not reply.startswith(b"-NOSCRIPT"):
                self.lose.remove(found)
                self.lost += 1
                return
            writer.write(reply)
            await writer.drain()
