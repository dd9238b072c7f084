"""Photos that could not be used: their uploader is told once for all of a batch."""

from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from models import Image
from resolvers.context import Context
from resolvers.jobs.mail.books import PHOTOS
from resolvers.mail import owed
from storage.decoder.kinds import DAMAGED
from tests.client import Client
from tests.mail.sending import ADDRESS, Sending
from tests.mail.test_invitations import text_of
from tests.people import uuid_of

QUIET = owed.QUIET.total_seconds()


async def fail(mail: Sending, *filenames: str, of: Client | None = None, reason: str = "It is cut off.") -> list[str]:
    """As a worker does: the photo is FAILED, and the mail owed, in one work. The ids of the photos."""
    ids = []
    for filename in filenames:
        id = await mail.people.image("PROCESSING", of=of or mail.people.editor)
        async with Context(mail.parts, None).work() as work:
            image = await work.session.get(Image, UUID(uuid_of(id)))
            assert image is not None
            image.status, image.failure_reason, image.filename = "FAILED", reason, filename
            await owed.photo_failed(work, image)
        ids.append(id)
    return ids


async def test_a_batch_is_one_mail_to_whom_uploaded_it(mail: Sending) -> None:
    await fail(mail, "a.jpg", "b.jpg")
    await fail(mail, "c.jpg", reason="It has <b>too many</b> pixels.")
    await fail(mail, "other.jpg", of=mail.people.contributor)
    await mail.work(seconds=QUIET - 5)
    assert mail.post.letters == [], "the batch may not have ended"
    await mail.work(seconds=QUIET + 5)
    [letter] = mail.to(mail.people.editor.email)
    assert str(letter["Subject"]) == "3 photos for “By the sea” could not be used"
    text = text_of(letter).replace("\u200b", "")
    for line in ("- a.jpg: It is cut off.", "- b.jpg: It is cut off.", "- c.jpg: It has <b>too many</b> pixels."):
        assert line in text
    assert "other.jpg" not in text and f"\n{ADDRESS}/books/{mail.people.book_id}\n" in text
    assert "&lt;b&gt;too many" in text_of(letter, "html")
    [other] = mail.to(mail.people.contributor.email)
    assert str(other["Subject"]) == "A photo for “By the sea” could not be used"


async def test_what_was_told_is_not_told_again(mail: Sending) -> None:
    await fail(mail, "a.jpg")
    await mail.work(seconds=QUIET + 5)
    await fail(mail, "b.jpg")
    await mail.work(seconds=QUIET + 5)
    first, second = (text_of(letter).replace("\u200b", "") for letter in mail.to(mail.people.editor.email))
    assert "a.jpg" in first and "b.jpg" not in first
    assert "b.jpg" in second and "a.jpg" not in second
    assert await mail.people.sql("SELECT * FROM photo_failures") == []


async def test_one_photo_that_fails_twice_is_told_once(mail: Sending) -> None:
    [id] = await fail(mail, "a.jpg")
    async with Context(mail.parts, None).work() as work:
        image = await work.session.get(Image, UUID(uuid_of(id)))
        assert image is not None
        await owed.photo_failed(work, image)
    await mail.work(seconds=QUIET + 5)
    [letter] = mail.to(mail.people.editor.email)
    assert str(letter["Subject"]).startswith("A photo ")


async def test_a_batch_that_does_not_end_is_told_of_all_the_same(mail: Sending) -> None:
    due = "SELECT not_before FROM jobs WHERE name = 'mail.gather_photos' AND payload->>'book_id' = $1"
    book = uuid_of(mail.people.book_id)
    await fail(mail, "a.jpg")
    [first] = await mail.people.sql(due, book)
    await fail(mail, "b.jpg")
    [put_off] = await mail.people.sql(due, book)
    assert put_off["not_before"] > first["not_before"]
    await mail.people.sql("UPDATE photo_failures SET noted_at = noted_at - $1::interval", owed.LATEST)
    await fail(mail, "c.jpg")
    assert await mail.people.sql(due, book) == [put_off]


async def test_a_work_that_does_not_hold_tells_nobody(mail: Sending) -> None:
    id = await mail.people.image("PROCESSING", of=mail.people.editor)
    with pytest.raises(RuntimeError, match="no"):
        async with Context(mail.parts, None).work() as work:
            image = await work.session.get(Image, UUID(uuid_of(id)))
            assert image is not None
            image.status = "FAILED"
            await owed.photo_failed(work, image)
            raise RuntimeError("no")
    await mail.work(seconds=QUIET + 5)
    assert mail.post.letters == []
    assert await mail.people.sql("SELECT * FROM photo_failures") == []


@pytest.mark.parametrize(
    "gone",
    [
        "UPDATE images SET deleted_at = now() WHERE id = $1",
        "UPDATE images SET status = 'READY' WHERE id = $1",
        "DELETE FROM images WHERE id = $1",
        "UPDATE books SET deleted_at = now() WHERE id = (SELECT book_id FROM images WHERE id = $1)",
        "DELETE FROM members USING images WHERE images.id = $1 AND members.user_id = images.uploader_id",
        "UPDATE users SET email = NULL WHERE id = (SELECT uploader_id FROM images WHERE id = $1)",
        "UPDATE images SET uploader_id = NULL WHERE id = $1",
    ],
)
async def test_what_is_over_is_not_told(mail: Sending, gone: str) -> None:
    [id] = await fail(mail, "a.jpg")
    await mail.people.sql(gone, uuid_of(id))
    await mail.work(seconds=QUIET + 5)
    assert mail.post.heard == []
    [waits] = await mail.people.sql("SELECT count(*) AS waits FROM jobs WHERE state <> 'DONE' AND name LIKE 'mail.%'")
    assert waits["waits"] == 0


async def test_an_address_is_written_to_once_it_is_confirmed(mail: Sending) -> None:
    editor = uuid_of(mail.people.editor.user_id)
    await mail.people.sql("UPDATE users SET email_verified_at = NULL WHERE id = $1", editor)
    await fail(mail, "a.jpg")
    await mail.work(seconds=QUIET + 5)
    assert mail.post.heard == []
    await mail.people.sql("UPDATE users SET email_verified_at = now() WHERE id = $1", editor)
    await fail(mail, "b.jpg")
    await mail.work(seconds=QUIET + 5)
    [letter] = mail.to(mail.people.editor.email)
    assert "b.jpg" in text_of(letter).replace("\u200b", "") and "a.jpg" not in text_of(letter).replace("\u200b", "")


async def test_one_address_is_written_to_so_often_an_hour(mail: Sending) -> None:
    people = mail.people
    for number in range(PHOTOS.limit):
        await fail(mail, f"{number}.jpg")
        await mail.work(seconds=QUIET + 5)
    assert len(mail.to(people.editor.email)) == PHOTOS.limit == 10
    mail.post.letters.clear()
    # Capitals make no other address.
    shouted = people.editor.email.upper()
    await people.sql("UPDATE users SET email = $2 WHERE id = $1", uuid_of(people.editor.user_id), shouted)
    await fail(mail, "withheld.jpg")
    await fail(mail, "other.jpg", of=people.contributor)
    with capture_logs() as lines:
        await mail.work(seconds=QUIET + 5)
    [letter] = mail.post.letters
    assert str(letter["To"]) == people.contributor.email
    assert "A mail is withheld: enough went to this address." in [line["event"] for line in lines]
    assert people.editor.email.split("@")[0] not in str(lines).casefold()
    await people.sql("UPDATE attempts SET at = at - $1::interval", PHOTOS.window)
    await fail(mail, "later.jpg")
    await mail.work(seconds=QUIET + 5)
    [_, later] = mail.post.letters
    assert str(later["To"]).casefold() == shouted.casefold() and "later.jpg" in text_of(later).replace("\u200b", "")


async def test_a_photo_of_nobody_is_told_to_nobody(mail: Sending) -> None:
    id = await mail.people.image("FAILED")
    async with Context(mail.parts, None).work() as work:
        image = await work.session.get(Image, UUID(uuid_of(id)))
        assert image is not None
        await owed.photo_failed(work, image)
    assert await mail.people.sql("SELECT * FROM photo_failures WHERE image_id = $1", uuid_of(id)) == []


async def test_in_french_it_is_french(mail: Sending) -> None:
    await mail.people.sql("UPDATE users SET language = 'FR' WHERE id = $1", uuid_of(mail.people.editor.user_id))
    await fail(mail, f"{uuid4()}.jpg", reason=DAMAGED)
    await mail.work(seconds=QUIET + 5)
    [letter] = mail.to(mail.people.editor.email)
    assert str(letter["Subject"]) == "Une photo n’a pas pu être utilisée dans «\u00a0By the sea\u00a0»"
    for kind in ("plain", "html"):
        assert "Elle est endommagée ou incomplète." in text_of(letter, kind)
        assert DAMAGED not in text_of(letter, kind)
