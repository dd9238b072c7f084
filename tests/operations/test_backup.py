"""A backup of database and bucket, restored into a house where nothing is: every photo opens, and nothing else came."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

from resolvers.jobs.sweep import Sweep
from server.app import parts_of
from server.embedded import Stack, wheels
from server.preparation import objects_of
from server.settings import Settings
from storage.database import Database
from storage.journal import new_epochs
from storage.migrations import migrate
from tests.client import BOOKS, Client
from tests.images import made
from tests.operations.house import AT_ONCE, found
from tests.operations.served import all_of
from tests.people import People, uuid_of
from tests.running import served
from tests.uploads.putting import photo, shown


async def run(program: str, *words: str) -> None:
    """One of Postgres's own, in the version that the server has."""
    process = await asyncio.create_subprocess_exec(wheels.postgres(program), *words)
    assert await process.wait() == 0


async def copy(old: Settings, new: Settings) -> None:
    """What `rclone sync` does."""
    async with objects_of(old) as source, objects_of(new) as target:
        async for each in source.list(""):
            file = BytesIO()
            await source.read_into(each.key, file, each.size)
            await target.store(
                each.key,
                file,
                content_type="application/octet-stream",
                content_disposition="attachment",
                cache_control="no-store",
            )


@asynccontextmanager
async def empty(settings: Settings, folder: Path) -> AsyncIterator[Settings]:
    """Other servers, on which there is nothing."""
    async with Stack(folder) as addresses:
        new = settings.model_copy(update=asdict(addresses))
        async with objects_of(new) as objects:
            await objects.prepare(["*"])
        yield new
    shutil.rmtree(folder, ignore_errors=True)


async def test_every_photo_opens_in_an_empty_house(people: People, settings: Settings, tmp_path: Path) -> None:
    files = [(photo(), "image/jpeg"), (made(".png", 300, 200), "image/png"), (made(".webp", 90, 90), "image/webp")]
    by = (people.owner, people.editor, people.contributor)
    images = [await shown(people, who, data, contentType=kind) for who, (data, kind) in zip(by, files, strict=True)]
    before = {name: await all_of(getattr(people, name), images) for name in ("owner", "editor", "viewer")}
    originals = [file.sha256 for file in before["owner"] if file.variant == "ORIGINAL"]
    assert originals == [hashlib.sha256(data).hexdigest() for data, _ in files]

    dump = tmp_path / "leporello.dump"
    await run("pg_dump", "--format=custom", f"--file={dump}", str(settings.database_url))
    # The bucket comes after the database, and has by then what nobody will know of.
    late = await shown(people, people.editor, photo())
    async with empty(settings, tmp_path / "new") as new:
        await copy(settings, new)
        await run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={new.database_url}", str(dump))
        async with Database(str(new.database_url)) as database:
            await migrate(database)
            assert await new_epochs(database) == 2
        async with parts_of(new) as parts:
            assert found(await Sweep(parts, young=AT_ONCE).run()) == {"orphans": 4}
            assert not [key.key async for key in parts.objects.list(f"images/{uuid_of(late)}")]
        async with served(new) as (_, url):
            for name, was in before.items():
                # Who was signed in still is.
                person: Client = getattr(people, name).at(url)
                assert await all_of(person, images) == was
            assert (await people.owner.at(url).ask(BOOKS)).it["totalCount"] == 1
