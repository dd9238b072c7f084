"""What time it is in the bucket: the clock by which its files are dated, and not ours."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Final

from models.refusal import Unavailable
from storage.objects import Objects

#: Where a file is put that is dated by it; no other key begins so.
KEY: Final = "sweep/clock"
#: By how much our clock may be ahead of the bucket's.
AHEAD: Final = timedelta(minutes=15)


async def time_of(objects: Objects) -> datetime:
    """Now, to the second, as the bucket dates a file that is put there. Raises Unavailable."""
    # An answer's Date would be a proxy's, where there is one.
    await objects.store(
        KEY,
        BytesIO(b"\n"),
        content_type="text/plain",
        content_disposition="attachment",
        cache_control="no-store",
    )
    found = await objects.head(KEY)
    await objects.delete([KEY])
    if found is None:
        raise Unavailable
    return found.modified_at.astimezone(UTC)


def estimated_time() -> datetime:
    """A time that the bucket's clock has certainly passed, without putting anything there: by ours, less a margin."""
    return datetime.now(UTC) - AHEAD
