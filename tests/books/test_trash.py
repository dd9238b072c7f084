"""Books that are thrown away, and brought back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from tests.books.asks import DELETE_BOOK, EVENTS, MINE, NODES, RESTORE_BOOK, TRASHED, WHOLE
from tests.client import BOOKS, INVITATIONS, Client, Events, apply, placed
from tests.people import People, is_heard, uuid_of


@asynccontextmanager
async def listening(person: Client) -> AsyncIterator[Events]:
    async with person.follow(MINE) as mine:
        await is_heard(person, mine)
        yield mine


async def test_a_deleted_book_is_read_by_its_members_alone_and_changed_by_nobody(people: People) -> None:
    await people.sql("UPDATE books SET visibility = 'PUBLIC' WHERE id = $1", uuid_of(people.book_id))
    before = (await people.owner.ask(WHOLE, id=people.book_id)).it
    gone = (await people.owner.ask(DELETE_BOOK, id=people.book_id)).it
    assert gone["book"]["deletedAt"]
    assert gone["seq"] == before["seq"] + 1
    for member in (people.owner, people.editor, people.contributor, people.viewer):
        read = (await member.ask(WHOLE, id=people.book_id)).it
        assert read == {**before, "seq": gone["seq"], "deletedAt": gone["book"]["deletedAt"]}
        assert people.book_id not in str((await member.ask(BOOKS)).it)
        assert (await member.ask(TRASHED)).it == {"nodes": [{"id": people.book_id}], "totalCount": 1}
        assert (await member.ask(NODES, ids=[people.book_id])).it == [{"id": people.book_id}]
    ids = [people.book_id, *(page["id"] for page in before["pages"])]
    for other in (people.stranger, people.nobody, people.invited):
        assert (await other.ask(WHOLE, id=people.book_id)).code == "NOT_FOUND"
        assert (await other.ask(NODES, ids=ids)).it == [None] * len(ids)
    assert (await people.stranger.ask(TRASHED)).it["totalCount"] == 0
    assert (await people.invited.ask(INVITATIONS)).it["invitations"] == []
    seq = await people.seq()
    drawn = await apply(people.owner, people.book_id, "late", {"createCircle": {"placement": placed()}})
    assert (drawn.code, drawn.path) == ("GONE", ["input", "bookId"])
    assert await people.seq() == seq

    back = (await people.owner.ask(RESTORE_BOOK, id=people.book_id)).it
    assert back == {"book": {"id": people.book_id, "deletedAt": None}, "seq": before["seq"] + 2, "userErrors": []}
    for reader in (people.viewer, people.stranger, people.nobody):
        assert (await reader.ask(WHOLE, id=people.book_id)).it == {**before, "seq": back["seq"]}
    assert len((await people.invited.ask(INVITATIONS)).it["invitations"]) == 1


async def test_only_owners_delete_and_restore_and_both_can_be_repeated(people: People) -> None:
    for document in (DELETE_BOOK, RESTORE_BOOK):
        seq = await people.seq()
        for person, code in (
            (people.nobody, "UNAUTHENTICATED"),
            (people.stranger, "NOT_FOUND"),
            (people.invited, "NOT_FOUND"),
            (people.viewer, "FORBIDDEN"),
            (people.contributor, "FORBIDDEN"),
            (people.editor, "FORBIDDEN"),
        ):
            assert (await person.ask(document, id=people.book_id)).code == code
        assert await people.seq() == seq
        first = (await people.owner.ask(document, id=people.book_id)).it
        assert (await people.owner.ask(document, id=people.book_id)).it == first
        assert await people.seq() == first["seq"] == seq + 1


async def test_streams_of_those_who_lose_it_end_and_members_hear_that_it_is_in_the_trash(people: People) -> None:
    await people.sql("UPDATE books SET visibility = 'PUBLIC' WHERE id = $1", uuid_of(people.book_id))
    seq = await people.seq()
    async with (
        people.viewer.follow(EVENTS, bookId=people.book_id, after=seq - 1) as member,
        people.stranger.follow(EVENTS, bookId=people.book_id, after=seq - 1) as other,
    ):
        assert [(await events.next())["seq"] for events in (member, other)] == [seq, seq]
        gone = (await people.owner.ask(DELETE_BOOK, id=people.book_id)).it
        assert await other.end() == "FORBIDDEN"
        told = await member.next()
        assert (told["__typename"], told["seq"], told["book"]) == (
            "BookChanged",
            seq + 1,
            {**gone["book"], "cover": None},
        )
        await people.owner.ask(RESTORE_BOOK, id=people.book_id)
        assert (await member.next())["book"]["deletedAt"] is None


async def test_the_lists_of_members_and_the_invited_hear_of_it(people: People) -> None:
    theirs = {"bookId": people.book_id, "book": {"id": people.book_id, "cover": None}, "invitation": None}
    offered = {"bookId": people.book_id, "book": None, "invitation": {"id": people.invitation_id}}
    nothing = {"bookId": people.book_id, "book": None, "invitation": None}
    async with listening(people.viewer) as member, listening(people.invited) as guest:
        await people.owner.ask(DELETE_BOOK, id=people.book_id)
        assert [await member.next(), await guest.next()] == [nothing, nothing]
        await people.owner.ask(RESTORE_BOOK, id=people.book_id)
        assert [await member.next(), await guest.next()] == [theirs, offered]


async def test_after_30_days_a_book_cannot_be_restored(people: People) -> None:
    await people.owner.ask(DELETE_BOOK, id=people.book_id)
    past = "UPDATE books SET deleted_at = now() - $1::interval WHERE id = $2"
    await people.sql(past, timedelta(days=30, seconds=1), uuid_of(people.book_id))
    seq = await people.seq()
    refused = await people.owner.ask(RESTORE_BOOK, id=people.book_id)
    assert (refused.code, refused.path) == ("GONE", ["id"])
    assert await people.seq() == seq
    await people.sql(past, timedelta(days=29, hours=23), uuid_of(people.book_id))
    assert (await people.owner.ask(RESTORE_BOOK, id=people.book_id)).code is None
