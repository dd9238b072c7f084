"""Photos that are in no row, and how many of them are believed before anything is deleted."""

from collections.abc import AsyncIterable
from datetime import datetime
from typing import Final

from resolvers.jobs.sweep.refused import TooManyOrphans
from storage.sweeping import Files, Row

#: So many are believed in any bucket, and this share of a large one: workers that were killed leave a few, while of
#: another house's photos a table knows none, and an old copy of ours lacks all that are newer.
ORPHANS: Final = 20
SHARE: Final = 0.1


def is_orphan(files: Files | None, row: Row | None, old: datetime) -> bool:
    """That there are files that are old and that nobody will ever need, for all that this row says, or none."""
    return (row is None or row.has_failed) and files is not None and files.modified_at <= old


async def believed(pairs: AsyncIterable[tuple[Files | None, Row | None]], old: datetime) -> int:
    """How many may be deleted. Raises TooManyOrphans where there are more."""
    photos = known = orphans = 0
    async for files, row in pairs:
        photos += files is not None
        known += files is not None and row is not None
        orphans += is_orphan(files, row, old)
    most = max(ORPHANS, int(photos * SHARE)) if known else 0
    hold(orphans, most)
    return most


def hold(orphans: int, most: int) -> None:
    """Raises TooManyOrphans."""
    if orphans > most:
        raise TooManyOrphans(
            f"{orphans:,} photos in the bucket are in no row, and {most:,} are believed: is this its database? "
            "`leporello sweep --dry-run` counts their files, and --all deletes them."
        )
