"""`leporello sweep`, as whoever types it sees it."""

from pathlib import Path

from models.id import new_id
from models.object import keys_of
from server.settings import Settings
from storage.sweeping import alone
from tests.operations.house import House
from tests.test_cli import typed


async def test_it_says_what_it_did_and_fails_where_bytes_are_missing(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    whole = "1 rows of photos, whatever became of them, and 4 files.\n"
    nothing = (
        "0 files without a photo, 0 left in quarantine: deleted.\n"
        "0 images that were never uploaded, 0 photos in no book: deleted.\n"
    )
    status, said, _ = await typed("sweep", cwd=tmp_path, settings=settings)
    assert (status, said) == (0, whole + nothing)
    await house.photo("PENDING")
    status, said, _ = await typed("sweep", "--dry-run", cwd=tmp_path, settings=settings)
    assert status == 0 and "1 images that were never uploaded, 0 photos in no book: to be deleted." in said
    assert len(await house.ids("images")) == 2
    # Said of what is old: what is put at this moment may be wanted.
    for key in keys_of([new_id()]):
        await house.put(key)
    lost = await house.photo(kept=frozenset())
    status, said, _ = await typed("sweep", cwd=tmp_path, settings=settings)
    assert status == 1
    assert f"bytes are missing              object={lost}" in said
    assert "4 files that are younger than 1 h 15 min: not judged." in said
    assert "0 files without a photo" in said and "1 images that were never uploaded" in said
    assert "✗ 1 photos whose bytes are missing; the log names them." in said


async def test_it_fails_where_a_book_could_not_be_rid_of_its_images(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    await house.photo("PENDING")
    await house.sql.execute(
        """
        CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'held'; END $$;
        CREATE TRIGGER stop BEFORE DELETE ON images FOR EACH ROW EXECUTE FUNCTION stop();
        """
    )
    status, said, _ = await typed("sweep", cwd=tmp_path, settings=settings)
    assert status == 1
    assert "✗ 1 times a book's images could not be deleted; the log names the book." in said
    assert len(await house.ids("images")) == 2


async def test_a_second_one_is_one_line(house: House, settings: Settings, tmp_path: Path) -> None:
    async with alone(house.parts.database):
        answer = await typed("sweep", cwd=tmp_path, settings=settings)
    assert answer[0::2] == (1, "Another sweep is under way.\n")
