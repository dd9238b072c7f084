"""A TCP proxy to break connections with: it cuts, hangs, refuses and slows them, and changes their bytes."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Self

CHUNK = 64 * 1024

Alter = Callable[[bytes], bytes]


class Proxy:
    """Stands at 127.0.0.1:`port` before another server.

    Whatever is set on it (`to_server`, `to_client`, `bytes_per_second`) holds for open connections as well.
    """

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._server: asyncio.Server | None = None
        self._pairs: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}
        self._flows = asyncio.Event()
        self._flows.set()
        self.port = 0
        #: Connections taken so far.
        self.taken = 0
        #: What each chunk becomes on its way; nothing, if that is empty.
        self.to_server: Alter | None = None
        self.to_client: Alter | None = None
        #: How fast the client is sent to.
        self.bytes_per_second: int | None = None

    @property
    def open(self) -> int:
        return len(self._pairs)

    async def __aenter__(self) -> Self:
        await self.accept()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()

    async def accept(self) -> None:
        """Begins to listen, always at the same port."""
        if self._server is None:
            self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Cuts what is open, and refuses what comes."""
        server, self._server = self._server, None
        if server:
            server.close()
        await self.cut()

    async def cut(self) -> int:
        """Resets all open connections; how many there were."""
        tasks = list(self._pairs)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(tasks)

    def hang(self) -> None:
        """From now on no byte passes in either direction, and nobody is told."""
        self._flows.clear()

    def resume(self) -> None:
        """Lets pass what has waited, in order."""
        self._flows.set()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self.taken += 1
        writers = self._pairs[task] = [writer]
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._upstream)
            writers.append(server_writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, server_writer, toward_client=False))
                both.create_task(self._pump(server_reader, writer, toward_client=True))
        except* (OSError, RuntimeError, asyncio.CancelledError):
            # RuntimeError is uvloop's word for a closed transport.
            pass
        finally:
            del self._pairs[task]
            for each in writers:
                _reset(each)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, toward_client: bool) -> None:
        while chunk := await reader.read(CHUNK):
            await self._flows.wait()
            if alter := self.to_client if toward_client else self.to_server:
                chunk = alter(chunk)
            await self._write(writer, chunk, self.bytes_per_second if toward_client else None)
        # One side is done; the other may still have something to say.
        await self._flows.wait()
        with suppress(OSError, RuntimeError):
            writer.write_eof()

    async def _write(self, writer: asyncio.StreamWriter, chunk: bytes, per_second: int | None) -> None:
        step = max(1, per_second // 20) if per_second else len(chunk) or 1
        for start in range(0, len(chunk), step):
            writer.write(chunk[start : start + step])
            await writer.drain()
            if per_second:
                await asyncio.sleep(step / per_second)


def _reset(writer: asyncio.StreamWriter) -> None:
    # A closed transport has no socket any more, under uvloop.
    if sock := writer.get_extra_info("socket"):
        with suppress(OSError):
            # With no time to linger the other side gets RST in place of FIN.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
