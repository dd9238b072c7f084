"""One sweep, from one end of the bucket to the other."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Select, select
from sqlmodel import col

from models import Image, ImageStatus
from models.image import TICKET_LIFETIME
from models.object import Part
from resolvers.context import Context, Parts
from resolvers.jobs.purge import EXPIRY, Apart, expire, release
from resolvers.jobs.sweep.orphans import believed, hold, is_orphan
from resolvers.jobs.sweep.quarantine import QUARANTINE, leftovers
from resolvers.jobs.sweep.refused import SweepRefused, SweptBySomebody
from resolvers.jobs.sweep.swept import Swept
from storage.sweeping import Files, Listing, OutOfOrder, Row, alone, estimated_time, pairs, rows, time_of

#: No job runs longer than this, and so none still writes what is older.
LONGEST_JOB: Final = timedelta(hours=1)
#: What is younger may be about to be used: a ticket was given out, and a job runs.
YOUNG: Final = TICKET_LIFETIME + LONGEST_JOB
#: Photos, and files in quarantine, that are settled at once.
BATCH: Final = 250
#: Damaged photos that the log names; of others it says how many.
NAMED: Final = 100

_log = structlog.get_logger("sweep")


class Sweep:
    """Run once. `tell` hears of it now and then; `all` has it delete however much is in no row."""

    def __init__(
        self,
        parts: Parts,
        *,
        is_dry: bool = False,
        all: bool = False,
        young: timedelta = YOUNG,
        tell: Callable[[Swept], None] = lambda swept: None,
    ) -> None:
        self._context = Context(parts, None)
        self._objects = parts.objects
        self._database = parts.database
        self._is_dry = is_dry
        self._all = all
        self._young = young
        self._tell = tell
        self._swept = Swept()
        self._most: int | None = None
        self._orphaned = 0
        self._files: list[Files] = []
        self._empty: list[UUID] = []
        self._expired: list[UUID] = []
        self._damaged: dict[UUID, list[Part]] = {}

    async def run(self) -> Swept:
        """Raises SweepRefused, Unavailable; what was done until then is done."""
        async with alone(self._database) as is_alone:
            if not is_alone:
                raise SweptBySomebody("Another sweep is under way.")
            # Before anything is read: the row of what is older was there before this, and is read after it.
            self._old = (estimated_time() if self._is_dry else await time_of(self._objects)) - self._young
            # All of it before any of it is deleted. A dry run counts them, however many there are.
            if not self._all and not self._is_dry:
                self._most = await believed(self._pairs(Listing(self._objects)), self._old)
            await self._sweep_photos()
            await self._sweep_quarantine()
        return self._swept

    async def _sweep_photos(self) -> None:
        listing = Listing(self._objects)
        looked = 0
        async for files, row in self._pairs(listing):
            self._look(files, row)
            looked += 1
            if looked % BATCH == 0:
                await self._settle()
        await self._settle()
        self._swept.strange = listing.strange

    async def _pairs(self, listing: Listing) -> AsyncIterator[tuple[Files | None, Row | None]]:
        try:
            async for pair in pairs(listing, rows(self._database, young=self._young, expiry=EXPIRY)):
                yield pair
        except OutOfOrder as error:
            raise SweepRefused(f"The bucket does not list its keys by name: {error}.") from error

    def _look(self, files: Files | None, row: Row | None) -> None:
        self._swept.photos += row is not None
        self._swept.files += len(files.keys) if files else 0
        if row is None or row.has_failed:
            if files and is_orphan(files, row, self._old):
                self._files.append(files)
            elif files:
                self._swept.young += len(files.keys)
        elif row.expired:
            self._expired += row.expired
        elif row.is_empty:
            if row.is_old:
                self._empty.append(row.id)
        elif row.size is not None and (lost := _lost(row, row.size, files)):
            self._damaged[row.id] = lost

    async def _settle(self) -> None:
        """Does what the last BATCH came to; each is looked at once more, for nothing of this was locked."""
        await self._delete_orphans()
        await self._report()
        if self._is_dry:
            self._swept.expired += len(self._expired)
            self._swept.released += len(self._empty)
        else:
            if self._expired:
                apart = Apart()
                self._swept.expired += await expire(self._context, self._expired, apart)
                # They are tried again every hour, and no reason to leave the rest of the bucket as it is.
                self._swept.stuck += apart.left
            if self._empty:
                async with self._context.work() as work:
                    self._swept.released += len(await release(work, self._empty))
        self._expired, self._empty = [], []
        self._tell(self._swept)

    async def _delete_orphans(self) -> None:
        if not self._files:
            return
        # That an image has failed is its end, and what has no row never gets one.
        needed = select(col(Image.object_id)).where(
            col(Image.object_id).in_([files.id for files in self._files]), col(Image.status) != ImageStatus.FAILED
        )
        kept = await self._those(needed)
        orphans = [files for files in self._files if files.id not in kept]
        keys = [key for files in orphans for key in files.keys]
        self._orphaned += len(orphans)
        # Once more: the table may have been emptied since they were counted.
        if self._most is not None:
            hold(self._orphaned, self._most)
        if not self._is_dry:
            await self._objects.delete(keys)
        self._swept.orphans += len(keys)
        self._files = []

    async def _report(self) -> None:
        if not self._damaged:
            return
        ready = select(col(Image.object_id)).where(
            col(Image.object_id).in_(self._damaged), col(Image.status) == ImageStatus.READY
        )
        for id in await self._those(ready):
            self._swept.damaged += 1
            if self._swept.damaged <= NAMED:
                _log.error("bytes are missing", object=str(id), parts=[*map(str, self._damaged[id])])
        self._damaged = {}

    async def _sweep_quarantine(self) -> None:
        old: list[str] = []
        async for found in self._objects.list(QUARANTINE):
            self._swept.files += 1
            if found.modified_at <= self._old:
                old.append(found.key)
            else:
                self._swept.young += 1
            if len(old) == BATCH:
                await self._delete_leftovers(old)
                old = []
        await self._delete_leftovers(old)

    async def _delete_leftovers(self, old: list[str]) -> None:
        unneeded = await leftovers(self._context, old)
        if not self._is_dry:
            await self._objects.delete(unneeded)
        self._swept.leftovers += len(unneeded)
        self._tell(self._swept)

    async def _those(self, ids: Select[UUID]) -> set[UUID]:
        async with self._context.reading() as session:
            return {*await session.scalars(ids)}


def _lost(row: Row, size: int, files: Files | None) -> list[Part]:
    """What should be there of it and is not, or not whole."""
    sizes = files.sizes if files else {}
    lost = [part for part in Part if part not in sizes and (row.is_developed or part is Part.ORIGINAL)]
    return lost if sizes.get(Part.ORIGINAL, size) == size else [Part.ORIGINAL, *lost]
