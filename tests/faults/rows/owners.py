"""Owners who end each other, and guests who want the same place."""

import asyncio
from collections.abc import Awaitable
from typing import Final
from uuid import UUID

from models.book import MEMBERS_LIMIT
from tests.faults.asking import ACCEPT, INVITE, LEAVE_BOOK, REMOVE_MEMBER, UPDATE_MEMBER, Told, ask
from tests.faults.company import Person, person
from tests.faults.play import Play
from tests.faults.row import row

#: What the second of two is told, in each of the words that fit.
TOO_LATE: Final = {"CONFLICT", "FORBIDDEN", "NOT_FOUND"}
#: What two owners do at once, of which exactly one can succeed.
RACES: Final = [("remove", "remove"), ("leave", "leave"), ("demote", "demote"), ("remove", "demote")]


@row("R22", "two owners remove each other, leave or step down at once, 1,000 times", limit=300)
async def owners(play: Play) -> None:
    await play.open()
    shelf = play.shelves[0]
    both = [shelf.owner, shelf.viewers[0]]
    urls = [door.url for door in play.rooms.doors]
    book = UUID(shelf.book.removeprefix("bk_"))

    def act(who: Person, other: Person, url: str, how: str) -> Awaitable[Told]:
        if how == "remove":
            return ask(play.http, url, who.token, REMOVE_MEMBER, bookId=shelf.book, userId=other.id)
        if how == "leave":
            return ask(play.http, url, who.token, LEAVE_BOOK, id=shelf.book)
        given = {"bookId": shelf.book, "userId": other.id, "role": "VIEWER"}
        return ask(play.http, url, who.token, UPDATE_MEMBER, input=given)

    races = 60 if play.scale.short else 1000
    ties = 0
    for _ in range(races):
        await play.sql.execute("DELETE FROM members WHERE book_id = $1 AND user_id = $2", book, both[1].user_id)
        await play.sql.executemany(
            "INSERT INTO members (id, book_id, user_id, role, owner_since, joined_at)"
            " VALUES (gen_random_uuid(), $1, $2, 'OWNER', now(), now())"
            " ON CONFLICT (book_id, user_id) DO UPDATE SET role = 'OWNER', owner_since = now()",
            [(book, each.user_id) for each in both],
        )
        hows = play.random.choice(
            [("remove", "remove"), ("leave", "leave"), ("demote", "demote"), ("remove", "demote")]
        )
        told = await asyncio.gather(*(act(both[n], both[1 - n], urls[n % len(urls)], hows[n]) for n in range(2)))
        codes = [each.code for each in told]
        left = await play.sql.fetchval("SELECT count(*) FROM members WHERE book_id = $1 AND role = 'OWNER'", book)
        play.require(left == 1, f"{hows} leaves {left} owners: {codes}")
        failed = [code for code in codes if code]
        play.require(len(failed) == 1 and failed[0] in TOO_LATE, f"{hows} is answered with {codes}")
        ties += failed != ["CONFLICT"]
    play.show("races", races)
    play.show("lost by who was no owner any more", ties)
    await play.look()
    seqs = [each.seq for each in play.ledger.committed[shelf.book]]
    play.require(seqs == [*range(1, races + 1)], "the journal does not have one event a race")


@row("R23", "one invitation accepted 50 times at once; the last place in a book", limit=90)
async def invitations(play: Play) -> None:
    await play.open()
    shelf = play.shelves[0]
    urls = [door.url for door in play.rooms.doors]
    book = UUID(shelf.book.removeprefix("bk_"))
    members = "SELECT count(*) FROM members WHERE book_id = $1"

    async def invited() -> tuple[Person, str]:
        guest = await person(play.database)
        given = {"bookId": shelf.book, "email": guest.email, "role": "EDITOR"}
        told = await ask(play.http, urls[0], shelf.owner.token, INVITE, input=given)
        return guest, told.payload["invitation"]["id"]

    before = await play.sql.fetchval(members, book)
    guest, id = await invited()
    told = await asyncio.gather(*(ask(play.http, urls[n % 2], guest.token, ACCEPT, id=id) for n in range(50)))
    codes = {each.code for each in told}
    play.require(codes == {None}, f"accepting again is not the same: {codes}")
    play.require(await play.sql.fetchval(members, book) == before + 1, "one invitation, several memberships")
    guests = [await invited() for _ in range(20)]
    for _ in range(MEMBERS_LIMIT - 1 - before - 1):
        await play.sql.execute(
            "INSERT INTO members (id, book_id, user_id, role, joined_at)"
            " VALUES (gen_random_uuid(), $1, $2, 'VIEWER', now())",
            book,
            (await person(play.database)).user_id,
        )
    told = await asyncio.gather(
        *(ask(play.http, urls[n % 2], who.token, ACCEPT, id=id) for n, (who, id) in enumerate(guests))
    )
    codes_ = sorted(str(each.code) for each in told)
    play.require(codes_ == ["LIMIT_REACHED"] * 19 + ["None"], f"of 20 for one place: {codes_}")
    play.require(await play.sql.fetchval(members, book) == MEMBERS_LIMIT, "the book has more members than it may")
    play.show("members", MEMBERS_LIMIT)
