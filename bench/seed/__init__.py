"""What is asked about: a database of people and their books, the same to the last bit every time it is made."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from bench.seed import rows
from models.session import REFRESH_LIFETIME

VIEWER: Final = rows.id_of("users", 0)
SESSION: Final = rows.id_of("sessions", 0)
#: Those that are asked for one after the other: all of them are the viewer's, and the 20 with the newest changes.
BOOKS: Final = [rows.id_of("books", number) for number in rows.NEWEST_OF_VIEWER]
#: The one whose answer is 10 MB.
BIG: Final = rows.id_of("books", rows.BOOKS)


def element_of(book: int, place: int) -> UUID:
    """The id of an element of one of BOOKS."""
    return rows.id_of("elements", rows.NEWEST_OF_VIEWER[book] * rows.ELEMENTS + place)


async def fill(url: str) -> int:
    """Fills a migrated, empty database; returns the number of rows."""
    connection = await asyncpg.connect(url)
    try:
        count = 0
        async with connection.transaction():
            for table, made in rows.all_tables():
                count += await _copy(connection, table, made)
            now = datetime.now(UTC)
            session = {"id": SESSION, "user_id": VIEWER, "created_at": now, "last_seen_at": now}
            await _copy(connection, "sessions", [{**session, "expires_at": now + REFRESH_LIFETIME}])
            # A book's cover is one of its photos, which came after it.
            await connection.execute(
                "UPDATE books SET cover_image_id = (SELECT id FROM images WHERE book_id = books.id ORDER BY id LIMIT 1)"
            )
        await connection.execute("VACUUM ANALYZE")
        return count
    finally:
        await connection.close()


async def journal(url: str) -> int:
    """The number of its rows."""
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM events"))
    finally:
        await connection.close()


async def refresh(url: str) -> None:
    """Takes away what the last run has written, so that every run begins with tables of the same size."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("TRUNCATE events, batches")
        await connection.execute("VACUUM ANALYZE books, elements, events, batches")
    finally:
        await connection.close()


async def _copy(connection: asyncpg.Connection, table: str, made: list[dict[str, Any]]) -> int:
    columns = list(made[0])
    await connection.copy_records_to_table(table, columns=columns, records=[tuple(row.values()) for row in made])
    return len(made)
