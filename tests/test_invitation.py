"""Invitations: sent to an address, found by whom it belongs to, good for one place."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

from models import Invitation
from models.columns import now
from models.invitation import LIFETIME
from tests.client import INVITATIONS, MY_BOOKS, UPDATE_MEMBER, Answer, Client
from tests.people import ACCEPT, INVITE, People, is_heard, made_book, uuid_of

DECLINE = "mutation Decline($id: ID!) { declineInvitation(id: $id) { ok book { id } userErrors { code path } } }"
REVOKE = "mutation Revoke($id: ID!) { revokeInvitation(id: $id) { ok book { id } seq userErrors { code path } } }"
SENT = "query Sent($id: ID!) { book(id: $id) { invitations { id email role invitedBy { id } } members { role } } }"
NODE = "query Node($id: ID!) { node(id: $id) { ... on Invitation { id bookTitle book { id } } } }"
SAME = """
mutation Invite($input: InviteMemberInput!) {
  inviteMember(input: $input) {
    invitation { __typename bookId bookTitle role book { id } invitedBy { id } }
    userErrors { code message path }
  }
}
"""


async def invite(people: People, email: str, role: str = "VIEWER", by: Client | None = None) -> Answer:
    given = {"bookId": people.book_id, "email": email, "role": role}
    return await (by or people.owner).ask(INVITE, input=given)


async def expire(people: People, id: str) -> None:
    await people.sql("UPDATE invitations SET expires_at = now() WHERE id = $1", uuid_of(id))


async def sent(people: People, to: Client | None = None) -> list[dict[str, Any]]:
    invitations: list[dict[str, Any]] = (await people.owner.ask(SENT, id=people.book_id)).it["invitations"]
    return [each for each in invitations if to is None or each["email"].lower() == to.email.lower()]


async def test_an_invitation_is_found_whatever_the_capitals_of_its_address(people: People) -> None:
    guest = await people.also("Gast")
    async with guest.follow(MY_BOOKS) as mine:
        await is_heard(guest, mine)
        made = (await invite(people, f" {guest.email.upper()} ", "EDITOR")).it["invitation"]
        told = await mine.next()
        assert told == {"bookId": people.book_id, "book": None, "invitation": {"id": made["id"], "role": "EDITOR"}}
        [found] = (await guest.ask(INVITATIONS)).it["invitations"]
        assert found == {
            "id": made["id"],
            "bookId": people.book_id,
            "bookTitle": "By the sea",
            "role": "EDITOR",
            "book": None,
            "invitedBy": {"name": "Olga"},
        }
        accepted = (await guest.ask(ACCEPT, id=made["id"])).it
        assert accepted["book"] == {"id": people.book_id, "viewerRole": "EDITOR", "memberCount": 5}
        assert accepted["seq"] == await people.seq()
        assert (await mine.next())["book"] == {"id": people.book_id, "title": "By the sea", "viewerRole": "EDITOR"}
    assert (await guest.ask(INVITATIONS)).it["invitations"] == []
    assert await sent(people, guest) == []


async def test_an_unknown_address_is_answered_like_a_known_one(people: People) -> None:
    known = await people.also("Gast")
    answers = [
        (await people.owner.ask(SAME, input={"bookId": people.book_id, "email": email})).it
        for email in (known.email, f"{uuid4()}@example.org")
    ]
    assert answers[0] == answers[1]


async def test_two_invitations_to_an_address_at_once_are_one(people: People) -> None:
    guest = await people.also("Gast")
    spellings = (guest.email, guest.email.upper(), guest.email.title(), f" {guest.email}")
    answers = await asyncio.gather(*(invite(people, email) for email in spellings * 3))
    assert len({answer.it["invitation"]["id"] for answer in answers}) == 1
    # Again is another role and a new term, under the same id.
    await expire(people, answers[0].it["invitation"]["id"])
    assert await sent(people, guest) == []
    again = (await invite(people, guest.email, "EDITOR")).it["invitation"]
    assert [(each["id"], each["role"]) for each in await sent(people, guest)] == [(again["id"], "EDITOR")]
    assert again["id"] == answers[0].it["invitation"]["id"]


async def test_what_cannot_be_invited_is_not(people: People) -> None:
    before = await sent(people)
    guest = await people.also("Gast")
    for email in ("", "nonsense", "a@", "@example.org", "a@b@example.org", "x" * 300 + "@example.org"):
        refused = await invite(people, email)
        assert (refused.code, refused.path) == ("INVALID", ["input", "email"]), email
    for member in (people.viewer, people.owner):
        refused = await invite(people, member.email.upper(), "OWNER")
        assert (refused.code, refused.path) == ("TAKEN", ["input", "email"])
    for person, code in (
        (people.editor, "FORBIDDEN"),
        (people.invited, "NOT_FOUND"),
        (people.stranger, "NOT_FOUND"),
        (people.nobody, "UNAUTHENTICATED"),
    ):
        refused = await invite(people, guest.email, by=person)
        assert (refused.code, bool(refused.errors)) == (code, True)
    assert (await guest.ask(INVITATIONS)).it["invitations"] == []
    assert await sent(people) == before
    await people.trash()
    gone = await invite(people, guest.email)
    assert (gone.code, gone.path) == ("GONE", ["input", "bookId"])


async def test_fifty_who_accept_the_same_invitation_at_once_are_one_member(people: People) -> None:
    seq = await people.seq()
    answers = await asyncio.gather(*(_accepted(people.invited, people.invitation_id) for _ in range(50)))
    assert {answer.it["book"]["viewerRole"] for answer in answers} == {"EDITOR"}
    assert await people.seq() == seq + 1
    assert len(await people.sql("SELECT 1 FROM members WHERE book_id = $1", uuid_of(people.book_id))) == 5


async def test_an_invitation_is_its_addressees_alone(people: People) -> None:
    for person in (people.stranger, people.viewer, people.owner):
        for document in (ACCEPT, DECLINE):
            refused = await person.ask(document, id=people.invitation_id)
            assert (refused.code, bool(refused.errors)) == ("NOT_FOUND", True)
    for person in (people.stranger, people.viewer, people.editor, people.invited):
        refused = await person.ask(REVOKE, id=people.invitation_id)
        assert (refused.code, bool(refused.errors)) == ("NOT_FOUND", True)
    for document in (ACCEPT, DECLINE, REVOKE):
        assert (await people.nobody.ask(document, id=people.invitation_id)).code == "UNAUTHENTICATED"
        for id in (f"in_{uuid4()}", "nonsense", people.book_id):
            assert (await people.invited.ask(document, id=id)).code == "NOT_FOUND"
    required = await people.invited.ask(ACCEPT)
    assert (required.code, required.path) == ("REQUIRED", ["id"])
    assert len(await sent(people, people.invited)) == 1
    # Owners alone see what was sent.
    assert (await people.editor.ask(SENT, id=people.book_id)).it["invitations"] == []


async def test_an_invitation_that_has_expired_was_declined_or_taken_back_is_no_good(people: People) -> None:
    guests = [await people.also(name) for name in ("Expired", "Declined", "Revoked")]
    expired, declined, revoked = [(await invite(people, guest.email)).it["invitation"]["id"] for guest in guests]
    seq = await people.seq()
    await expire(people, expired)
    assert (await guests[1].ask(DECLINE, id=declined)).it == {"ok": True, "book": None, "userErrors": []}
    taken_back = (await people.owner.ask(REVOKE, id=revoked)).it
    assert (taken_back["ok"], taken_back["book"]) == (True, {"id": people.book_id})
    refused = await guests[0].ask(ACCEPT, id=expired)
    assert (refused.code, refused.path) == ("EXPIRED", ["id"])
    for guest, id in ((guests[1], declined), (guests[2], revoked)):
        assert (await guest.ask(ACCEPT, id=id)).code == "NOT_FOUND"
        assert (await guest.ask(DECLINE, id=id)).code == "NOT_FOUND"
        assert (await people.owner.ask(REVOKE, id=id)).code == "NOT_FOUND"
    for guest in guests:
        assert (await guest.ask(INVITATIONS)).it["invitations"] == []
    assert await sent(people) == await sent(people, people.invited)
    assert await people.seq() == seq


async def test_an_invitation_is_accepted_declined_or_taken_back_but_one_of_them(people: People) -> None:
    for race in range(10):
        guest = await people.also(f"Gast{race}")
        id = (await invite(people, guest.email)).it["invitation"]["id"]
        asked = [guest.ask(ACCEPT, id=id), guest.ask(DECLINE, id=id), people.owner.ask(REVOKE, id=id)]
        codes = [answer.code for answer in await asyncio.gather(*asked)]
        assert sorted(map(str, codes)) == ["NOT_FOUND", "NOT_FOUND", "None"], (race, codes)
        members = (await people.owner.ask(SENT, id=people.book_id)).it["members"]
        assert len(members) - 4 == (codes[0] is None)
        if codes[0] is None:
            left = "mutation L($id: ID!) { leaveBook(id: $id) { ok userErrors { code path } } }"
            assert (await guest.ask(left, id=people.book_id)).it["ok"]


async def test_who_is_invited_to_less_keeps_what_they_have(people: People) -> None:
    seq = await people.seq()
    row = Invitation(book_id=UUID(uuid_of(people.book_id)), email=people.editor.email, role="VIEWER", expires_at=now())
    row.expires_at += LIFETIME
    async with people.app.parts.database.session.begin() as rows:
        rows.add(row)
    accepted = (await people.editor.ask(ACCEPT, id=f"in_{row.id}")).it
    assert (accepted["book"]["viewerRole"], accepted["seq"]) == ("EDITOR", seq)
    assert (await people.editor.ask(INVITATIONS)).it["invitations"] == []
    # A higher one is given: they were a viewer when it was sent, or have become one since.
    assert (await people.invited.ask(ACCEPT, id=people.invitation_id)).code is None
    lower = {"bookId": people.book_id, "userId": people.invited.user_id, "role": "VIEWER"}
    assert (await people.owner.ask(UPDATE_MEMBER, input=lower)).code is None
    again = (await people.invited.ask(ACCEPT, id=people.invitation_id)).it
    assert again["book"]["viewerRole"] == "VIEWER", "what was accepted once gives nothing again"


async def test_what_was_accepted_once_lets_nobody_in_again(people: People) -> None:
    assert (await people.invited.ask(ACCEPT, id=people.invitation_id)).code is None
    remove = "mutation R($b: ID!, $u: ID!) { removeMember(bookId: $b, userId: $u) { ok userErrors { code path } } }"
    assert (await people.owner.ask(remove, b=people.book_id, u=people.invited.user_id)).it["ok"]
    assert (await people.invited.ask(ACCEPT, id=people.invitation_id)).code == "NOT_FOUND"
    # Invited anew, they come in by the new one.
    anew = (await invite(people, people.invited.email)).it["invitation"]["id"]
    assert anew != people.invitation_id
    assert (await people.invited.ask(ACCEPT, id=anew)).it["book"]["viewerRole"] == "VIEWER"


async def test_an_invitation_to_a_book_in_the_trash_leads_nowhere(people: People) -> None:
    assert (await people.invited.ask(NODE, id=people.invitation_id)).it["bookTitle"] == "By the sea"
    await people.trash()
    assert (await people.invited.ask(INVITATIONS)).it["invitations"] == []
    assert (await people.invited.ask(NODE, id=people.invitation_id)).it is None
    assert (await people.invited.ask(ACCEPT, id=people.invitation_id)).code == "NOT_FOUND"
    assert len(await people.sql("SELECT 1 FROM members WHERE book_id = $1", uuid_of(people.book_id))) == 4
    # Its owners still see it, and can take it back.
    assert len(await sent(people)) == 1
    assert (await people.owner.ask(REVOKE, id=people.invitation_id)).it["ok"]


async def test_a_book_has_at_most_200_open_invitations_and_200_members(people: People) -> None:
    book = uuid_of(people.book_id)
    await people.sql(
        "INSERT INTO invitations (id, book_id, email, role, created_at, expires_at)"
        " SELECT gen_random_uuid(), $1, 'guest' || n || '@example.org', 'VIEWER', now(), now() + interval '1 day'"
        " FROM generate_series(1, 198) AS n",
        book,
    )
    assert (await invite(people, "the.last@example.org")).code is None
    refused = await invite(people, "one.more@example.org")
    assert (refused.code, refused.path) == ("LIMIT_REACHED", ["input", "email"])
    assert (await invite(people, "The.Last@example.org", "EDITOR")).code is None
    # One that has expired makes room, and is not revived beyond the limit.
    await people.sql("UPDATE invitations SET expires_at = now() WHERE email = 'guest1@example.org'")
    assert (await invite(people, "one.more@example.org")).code is None
    assert (await invite(people, "guest1@example.org")).code == "LIMIT_REACHED"
    assert len(await sent(people)) == 200

    await people.sql(
        "WITH made AS (INSERT INTO users (id, name, language, is_guest, created_at)"
        " SELECT gen_random_uuid(), 'Guest', 'EN', true, now() FROM generate_series(5, 200) RETURNING id)"
        " INSERT INTO members (id, book_id, user_id, role, joined_at)"
        " SELECT gen_random_uuid(), $1, id, 'VIEWER', now() FROM made",
        book,
    )
    seq = await people.seq()
    refused = await people.invited.ask(ACCEPT, id=people.invitation_id)
    assert (refused.code, refused.path) == ("LIMIT_REACHED", ["id"])
    assert await people.seq() == seq
    # It is still good once there is room.
    await people.sql("DELETE FROM members WHERE book_id = $1 AND user_id = $2", book, uuid_of(people.viewer.user_id))
    accepted = (await people.invited.ask(ACCEPT, id=people.invitation_id)).it
    assert accepted["book"]["memberCount"] == 200


async def test_who_is_invited_reads_of_the_book_its_title_alone(people: People) -> None:
    other = await made_book(people.stranger, "Open to all", visibility="PUBLIC")
    given = {"bookId": other, "email": people.invited.email}
    public = (await people.stranger.ask(INVITE, input=given)).it["invitation"]["id"]
    assert (await people.invited.ask(NODE, id=public)).it["book"] == {"id": other}
    assert (await people.invited.ask(NODE, id=people.invitation_id)).it["book"] is None
    assert (await people.invited.ask(SENT, id=people.book_id)).code == "NOT_FOUND"


async def _accepted(person: Client, id: str) -> Answer:
    """What a client does that is told to try again in a moment."""
    while (answer := await person.ask(ACCEPT, id=id)).code == "UNAVAILABLE":
        pass
    return answer
