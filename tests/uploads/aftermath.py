"""What is left after uploads were killed, and what becomes of it when everybody comes back."""

import asyncio
import json
import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from uuid import UUID

import asyncpg

from models import Book, Member, Role, User
from models.columns import now
from models.id import new_id, outside
from models.image import TICKET_LIFETIME
from models.object import PREFIX, Part, key_of
from resolvers import image
from resolvers.context import Context, Parts, Viewer
from resolvers.jobs import REGISTRY
from resolvers.jobs.sweep import Sweep
from server.app import parts_of
from server.settings import Settings
from server.worker import Worker
from storage.picture import HEAD, sniff
from tests.running import ROOT
from tests.uploads.killing import POINTS, file_of, photo, put

#: Bytes of the largest file that is looked at.
_MOST = 1 << 20


@dataclass
class Aftermath:
    kills: int = 0
    #: How the photos stood once the worker had come back, before their clients did.
    stood: Counter[str] = field(default_factory=Counter)
    #: Files that the first sweep deleted.
    swept: int = 0
    ready: int = 0
    faults: list[str] = field(default_factory=list)


async def kill(settings: Settings, sql: asyncpg.Connection, *, kills: int, seed: int) -> Aftermath:
    """So many uploads, each killed at one of the POINTS; then all is done that is owed, swept, and done again.

    The settings have a database and a bucket that nobody else uses.
    """
    after = Aftermath(kills)
    first = seed * len(POINTS)
    numbers = range(first, first + kills)
    async with parts_of(settings) as parts:
        user_id, book_id = await _book(parts)
        after.faults += await _killed(settings, user_id, book_id, first, kills)
        await _comes_back(parts, sql)
        rows = await sql.fetch("SELECT status, count(*) FROM images GROUP BY status")
        after.stood = Counter({row["status"]: row["count"] for row in rows})
        if unended := {*after.stood} - {"PENDING", "READY"}:
            after.faults.append(f"after all tries some are {unended}")
        await _look(parts, sql, after)
        await _sweep_twice(parts, after)
        viewer = Context(parts, Viewer(user_id, user_id, now() + timedelta(hours=1)))
        for number in numbers:
            await _again(viewer, book_id, number)
        await _comes_back(parts, sql)
        ready = {row["sha256"] for row in await sql.fetch("SELECT sha256 FROM images WHERE status = 'READY'")}
        after.ready = sum(file_of(number).sha256 in ready for number in numbers)
        await _sweep_twice(parts, after)
        await _look(parts, sql, after, whole=True)
    return after


async def _book(parts: Parts) -> tuple[UUID, UUID]:
    user, book = User(name="Ada", email=f"{new_id()}@example.org"), Book(title="By the sea")
    async with parts.database.session.begin() as rows:
        rows.add_all([user, book])
        await rows.flush()
        rows.add(Member(book_id=book.id, user_id=user.id, role=Role.OWNER))
    return user.id, book.id


async def _killed(settings: Settings, user_id: UUID, book_id: UUID, first: int, kills: int) -> list[str]:
    told = {"user_id": str(user_id), "book_id": str(book_id), "first": first, "kills": kills}
    given = settings.model_dump(exclude_unset=True, mode="json")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.uploads.killing"),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate(json.dumps({**told, "settings": given}).encode())
    assert process.returncode == 0, "the killer was killed"
    return list(json.loads(said))


async def _comes_back(parts: Parts, sql: asyncpg.Connection) -> None:
    """A worker, once the leases of those that were killed have lapsed."""
    await sql.execute("UPDATE jobs SET leased_until = now() - interval '1 s' WHERE state = 'RUNNING'")
    worker = Worker(parts, REGISTRY)
    await worker.tend()
    # Before what is put late is looked for, or there would be nothing left to sweep.
    await worker.drain(upto=now() + TICKET_LIFETIME - timedelta(minutes=5))


async def _again(viewer: Context, book_id: UUID, number: int) -> None:
    """What a client does that does not know how far it had come: all of it."""
    [upload] = await image.request(viewer, book_id=book_id, files=[file_of(number)])
    if upload.ticket:
        await put(upload, photo(number))
    await image.complete(viewer, [outside("im", upload.image.id)])


async def _sweep_twice(parts: Parts, after: Aftermath) -> None:
    first = await Sweep(parts, young=timedelta(0)).run()
    await Worker(parts, REGISTRY).drain()
    second = await Sweep(parts, young=timedelta(0)).run()
    after.swept += first.orphans + first.leftovers
    if first.damaged:
        after.faults.append(f"{first.damaged} photos without their bytes")
    if again := second.orphans + second.leftovers + second.released + second.expired:
        after.faults.append(f"the second sweep found {again} more")


async def _look(parts: Parts, sql: asyncpg.Connection, after: Aftermath, *, whole: bool = False) -> None:
    """Whether what can be seen is there, and is what was verified; `whole`: and nothing else is there."""
    wanted: set[str] = set()
    for row in await sql.fetch("SELECT object_id, size, sha256, thumbhash FROM images WHERE status = 'READY'"):
        for part in Part:
            key, file = key_of(row["object_id"], part), BytesIO()
            wanted.add(key)
            received = await parts.objects.read_into(key, file, _MOST)
            if part is Part.ORIGINAL and received.sha256 != row["sha256"]:
                after.faults.append(f"{key} is not what was declared")
            if sniff(file.getvalue()[:HEAD]) not in ("image/jpeg", "image/webp"):
                after.faults.append(f"{key} is no picture")
        if row["thumbhash"] is None:
            after.faults.append(f"{row['object_id']} was not developed")
    there = {found.key async for found in parts.objects.list("")}
    if missing := wanted - there:
        after.faults.append(f"{len(missing)} files are missing: {sorted(missing)[:3]}")
    if whole and (left := there - wanted):
        after.faults.append(f"{len(left)} files are left over: {sorted(left)[:3]}")
    objects = {str(row["id"]) for row in await sql.fetch("SELECT id FROM objects")}
    if unknown := {key.split("/")[1] for key in there if key.startswith(PREFIX)} - objects:
        after.faults.append(f"{len(unknown)} objects have no row")
    # But those that wait for a ticket to expire.
    is_due = "name LIKE 'photo.%' AND state <> 'DONE' AND coalesce(key, '') NOT LIKE '% late'"
    open_jobs = f"state IN ('RUNNING', 'DEAD') OR {is_due}"
    if left_over := await sql.fetch(f"SELECT id FROM jobs WHERE {open_jobs}"):
        after.faults.append(f"{len(left_over)} jobs have not ended")
