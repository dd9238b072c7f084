"""The token of a mail, in GraphQL: good for whom it was sent to, once, and told to nobody."""

import re

from tests.mail.sending import ADDRESS, Sending
from tests.mail.test_invitations import invite, roles, text_of, token_in

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
