"""The others, which run bare: no token, no permissions, no limits, no log."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from bench import seed
from bench.load import Request
from bench.load.request import WORD, X, Y
from bench.servers.operation import MOVES, WRITES, Operation
from bench.servers.server import POOL, Place, Server, post, post_json, processors
from models.id import outside

FOLDER: Final = Path(__file__).parent.parent / "peers"
_MODULES: Final = FOLDER / "node_modules"
_DOCUMENTS = {
    Operation.BOOK: "book",
    Operation.BOOKS: "books",
    Operation.MOVE: "move",
    Operation.MOVE_IN_ONE: "move",
    Operation.NUDGE: "nudge",
}


class Peer(Server):
    """On Node, asked in GraphQL with the same documents as Leporello."""

    program: str

    def command(self) -> Sequence[str]:
        return [str(node()), str(FOLDER / f"{self.program}.mjs")]

    def environment(self, place: Place) -> Mapping[str, str]:
        return {
            "NODE_ENV": "production",
            "GRAPHILE_ENV": "production",
            "DATABASE_URL": place.database_url,
            "REDIS_URL": place.redis_url,
            "POOL": str(POOL),
            "VIEWER": str(seed.VIEWER),
        }

    def document(self, operation: Operation) -> str:
        return _DOCUMENTS[operation]

    def asked(self, operation: Operation, book: UUID, element: UUID) -> Request | None:
        if operation not in _DOCUMENTS:
            return None
        return post(self.document(operation), self.variables(operation, book, element))

    def variables(self, operation: Operation, book: UUID, element: UUID) -> dict[str, Any]:
        if operation in WRITES:
            return moved(operation, book, element)
        return {"id": outside("bk", book)} if operation is Operation.BOOK else {}


def moved(operation: Operation, book: UUID, element: UUID) -> dict[str, Any]:
    batch = {"batchId": WORD} if operation in MOVES else {}
    return {"bookId": outside("bk", book), "id": outside("el", element), "x": X, "y": Y, **batch}


class Mercurius(Peer):
    name = "Mercurius"
    program = "mercurius"


class Yoga(Peer):
    name = "Yoga"
    program = "yoga"


class PostGraphile(Peer):
    """Its schema is that of the tables: other names, lists in place of connections, bare UUIDs."""

    name = "PostGraphile"
    program = "postgraphile"

    def document(self, operation: Operation) -> str:
        return f"{super().document(operation)}.postgraphile"

    def variables(self, operation: Operation, book: UUID, element: UUID) -> dict[str, Any]:
        return {"id": str(book)} if operation is Operation.BOOK else super().variables(operation, book, element)

    def same(self, answer: Any) -> Any:
        data = answer["data"]
        if "books" in data:
            return {"data": {"books": {"nodes": [_book(book) for book in data["books"]]}}}
        return {"data": {"book": _book(data["book"])}} if "book" in data else answer


def _book(book: dict[str, Any]) -> dict[str, Any]:
    mapped = {**book, "id": f"bk_{book['id']}"}
    if "elements" in book:
        mapped["elements"] = [_element(element) for element in book["elements"]]
        mapped["images"] = {"nodes": [_image(image) for image in book["images"]]}
        people = [(member, member["user"]) for member in book["members"]]
        mapped["members"] = [{**member, "user": {**user, "id": f"us_{user['id']}"}} for member, user in people]
    if book.get("cover"):
        mapped["cover"] = _image(book["cover"])
    return mapped


def _element(element: dict[str, Any]) -> dict[str, Any]:
    mapped = {**element, "id": f"el_{element['id']}"}
    if element.get("imageId"):
        mapped["imageId"] = f"im_{element['imageId']}"
    return mapped


def _image(image: dict[str, Any]) -> dict[str, Any]:
    # A number beyond 32 bits is text to it, since GraphQL's Int ends there.
    size = {"size": int(image["size"])} if "size" in image else {}
    return {**image, "id": f"im_{image['id']}", **size}


class Elysia(Peer):
    """REST, on Bun."""

    name = "Elysia"
    program = "elysia"

    def command(self) -> Sequence[str]:
        return [str(bun()), str(FOLDER / f"{self.program}.mjs")]

    def asked(self, operation: Operation, book: UUID, element: UUID) -> Request | None:
        if operation in WRITES:
            return post_json(f"/{_DOCUMENTS[operation]}", moved(operation, book, element))
        paths = {Operation.BOOK: f"/book/{outside('bk', book)}", Operation.BOOKS: "/books?first=20"}
        return Request("GET", paths[operation]) if operation in paths else None


PEERS: Final = (Mercurius, Yoga, PostGraphile, Elysia)


def node() -> Path:
    return _MODULES / f"node-linux-{processors()}" / "bin" / "node"


def bun() -> Path:
    return _MODULES / "@oven" / f"bun-linux-{processors().replace('arm64', 'aarch64')}" / "bin" / "bun"
