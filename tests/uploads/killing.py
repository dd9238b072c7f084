"""Uploads that are killed on their way (rows S57 and T13): `python -m tests.uploads.killing`, told what by stdin.

One upload is one process, which ends itself by SIGKILL at a point of its story; all of them come from one that has
imported everything.
"""

import asyncio
import hashlib
import json
import os
import signal
import sys
from datetime import timedelta
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import event

from models.columns import now
from models.id import outside
from resolvers import image
from resolvers.context import Context, Parts, Viewer
from resolvers.image import Upload
from resolvers.jobs import REGISTRY
from server.app import parts_of
from server.observe import logs
from server.settings import Settings
from server.worker import Worker
from storage.jobs import Queue
from tests.images import made

#: Where it ends, in the order in which an upload comes by.
POINTS: Final = (
    "asked, and not committed",
    "asked, and not answered",
    "half of it put",
    "put, and not completed",
    "completed, and not committed",
    "completed, and nobody told",
    "taken in, and not read",
    "read, and not developed",
    "developed, and not kept",
    "some of it kept",
    "all of it kept, and not committed",
    "ready, and nobody told",
    "ready, and not taken out of quarantine",
)
#: What a process says that came to its end alive.
SURVIVED: Final = 7
#: Files that are kept of a photo.
MADE: Final = 3


def photo(number: int) -> bytes:
    """Like no other, and the same each time."""
    return made(".jpg", 300, 200) + f"photo {number}".encode()


def file_of(number: int) -> image.File:
    data = photo(number)
    return image.File(f"{number}.jpg", "image/jpeg", len(data), hashlib.sha256(data).hexdigest())


async def put(upload: Upload, data: bytes, *, most: int | None = None) -> None:
    """As a browser does it; `most` bytes of it and no more."""
    ticket = upload.ticket
    assert ticket
    head = "".join(
        f'--end\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in ticket.fields.items()
    )
    head += '--end\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    body = head.encode() + data + b"\r\n--end--\r\n"
    address = urlsplit(ticket.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(
        f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary=end\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )
    writer.write(body[:most])
    await writer.drain()
    if most is None:
        assert b" 204 " in await reader.readline()
    writer.close()


def die(*_: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it is dead")


def _before_commit(parts: Parts) -> None:
    event.listen(parts.database.engine.sync_engine, "commit", die)


def _untold(parts: Parts) -> None:
    parts.announcements.tell = die  # type: ignore[method-assign, assignment]


def _arm(parts: Parts, point: str, number: int) -> None:
    """Has the worker end at that point."""
    objects, pictures, finish = parts.objects, parts.pictures, Queue.finish_in
    copy, store, develop, stored = objects.copy, objects.store, pictures.develop, 0

    async def finish_and_die(*how: Any) -> None:
        await finish(*how)
        if point == "ready, and nobody told":
            _untold(parts)
        else:
            _before_commit(parts)

    async def develop_and_die(*how: Any) -> None:
        await develop(*how)
        die()

    async def store_and_die(*how: Any, **more: Any) -> None:
        nonlocal stored
        await store(*how, **more)
        stored += 1
        if stored == 1 + number % (MADE - 1):
            die()

    async def copy_and_die(*how: Any, **more: Any) -> None:
        await copy(*how, **more)
        die()

    match point:
        case "taken in, and not read":
            objects.copy = copy_and_die  # type: ignore[method-assign, assignment]
        case "read, and not developed":
            pictures.develop = die  # type: ignore[method-assign, assignment]
        case "developed, and not kept":
            pictures.develop = develop_and_die  # type: ignore[method-assign, assignment]
        case "some of it kept":
            objects.store = store_and_die  # type: ignore[method-assign, assignment]
        case "all of it kept, and not committed" | "ready, and nobody told":
            Queue.finish_in = finish_and_die  # type: ignore[method-assign, assignment]
        case "ready, and not taken out of quarantine":
            objects.delete = die  # type: ignore[method-assign, assignment]


async def _story(settings: Settings, user_id: UUID, book_id: UUID, number: int) -> None:
    point = POINTS[number % len(POINTS)]
    async with parts_of(settings) as parts:
        viewer = Context(parts, Viewer(user_id, user_id, now() + timedelta(hours=1)))
        if point == "asked, and not committed":
            _before_commit(parts)
        [upload] = await image.request(viewer, book_id=book_id, files=[file_of(number)])
        if point == "asked, and not answered":
            die()
        if point == "half of it put":
            await put(upload, photo(number), most=1_500)
            die()
        await put(upload, photo(number))
        if point == "put, and not completed":
            die()
        if point == "completed, and not committed":
            _before_commit(parts)
        if point == "completed, and nobody told":
            _untold(parts)
        await image.complete(viewer, [outside("im", upload.image.id)])
        _arm(parts, point, number)
        await Worker(parts, REGISTRY).drain()


def main(settings: Settings, user_id: UUID, book_id: UUID, numbers: range) -> list[str]:
    """What went otherwise than by SIGKILL at its point."""
    faults = []
    for number in numbers:
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(_story(settings, user_id, book_id, number))
            finally:
                os._exit(SURVIVED)
        _, ended = os.waitpid(child, 0)
        if not os.WIFSIGNALED(ended) or os.WTERMSIG(ended) != signal.SIGKILL:
            faults.append(f"{number} was not killed: {POINTS[number % len(POINTS)]}")
    return faults


if __name__ == "__main__":
    logs.configure(json=True, level="error", to=sys.stderr.buffer)
    told = json.load(sys.stdin)
    found = main(
        Settings(_env_file=None, **told["settings"]),  # type: ignore[call-arg]
        UUID(told["user_id"]),
        UUID(told["book_id"]),
        range(told["first"], told["first"] + told["kills"]),
    )
    json.dump(found, sys.stdout)
