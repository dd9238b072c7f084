"""The servers that are followed: each says how, and how its book is made to change."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Final

import orjson

from bench import seed
from bench.live import people
from bench.live.client import Following
from bench.live.feed import NUMBER, STAMP, Feeding, over_http, over_valkey
from bench.servers import Leporello, Operation, Place, Server
from bench.servers.peers import Elysia, Peer
from models.id import outside

BOOK: Final = outside("bk", seed.BOOKS[0])
#: Of an event for the others, in Valkey.
MESSAGE_BYTES: Final = 352
_SECRET: Final = "only for the time of this benchmark: 9876543210"
_EDITORS: Final = 16
"""Connections that edits come in on."""
_AHEAD: Final = 256
"""Messages that Valkey has been sent and has not yet answered."""
_DOCUMENT: Final = (
    "subscription Follow($book: ID!) { bookEvents(bookId: $book) { __typename bookId seq batchId actor { id name } "
    "... on CanvasChanged { elements { id x y width height angle orderKey } } } }"
)


class Followed(Server):
    """A server that tells of a book."""

    @abstractmethod
    async def following(self, place: Place) -> Following: ...

    @abstractmethod
    def feeding(self, place: Place) -> Feeding: ...


class LiveLeporello(Leporello, Followed):
    """Real edits, each committed: one element is moved. Followed by members, with everything on."""

    def environment(self, place: Place) -> Mapping[str, str]:
        return {**super().environment(place), "SECRET_KEY": _SECRET}

    async def following(self, place: Place) -> Following:
        return Following("/graphql", await people.inits(place.database_url, _SECRET), _subscribe())

    def feeding(self, place: Place) -> Feeding:
        request = self.asked(Operation.MOVE, seed.BOOKS[0], seed.element_of(0, 7))
        assert request
        moved = request.filled(float(NUMBER), 0.0, STAMP)
        headers = {**request.headers, **people.editor(_SECRET)}
        edit = type(request)(request.method, request.path, headers)
        return over_http(self.port, edit, orjson.dumps(moved), self.must(Operation.MOVE), _EDITORS)


class _FromValkey(Followed):
    """Nothing is committed, nobody is asked who they are."""

    def feeding(self, place: Place) -> Feeding:
        return over_valkey(place.redis_url, f"live:{BOOK}", message(), _AHEAD)


class LiveYoga(Peer, _FromValkey):
    name = "Yoga on ws"
    program = "yoga-live"

    async def following(self, place: Place) -> Following:
        return Following("/graphql", ["{}"], _subscribe())


class LiveElysia(Elysia, _FromValkey):
    """A topic of Bun's: no GraphQL, one frame for all."""

    name = "Elysia, publish"
    program = "elysia-live"

    async def following(self, place: Place) -> Following:
        return Following(f"/live/{BOOK}")


KINDS: Final[dict[str, type[Followed]]] = {"leporello": LiveLeporello, "yoga": LiveYoga, "elysia": LiveElysia}


def message() -> bytes:
    """What Leporello tells of such an edit, as bare JSON."""
    numbers = {"x": float(NUMBER), "y": 0.0, "width": 420.0, "height": 280.5, "angle": 0.05}
    event = {
        "__typename": "CanvasChanged",
        "bookId": BOOK,
        "seq": NUMBER,
        "batchId": STAMP,
        "actor": {"id": outside("us", seed.VIEWER), "name": "Reader 0"},
        "elements": [{"id": outside("el", seed.element_of(0, 7)), **numbers, "orderKey": "a0"}],
    }
    missing = MESSAGE_BYTES - len(orjson.dumps(event))
    event["actor"] = {"id": outside("us", seed.VIEWER), "name": "Reader 0" + "o" * missing}
    return orjson.dumps(event)


def _subscribe() -> str:
    return orjson.dumps({"query": _DOCUMENT, "variables": {"book": BOOK}}).decode()
