"""This program, with everything on: the token is checked, the session known, limits held, every operation logged."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from bench import seed
from bench.load import Request
from bench.load.request import WORD, X, Y
from bench.servers.operation import MOVES, Operation
from bench.servers.server import POOL, Place, Server, post
from models.id import outside
from resolvers.keyring import Keyring
from resolvers.token import AccessTokens

_ROOT = Path(__file__).parent.parent.parent
_SECRET = "only for the time of this benchmark: 0123456789"
_DOCUMENTS = {
    Operation.BOOK: "book",
    Operation.BOOK_WITH_URLS: "book-with-urls",
    Operation.BOOKS: "books",
    Operation.MOVE: "apply",
    Operation.MOVE_IN_ONE: "apply",
}


class Leporello(Server):
    name = "Leporello"

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "server", "serve"]

    def environment(self, place: Place) -> Mapping[str, str]:
        return {
            # The program beside this bench, wherever another may be installed.
            "PYTHONPATH": str(_ROOT),
            "ENVIRONMENT": "production",
            "PUBLIC_URL": self.url,
            "SECRET_KEY": _SECRET,
            # One client stands for all.
            "RATE_FACTOR": "1e6",
            "DATABASE_URL": place.database_url,
            "DATABASE_POOL": str(POOL),
            "REDIS_URL": place.redis_url,
            # Addresses are signed for it, and nobody goes there.
            "S3_ENDPOINT": "http://127.0.0.1:9",
            "S3_ACCESS_KEY": "bench",
            "S3_SECRET_KEY": "bench",
        }

    def asked(self, operation: Operation, book: UUID, element: UUID) -> Request | None:
        if operation not in _DOCUMENTS:
            return None
        variables: dict[str, object] = {}
        if operation in (Operation.BOOK, Operation.BOOK_WITH_URLS):
            variables = {"id": outside("bk", book)}
        elif operation in MOVES:
            moved = {"id": outside("el", element), "x": X, "y": Y}
            given = {"bookId": outside("bk", book), "operations": [{"updateElement": moved}], "batchId": WORD}
            variables = {"input": given}
        return post(_DOCUMENTS[operation], variables, authorization())

    def must(self, operation: Operation) -> str:
        # A refusal is an answer too.
        return '"status":"APPLIED"' if operation in MOVES else super().must(operation)

    def same(self, answer: Any) -> Any:
        # Only we say what an operation cost.
        return {name: value for name, value in answer.items() if name != "extensions"}


def authorization() -> dict[str, str]:
    """Of the viewer, good for as long as an access token is."""
    token, _ = AccessTokens(Keyring(_SECRET)).issue(seed.VIEWER, seed.SESSION, datetime.now(UTC))
    return {"authorization": f"Bearer {token}"}
