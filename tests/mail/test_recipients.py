"""How many mails an address gets in a day, whoever invites it."""

import asyncio
from uuid import UUID, uuid4

import pytest

from models import Invitation
from resolvers.context import Context
from resolvers.mail import invitations
from resolvers.mail.invitations import MAILS_A_DAY_TO, TooMany
from tests.client import CREATE_BOOK, Client
from tests.mail.sending import ADDRESS, Sending
from tests.people import INVITE, uuid_of

REVOKE = "mutation Revoke($id: ID!) { revokeInvitation(id: $id) { ok userErrors { code path } } }"


async def invite(by: Client, email: str) -> str:
    """The id of an invitation to a new book of theirs."""
    made = await by.ask(CREATE_BOOK, input={"title": "One of many"})
    given = {"bookId": made.it["book"]["id"], "email": email, "role": "VIEWER"}
    return str((await by.ask(INVITE, input=given)).it["invitation"]["id"])


def letters(mail: Sending, email: str) -> int:
    return len([letter for letter in mail.post.letters if str(letter["To"]).casefold() == email])


async def test_an_address_gets_so_many_a_day_from_all_together(mail: Sending) -> None:
    email, other = f"a{uuid4()}@example.org", f"{uuid4()}@example.org"
    senders = [await mail.people.also(name) for name in ("Ada", "Ben", "Cléo")]
    for number in range(MAILS_A_DAY_TO + 2):
        await invite(senders[number % 3], email if number % 2 else email.capitalize())
    await mail.work()
    assert MAILS_A_DAY_TO == letters(mail, email) == 10
    await invite(senders[0], other)
    await mail.work()
    assert letters(mail, other) == 1
    # The next day it is written to again.
    await mail.people.sql("UPDATE invitation_tokens SET made_at = made_at - interval '1 day'")
    await invite(senders[0], email)
    await mail.work()
    assert letters(mail, email) == MAILS_A_DAY_TO + 1


async def test_what_was_taken_back_or_declined_was_sent_all_the_same(
    mail: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "MAILS_A_DAY_TO", 2)
    email = f"{uuid4()}@example.org"
    for _ in range(3):
        id = await invite(mail.people.owner, email)
        await mail.work()
        assert (await mail.people.owner.ask(REVOKE, id=id)).it["ok"]
    assert letters(mail, email) == 2


async def test_each_try_of_one_mail_is_one(mail: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MAILS_A_DAY_TO", 2)
    email = f"{uuid4()}@example.org"
    for _ in range(2):
        mail.post.says["RCPT"] = ["451 4.3.0 later", "451 4.3.0 later"]
        await invite(mail.people.owner, email)
        await mail.work(seconds=1_000)
    assert letters(mail, email) == 2


@pytest.mark.parametrize("limit", ["MAILS_A_DAY_TO", "MAILS_A_DAY"])
async def test_many_at_once_are_as_many_as_one_after_the_other(
    mail: Sending, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(invitations, limit, 3)
    sender = await mail.people.also("Ada")
    email = f"{uuid4()}@example.org"
    ids = [await invite(sender, email if limit.endswith("TO") else f"{uuid4()}@example.org") for _ in range(8)]
    begun = asyncio.Barrier(len(ids))

    async def write(job: int, id: str) -> bool:
        async with Context(mail.parts, None).work() as work:
            # Each has its transaction before any of them counts.
            assert await work.session.get(Invitation, UUID(uuid_of(id)))
            await begun.wait()
            try:
                return await invitations.mail_of(work, UUID(uuid_of(id)), job=-job, address=ADDRESS) is not None
            except TooMany:
                return False

    written = await asyncio.gather(*(write(job, id) for job, id in enumerate(ids, 1)))
    assert sum(written) == 3
