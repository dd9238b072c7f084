"""That all servers answer alike, and really do what they say, before anything is timed."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx
import orjson
from redis.asyncio import Redis

from bench import seed
from bench.load import Request
from bench.servers import MOVES, WRITES, Operation, Place, Server
from storage.channels import book_channel

_PATIENCE: Final = 30.0
"""Seconds for one answer, and for what is published to be heard."""
_SHOWN: Final = 300
"""Characters of what differs that are told."""
_X, _Y, _WORD = 12.5, -7.25, "checked"


class Differs(Exception):
    """A server does not do the same as the others; the message says which, and what."""


async def check(servers: Sequence[Server], operations: Sequence[Operation], place: Place) -> None:
    """Asks every server about every book. Raises Differs."""
    async with httpx.AsyncClient(timeout=_PATIENCE) as http:
        for operation in operations:
            if operation in WRITES:
                for server in servers:
                    await _moves(http, server, operation, place)
            else:
                await _alike(http, servers, operation)


async def _alike(http: httpx.AsyncClient, servers: Sequence[Server], operation: Operation) -> None:
    for number, book in enumerate(seed.BOOKS):
        expected: Any = None
        for server in servers:
            request = server.asked(operation, book, seed.element_of(number, 0))
            if request is None:
                continue
            answer = server.same(await _answer(http, server, request, request.body))
            expected = expected or answer
            if answer != expected:
                where, one, other = _difference(answer, expected, "")
                raise Differs(f"{server.name} differs in ({operation}) at {where}: {_short(one)}, not {_short(other)}.")


async def _moves(http: httpx.AsyncClient, server: Server, operation: Operation, place: Place) -> None:
    """That the element is where it was moved, and the journal and the listeners know."""
    book, element = seed.BOOKS[0], seed.element_of(0, 7)
    request = server.asked(operation, book, element)
    if request is None:
        return
    database = await asyncpg.connect(place.database_url)
    try:
        before = await database.fetchval("SELECT seq FROM books WHERE id = $1", book)
        async with _listening(place, book) as heard:
            await _answer(http, server, request, request.filled(_X, _Y, f"{_WORD} {operation} {server.name}"))
            message = await heard.get_message(timeout=_PATIENCE)
        if message is None:
            raise Differs(f"{server.name} published nothing in ({operation}).")
        if await database.fetchrow("SELECT x, y FROM elements WHERE id = $1", element) != (_X, _Y):
            raise Differs(f"{server.name} did not move the element in ({operation}).")
        if operation in MOVES:
            await _is_told(database, server, operation, before + 1)
        await database.execute("UPDATE elements SET x = 0, y = 0 WHERE id = $1", element)
    finally:
        await database.close()


async def _is_told(database: asyncpg.Connection, server: Server, operation: Operation, seq: int) -> None:
    book, element = seed.BOOKS[0], seed.element_of(0, 7)
    row = await database.fetchrow(
        "SELECT b.seq, e.kind, e.payload, e.actor_id, e.batch_id FROM books b "
        "LEFT JOIN events e ON e.book_id = b.id AND e.seq = b.seq WHERE b.id = $1",
        book,
    )
    payload = orjson.loads(row["payload"] or "{}")
    [told] = payload["elements"] if isinstance(payload, dict) and payload.get("elements") else [{}]
    found = (row["seq"], row["kind"], row["actor_id"], row["batch_id"], *map(told.get, ("id", "x", "y", "seq")))
    wanted = (seq, "CanvasChanged", seed.VIEWER, f"{_WORD} {operation} {server.name}", str(element), _X, _Y, seq)
    if found != wanted:
        raise Differs(f"{server.name} wrote another journal: {found}, not {wanted}.")


@asynccontextmanager
async def _listening(place: Place, book: UUID) -> AsyncIterator[Any]:
    async with Redis.from_url(place.redis_url) as valkey, valkey.pubsub() as heard:
        await heard.subscribe(book_channel(book))
        await heard.get_message(timeout=_PATIENCE)
        heard.ignore_subscribe_messages = True
        yield heard


async def _answer(http: httpx.AsyncClient, server: Server, request: Request, body: Any) -> Any:
    sent = None if body is None else orjson.dumps(body)
    response = await http.request(request.method, server.url + request.path, headers=request.headers, content=sent)
    answer = response.json() if response.status_code == 200 else {"errors": response.text[:500]}
    if "errors" in answer:
        raise Differs(f"{server.name} answers {response.status_code}: {answer['errors']}")
    return answer


def _difference(one: Any, other: Any, path: str) -> tuple[str, Any, Any]:
    """Where two trees differ first, and how."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        pairs: list[tuple[Any, Any, Any]] = [(name, one[name], other[name]) for name in one]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = list(zip(range(len(one)), one, other, strict=True))
    else:
        return path, one, other
    name, left, right = next(pair for pair in pairs if pair[1] != pair[2])
    return _difference(left, right, f"{path}.{name}")


def _short(value: Any) -> str:
    shown = sorted(value) if isinstance(value, dict) else f"{len(value)} items" if isinstance(value, list) else value
    return f"{shown!r}"[:_SHOWN]
