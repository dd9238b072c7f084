"""All of it: photos that lie in the quarantine, from the last `completeUploads` to the last that is READY."""

import asyncio
import hashlib
import os
import resource
import signal
import sys
import time
from asyncio.subprocess import Process
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

from models import Book, Member, Role, User
from models.columns import now
from models.id import new_id, outside
from resolvers import image
from resolvers.context import Context, Parts, Viewer
from server import preparation
from server.app import parts_of
from server.embedded import Stack
from server.settings import Settings

#: How many are uploaded, and completed, in one request.
_FILES: Final = 100
#: Seconds for all of them, and between two looks.
_PATIENCE: Final = 900.0
_LOOK: Final = 0.05
_ROOT: Final = Path(__file__).parents[2]


class Whole(NamedTuple):
    """Seconds by the clock; of CPU, the worker's with its start and its processes; bytes that it had at most itself."""

    seconds: float
    cpu: float
    resident: int


async def whole(photos: list[Path], folder: Path) -> Whole:
    """On a stack of its own, with a worker as `leporello worker` starts it: as many processes as there are cores."""
    async with AsyncExitStack() as stack:
        addresses = await stack.enter_async_context(Stack(folder / "stack"))
        settings = Settings(_env_file=None, secret_key="bench", rate_factor=1e6, **asdict(addresses))  # type: ignore[call-arg]
        await preparation.database(settings)
        await preparation.bucket(settings)
        parts = await stack.enter_async_context(parts_of(settings))
        viewer, book_id = await _book(parts)
        ids = [
            id for start in range(0, len(photos), _FILES) for id in await _put(viewer, book_id, photos[start:][:_FILES])
        ]
        before = _cpu()
        worker = await _worker(settings)
        try:
            for start in range(0, len(ids), _FILES):
                await image.complete(viewer, ids[start:][:_FILES])
            began = time.perf_counter()
            async with asyncio.timeout(_PATIENCE):
                while await _left(parts):  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK)
            seconds = time.perf_counter() - began
            resident = _most(worker.pid)
        finally:
            worker.send_signal(signal.SIGTERM)
            await worker.wait()
        return Whole(seconds, _cpu() - before, resident)


async def _book(parts: Parts) -> tuple[Context, UUID]:
    user, book = User(name="Ada", email=f"{new_id()}@example.org"), Book(title="By the sea")
    async with parts.database.session.begin() as rows:
        rows.add_all([user, book])
        await rows.flush()
        rows.add(Member(book_id=book.id, user_id=user.id, role=Role.OWNER))
    return Context(parts, Viewer(user.id, user.id, now() + timedelta(hours=1))), book.id


async def _put(viewer: Context, book_id: UUID, photos: list[Path]) -> list[str]:
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in photos]
    files = [
        image.File(path.name, "image/jpeg", path.stat().st_size, digest)
        for path, digest in zip(photos, digests, strict=True)
    ]
    uploads = await image.request(viewer, book_id=book_id, files=files)
    for path, upload in zip(photos, uploads, strict=True):
        with path.open("rb") as file:
            await viewer.parts.objects.store(
                upload.image.upload_key,
                file,
                content_type="image/jpeg",
                content_disposition="attachment",
                cache_control="no-store",
            )
    return [outside("im", upload.image.id) for upload in uploads]


async def _worker(settings: Settings) -> Process:
    """Once it listens."""
    given = settings.model_dump(exclude_unset=True, mode="json")
    environment = {name.upper(): str(value) for name, value in given.items() if value is not None}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "worker"),
        cwd=_ROOT,
        env={**environment, "PATH": os.environ["PATH"]},
        stderr=asyncio.subprocess.STDOUT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    while b"the worker runs" not in (line := await process.stdout.readline()):
        assert line, "the worker has ended"
    # Or it would wait for us to hear it.
    asyncio.create_task(_ignore(process.stdout))  # noqa: RUF006
    return process


async def _ignore(said: asyncio.StreamReader) -> None:
    while await said.read(1 << 16):
        pass


async def _left(parts: Parts) -> bool:
    left = await parts.database.fetch_value("SELECT array_agg(DISTINCT status) FROM images WHERE status <> 'READY'")
    assert "FAILED" not in (left or ()), "a photo has failed"
    return bool(left)


def _most(pid: int) -> int:
    """Bytes that were resident at most."""
    return int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0]) << 10


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
