"""Websockets by hand, to see how they end; and waiting for what must soon be so."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.client import Client


@asynccontextmanager
async def opening(client: Client, token: str | None = None) -> AsyncIterator[ClientConnection]:
    """A websocket that has said whose it is, and may be refused."""
    address = client.url.replace("http://", "ws://") + "/graphql"
    protocols = [Subprotocol("graphql-transport-ws")]
    # With a bound it stops reading, and does not hear that its own end is answered for the ten seconds that it waits.
    async with connect(address, subprotocols=protocols, max_queue=None) as connection:
        init = {"type": "connection_init", "payload": {"authorization": f"Bearer {token or client.token}"}}
        await connection.send(json.dumps(init))
        yield connection


@asynccontextmanager
async def opened(client: Client, token: str | None = None) -> AsyncIterator[ClientConnection]:
    """A websocket that was let in."""
    async with opening(client, token) as connection:
        assert json.loads(await asyncio.wait_for(connection.recv(), 5)) == {"type": "connection_ack"}
        yield connection


async def is_alive(connection: ClientConnection) -> bool:
    await connection.send(json.dumps({"type": "ping"}))
    return bool(json.loads(await connection.recv()) == {"type": "pong"})


async def close_code(connection: ClientConnection, within: float = 1.0) -> int | None:
    """What it ends with, within so many seconds and with nothing said before."""
    with pytest.raises(ConnectionClosed):
        pytest.fail(f"heard {await asyncio.wait_for(connection.recv(), within)!r}")
    return connection.close_code


async def until(holds: Callable[[], Awaitable[bool]], within: float = 1.0) -> None:
    """Asks again and again, for as many seconds at most."""
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
