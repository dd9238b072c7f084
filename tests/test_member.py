"""Members: their roles, their leaving, and that a book is never without an owner."""

import asyncio
from random import Random
from typing import Any
from uuid import uuid4

from tests.client import EVENTS, MY_BOOKS, REMOVE_MEMBER, UPDATE_MEMBER, Answer, Client, apply, placed
from tests.people import ROLES, People, is_heard, uuid_of

MEMBERS = """
query Members($id: ID!) {
  book(id: $id) { viewerRole memberCount members { id role email joinedAt user { id name } book { id } } }
}
"""
LEAVE = """
mutation Leave($id: ID!) { leaveBook(id: $id) { ok book { id } seq userErrors { code path } } }
"""
MEMBERSHIPS = "{ viewer { memberships { role book { id } } } }"


def role_of(people: People, person: Client, role: str) -> dict[str, Any]:
    return {"bookId": people.book_id, "userId": person.user_id, "role": role}


async def roles(people: People) -> dict[str, str]:
    """The role of each member, by their id, as an owner reads it."""
    rows = await people.sql("SELECT user_id, role FROM members WHERE book_id = $1", uuid_of(people.book_id))
    return {f"us_{row['user_id']}": row["role"] for row in rows}


async def test_members_see_each_other_and_owners_their_addresses(people: People) -> None:
    shown = (await people.owner.ask(MEMBERS, id=people.book_id)).it
    in_order = (people.owner, people.editor, people.contributor, people.viewer)
    assert [(member["user"]["id"], member["role"]) for member in shown["members"]] == [
        (person.user_id, role) for person, role in zip(in_order, ROLES, strict=True)
    ]
    assert [member["email"] for member in shown["members"]] == [person.email for person in in_order]
    assert {member["book"]["id"] for member in shown["members"]} == {people.book_id}
    # The others see their own address alone.
    shown = (await people.editor.ask(MEMBERS, id=people.book_id)).it
    assert [member["email"] for member in shown["members"]] == [None, people.editor.email, None, None]
    assert (shown["viewerRole"], shown["memberCount"]) == ("EDITOR", 4)
    # An owner of another book is no owner of this one.
    await people.sql("UPDATE books SET visibility = 'PUBLIC' WHERE id = $1", uuid_of(people.book_id))
    shown = (await people.stranger.ask(MEMBERS, id=people.book_id)).it
    assert (shown["viewerRole"], shown["members"]) == (None, [])


async def test_an_owner_gives_a_member_another_role_once(people: People) -> None:
    seq = await people.seq()
    async with people.editor.follow(EVENTS, bookId=people.book_id, after=seq) as events:
        changed = (await people.owner.ask(UPDATE_MEMBER, input=role_of(people, people.viewer, "CONTRIBUTOR"))).it
        assert (changed["member"], changed["seq"]) == ({"role": "CONTRIBUTOR"}, seq + 1)
        again = (await people.owner.ask(UPDATE_MEMBER, input=role_of(people, people.viewer, "CONTRIBUTOR"))).it
        assert (again["member"], again["seq"]) == ({"role": "CONTRIBUTOR"}, seq + 1)
        removed = (await people.owner.ask(REMOVE_MEMBER, bookId=people.book_id, userId=people.viewer.user_id)).it
        assert (removed["ok"], removed["seq"]) == (True, seq + 2)
        first, second = await events.take(2)
    told = [{"user": {"id": people.viewer.user_id}, "role": "CONTRIBUTOR"}]
    assert (first["seq"], first["members"], first["removedUserIds"]) == (seq + 1, told, [])
    assert (second["seq"], second["members"], second["removedUserIds"]) == (seq + 2, [], [people.viewer.user_id])
    assert await people.seq() == seq + 2


async def test_only_owners_change_and_remove_others(people: People) -> None:
    before, seq = await roles(people), await people.seq()
    for person, code in (
        (people.editor, "FORBIDDEN"),
        (people.contributor, "FORBIDDEN"),
        (people.viewer, "FORBIDDEN"),
        (people.stranger, "NOT_FOUND"),
        (people.invited, "NOT_FOUND"),
        (people.nobody, "UNAUTHENTICATED"),
    ):
        for target in (person, people.owner, people.contributor):
            if person is people.nobody and target is person:
                continue
            refused = await person.ask(UPDATE_MEMBER, input=role_of(people, target, "OWNER"))
            assert (refused.code, bool(refused.errors)) == (code, True)
            if target is not person:
                refused = await person.ask(REMOVE_MEMBER, bookId=people.book_id, userId=target.user_id)
                assert (refused.code, bool(refused.errors)) == (code, True)
    assert (await roles(people), await people.seq()) == (before, seq)


async def test_who_is_no_member_cannot_be_changed_or_removed(people: People) -> None:
    before, seq = await roles(people), await people.seq()
    for id in (people.stranger.user_id, f"us_{uuid4()}", "nonsense", people.book_id, ""):
        given = {"bookId": people.book_id, "userId": id, "role": "EDITOR"}
        refused = await people.owner.ask(UPDATE_MEMBER, input=given)
        assert (refused.code, refused.path) == ("NOT_FOUND", ["input", "userId"])
        refused = await people.owner.ask(REMOVE_MEMBER, bookId=people.book_id, userId=id)
        assert (refused.code, refused.path) == ("NOT_FOUND", ["userId"])
    for id in (f"bk_{uuid4()}", "nonsense", people.owner.user_id):
        refused = await people.owner.ask(REMOVE_MEMBER, bookId=id, userId=people.viewer.user_id)
        assert (refused.code, bool(refused.errors)) == ("NOT_FOUND", True)
    assert (await roles(people), await people.seq()) == (before, seq)


async def test_who_leaves_sees_the_book_no_more(people: People) -> None:
    async with people.viewer.follow(MY_BOOKS) as mine:
        own_book = await is_heard(people.viewer, mine)
        left = (await people.viewer.ask(LEAVE, id=people.book_id)).it
        assert (left["ok"], left["book"], left["seq"]) == (True, None, await people.seq())
        gone = await mine.next()
        assert gone == {"bookId": people.book_id, "book": None, "invitation": None}
    assert (await people.viewer.ask(MEMBERS, id=people.book_id)).code == "NOT_FOUND"
    theirs = [place["book"]["id"] for place in (await people.viewer.ask(MEMBERSHIPS)).it["memberships"]]
    assert own_book in theirs and people.book_id not in theirs
    # One's own removal is the same thing; a second leaving finds nothing to leave.
    own = await people.editor.ask(REMOVE_MEMBER, bookId=people.book_id, userId=people.editor.user_id)
    assert own.it["ok"]
    assert (await people.editor.ask(LEAVE, id=people.book_id)).code == "NOT_FOUND"
    assert (await people.owner.ask(MEMBERS, id=people.book_id)).it["memberCount"] == 2


async def test_the_last_owner_stays_one(people: People) -> None:
    before, seq = await roles(people), await people.seq()
    refusals = [
        (await people.owner.ask(LEAVE, id=people.book_id), ["id"]),
        (await people.owner.ask(REMOVE_MEMBER, bookId=people.book_id, userId=people.owner.user_id), ["userId"]),
        (
            await people.owner.ask(UPDATE_MEMBER, input=role_of(people, people.owner, "EDITOR")),
            ["input", "role"],
        ),
    ]
    for refused, path in refusals:
        assert (refused.code, refused.path) == ("CONFLICT", path)
    assert (await roles(people), await people.seq()) == (before, seq)
    # With a second one, the first may go.
    assert (await people.owner.ask(UPDATE_MEMBER, input=role_of(people, people.editor, "OWNER"))).code is None
    assert (await people.owner.ask(LEAVE, id=people.book_id)).it["ok"]
    assert (await roles(people))[people.editor.user_id] == "OWNER"


async def test_nobody_changes_the_members_of_a_book_in_the_trash(people: People) -> None:
    before = await roles(people)
    await people.trash()
    for refused, path in (
        (await people.owner.ask(UPDATE_MEMBER, input=role_of(people, people.viewer, "EDITOR")), ["input", "bookId"]),
        (await people.owner.ask(REMOVE_MEMBER, bookId=people.book_id, userId=people.viewer.user_id), ["bookId"]),
        (await people.viewer.ask(LEAVE, id=people.book_id), ["id"]),
    ):
        assert (refused.code, refused.path) == ("GONE", path)
    assert await roles(people) == before


async def test_two_owners_who_go_at_once_never_leave_the_book_without_one(people: People) -> None:
    random = Random(22)
    ids = (people.owner.user_id, people.editor.user_id)
    for race in range(40):
        await people.sql(
            "UPDATE members SET role = 'OWNER', owner_since = now() WHERE book_id = $1 AND user_id = ANY($2)",
            uuid_of(people.book_id),
            [uuid_of(id) for id in ids],
        )
        moves = [random.choice(_MOVES) for _ in ids]
        pair = ((people.owner, people.editor), (people.editor, people.owner))
        answers = await asyncio.gather(
            *(_MOVE[move](people, one, other) for move, (one, other) in zip(moves, pair, strict=True))
        )
        now = await roles(people)
        assert "OWNER" in now.values(), (race, moves)
        codes = [answer.code for answer in answers]
        assert set(codes) <= {None, "CONFLICT", "FORBIDDEN", "NOT_FOUND"}, (race, moves, codes)
        # Where both would have gone, one was told so.
        if moves[0] == moves[1]:
            assert codes.count(None) == 1, (race, moves, codes)
        for id in set(ids) - now.keys():
            await people.sql(
                "INSERT INTO members (id, book_id, user_id, role, joined_at)"
                " VALUES (gen_random_uuid(), $1, $2, 'OWNER', now())",
                uuid_of(people.book_id),
                uuid_of(id),
            )


async def test_a_write_that_waited_while_its_writer_was_removed_does_not_pass(people: People) -> None:
    drawn = {"createCircle": {"placement": placed()}}
    for change, code in (
        ("UPDATE members SET role = 'VIEWER' WHERE book_id = $1 AND user_id = $2", "FORBIDDEN"),
        ("DELETE FROM members WHERE book_id = $1 AND user_id = $2", "NOT_FOUND"),
    ):
        editor = await people.also(f"Ed{code}", "EDITOR")
        seq = await people.seq()
        waiting = await _overtaken(people, editor, change, apply(editor, people.book_id, "late", drawn))
        assert (waiting.code, bool(waiting.errors)) == (code, True)
        assert await people.seq() == seq + 1
    assert (await people.sql("SELECT 1 FROM elements WHERE book_id = $1", uuid_of(people.book_id))) == []


async def _overtaken(people: People, person: Client, change: str, asking: Any) -> Answer:
    """The answer to what was asked while another transaction, which comes first, changes the membership.

    It does so as the program does: under the book's lock, with a number.
    """
    database = people.app.parts.database
    # Another one: within a transaction, what others do is looked at once.
    connection, watching = await database.connect(), await database.connect()
    try:
        async with connection.transaction():
            await connection.execute(
                "WITH raised AS (UPDATE books SET seq = seq + 1 WHERE id = $1 RETURNING id, seq)"
                " INSERT INTO events (book_id, seq, kind, payload, at)"
                " SELECT id, seq, 'MembersChanged', '{}', now() FROM raised",
                uuid_of(people.book_id),
            )
            await connection.execute(change, uuid_of(people.book_id), uuid_of(person.user_id))
            asked = asyncio.create_task(asking)
            waits = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            async with asyncio.timeout(5):
                while not await watching.fetchval(waits):
                    assert not asked.done(), "it did not wait"
        answer: Answer = await asked
        return answer
    finally:
        await connection.close()
        await watching.close()


async def _leave(people: People, one: Client, other: Client) -> Answer:
    return await one.ask(LEAVE, id=people.book_id)


async def _remove(people: People, one: Client, other: Client) -> Answer:
    return await one.ask(REMOVE_MEMBER, bookId=people.book_id, userId=other.user_id)


async def _demote(people: People, one: Client, other: Client) -> Answer:
    return await one.ask(UPDATE_MEMBER, input=role_of(people, other, "EDITOR"))


async def _step_down(people: People, one: Client, other: Client) -> Answer:
    return await one.ask(UPDATE_MEMBER, input=role_of(people, one, "VIEWER"))


_MOVE = {"leave": _leave, "remove": _remove, "demote": _demote, "step down": _step_down}
_MOVES = sorted(_MOVE)
