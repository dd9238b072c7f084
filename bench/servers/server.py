"""A server: how it is started, and how it is asked."""

import os
import socket
from abc import ABC, abstractmethod
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from bench import seed
from bench.load import Request
from bench.machine import SERVER_CORE
from bench.process import running, until_it_listens
from bench.servers.operation import MUST, WRITES, Operation

POOL: Final = 10
"""Connections to Postgres that each server has."""
_DOCUMENTS: Final = Path(__file__).parent.parent / "documents"
_PLACES: Final = range(0, 100, 20)
"""The elements of each book that are moved, in turn."""
_JSON: Final = {"content-type": "application/json"}


@dataclass(frozen=True)
class Place:
    """Where the servers find what they need, and where they may write."""

    database_url: str
    redis_url: str
    folder: Path


class Server(ABC):
    """Entered with `serving`; before that it has no process."""

    name: str
    process: Process

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    @abstractmethod
    def command(self) -> Sequence[str]: ...

    @abstractmethod
    def environment(self, place: Place) -> Mapping[str, str]: ...

    @abstractmethod
    def asked(self, operation: Operation, book: UUID, element: UUID) -> Request | None:
        """About this book and its element; None for what this server is not asked."""

    def requests(self, operation: Operation) -> list[Request]:
        """About each of the books in turn; for a write, about some elements of each."""
        places = _PLACES if operation in WRITES else (0,)
        asked = (
            self.asked(operation, book, seed.element_of(number, place))
            for place in places
            for number, book in enumerate(seed.BOOKS[:1] if operation is Operation.MOVE_IN_ONE else seed.BOOKS)
        )
        return [one for one in asked if one is not None]

    def must(self, operation: Operation) -> str:
        """What stands in every good answer, and in no other."""
        return MUST[operation]

    def same(self, answer: Any) -> Any:
        """The answer as Leporello would have said it."""
        return answer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self.process.pid

    @asynccontextmanager
    async def serving(self, place: Place) -> AsyncIterator[None]:
        log = place.folder / f"{self.name.lower()}.log"
        base = {"LANG": "C.UTF-8", "TZ": "UTC", "PORT": str(self.port), "TMPDIR": str(place.folder)}
        environment = {**base, **self.environment(place)}
        async with running(self.command(), environment, core=SERVER_CORE, log=log, folder=place.folder) as self.process:
            await until_it_listens(self.process, self.port, log)
            yield


def post(document: str, variables: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Request:
    """GraphQL over HTTP; `document` names one of ours."""
    # As a client's compiler sends it.
    text = " ".join((_DOCUMENTS / f"{document}.graphql").read_text().split())
    body = {"query": text, **({"variables": variables} if variables else {})}
    return Request("POST", "/graphql", {**_JSON, **(headers or {})}, body)


def post_json(path: str, body: Any) -> Request:
    return Request("POST", path, _JSON, body)


def processors() -> str:
    """The name of this machine's kind in npm's packages."""
    return {"x86_64": "x64", "aarch64": "arm64"}[os.uname().machine]
