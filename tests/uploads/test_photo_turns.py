"""Whose photo is looked at next, and what comes before it: who sends many, or hostile ones, holds up themselves."""

from resolvers.jobs import REGISTRY, discarding, photos
from resolvers.mail import owed
from storage.jobs import Queue
from tests.people import INVITE, People, uuid_of
from tests.uploads.putting import complete, photo, uploaded


async def test_a_strangers_first_photo_comes_before_anybodys_second(people: People) -> None:
    await people.sql("DELETE FROM jobs")
    many = [await uploaded(people, people.editor, photo()) for _ in range(4)]
    assert (await complete(people.editor, *many[:3])).code is None
    one = await uploaded(people, people.contributor, photo())
    assert (await complete(people.contributor, one)).code is None
    # What is asked for later follows, in whatever book.
    assert (await complete(people.editor, many[3])).code is None

    held = await Queue(people.app.parts.database).claim(REGISTRY.names, 10)
    assert [(job.key, job.priority) for job in held] == [
        (uuid_of(many[0]), 40),
        (uuid_of(one), 40),
        (uuid_of(many[1]), 41),
        (uuid_of(many[2]), 42),
        (uuid_of(many[3]), 43),
    ]


async def test_nobody_waits_behind_what_has_no_hurry(people: People) -> None:
    await people.sql("DELETE FROM jobs")
    for _ in range(photos.LAST - photos.PRIORITY + 3):
        await people.image("PROCESSING", of=people.editor)
    last = await uploaded(people, people.editor, photo())
    assert (await complete(people.editor, last)).code is None
    [job] = await people.sql("SELECT priority FROM jobs WHERE key = $1", uuid_of(last))
    assert job["priority"] == photos.LAST < min(discarding.DISCARD.priority, REGISTRY["photo.develop_old"].priority)


async def test_mail_comes_before_any_photo(people: People) -> None:
    await people.sql("DELETE FROM jobs")
    one = await uploaded(people, people.editor, photo())
    assert (await complete(people.editor, one)).code is None
    to = {"bookId": people.book_id, "email": "late@example.org", "role": "VIEWER"}
    assert (await people.owner.ask(INVITE, input=to)).code is None
    first, second = await Queue(people.app.parts.database).claim(REGISTRY.names, 10)
    assert (first.name, second.name) == (owed.INVITATION, photos.DEVELOP.name)
    # All mails, those that a job owes as well.
    of_mail = {kind.name: kind.priority for kind in REGISTRY if kind.name.startswith("mail.") and kind.cron is None}
    assert {*of_mail.values()} == {owed.PRIORITY} and owed.PRIORITY < photos.PRIORITY
    assert REGISTRY["photo.develop"].takes_long and REGISTRY["photo.develop_old"].takes_long
