"""The token of a mail, in GraphQL: good for whom it was sent to, once, and told to nobody."""

import asyncio
import re

import asyncpg

from tests.mail.sending import ADDRESS, Sending
from tests.mail.test_invitations import invite, roles, text_of, token_in
from tests.people import uuid_of
from tests.sockets import until

ACCEPT = """
mutation Accept($token: String, $id: ID) {
  acceptInvitation(token: $token, id: $id) { book { id viewerRole } seq userErrors { code message path } }
}
"""


async def test_the_link_of_a_mail_leads_into_the_book(mail: Sending) -> None:
    guest, stranger = await mail.people.also("Gast"), mail.people.stranger
    assert (await invite(mail, guest.email, "EDITOR")).it["invitation"]
    await mail.work()
    [letter] = mail.to(guest.email)
    assert re.search(rf"^{re.escape(ADDRESS)}/invitation#", text_of(letter), re.MULTILINE)
    token = token_in(letter)
    before = await mail.people.seq()
    for who, given, code in (
        (stranger, token, "NOT_FOUND"),
        (guest, f"{token}A", "NOT_FOUND"),
        (mail.people.nobody, token, "UNAUTHENTICATED"),
    ):
        assert (await who.ask(ACCEPT, token=given)).code == code
    for nothing in (None, ""):
        assert (await guest.ask(ACCEPT, token=nothing)).path == ["id"]
    assert await roles(mail, guest) == [] and await mail.people.seq() == before
    accepted = (await guest.ask(ACCEPT, token=token)).it
    assert accepted["book"] == {"id": mail.people.book_id, "viewerRole": "EDITOR"}
    again = (await guest.ask(ACCEPT, token=token)).it
    assert again["book"] == accepted["book"] and await mail.people.seq() == before + 1
    assert await roles(mail, guest) == ["EDITOR"]


async def test_a_token_that_has_expired_says_so(mail: Sending) -> None:
    guest = await mail.people.also("Gast")
    await invite(mail, guest.email)
    await mail.work()
    await mail.people.sql("UPDATE invitation_tokens SET expires_at = now()")
    refused = await guest.ask(ACCEPT, token=token_in(mail.to(guest.email)[0]))
    assert (refused.code, refused.path) == ("EXPIRED", ["token"])
    assert await roles(mail, guest) == []


async def test_whoever_waits_for_the_book_keeps_nobody_waiting(mail: Sending) -> None:
    guest = await mail.people.also("Gast")
    await invite(mail, guest.email)
    await mail.work()
    token = token_in(mail.to(guest.email)[0])
    rows = await asyncpg.connect(mail.parts.database.url)

    async def is_waiting() -> bool:
        return bool(await rows.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

    try:
        async with rows.transaction():
            await rows.execute("SELECT FROM books WHERE id = $1 FOR UPDATE", uuid_of(mail.people.book_id))
            accepting = asyncio.create_task(guest.ask(ACCEPT, token=token))
            await until(is_waiting, within=10)
            # As one who leaves: books first, then people. Whoever held them the other way round would wait for ever.
            await rows.execute("SELECT FROM users WHERE id = $1 FOR UPDATE NOWAIT", uuid_of(guest.user_id))
        assert (await accepting).it["book"]["viewerRole"]
    finally:
        await rows.close()
