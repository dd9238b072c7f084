"""Mails about accounts: owed with what happened, their links made when they are sent, and so many an hour."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from models import SecurityEventKind, User
from resolvers import attempts, security
from resolvers.address import links
from resolvers.context import Context
from resolvers.jobs.mail.accounts import NOTICES, RESETS, VERIFICATIONS, VERIFICATIONS_FROM, VERIFICATIONS_IN_ALL
from resolvers.mail import owed
from resolvers.mail.accounts import REQUESTS_A_DAY
from resolvers.work import Work
from tests.client import Client
from tests.mail.sending import ADDRESS, Sending
from tests.mail.test_invitations import text_of
from tests.people import uuid_of

KIND = SecurityEventKind
OWED = "SELECT name, state, tries, payload::text AS payload, error FROM jobs WHERE name LIKE 'mail.%' ORDER BY id"


@pytest_asyncio.fixture(autouse=True)
async def nothing_before(mail: Sending) -> None:
    """What other tests with this database were sent."""
    for table in ("email_links", "attempts", "jobs"):
        await mail.people.sql(f"DELETE FROM {table}")


async def owe(mail: Sending, who: Client, what: Any) -> None:
    """In a work of its own, with the user as they are."""
    async with Context(mail.parts, None).work() as work:
        user = await work.session.get(User, UUID(uuid_of(who.user_id)))
        assert user is not None
        await what(work, user)


async def verification(work: Work, user: User) -> None:
    await owed.verification(work, user, "somewhere")


async def ask_reset(mail: Sending, email: str) -> None:
    async with Context(mail.parts, None).work() as work:
        await owed.password_reset(work, email, "192.0.2.7")


async def unconfirm(mail: Sending, who: Client) -> None:
    await mail.people.sql("UPDATE users SET email_verified_at = NULL WHERE id = $1", uuid_of(who.user_id))


async def kept(mail: Sending) -> list[Any]:
    return await mail.people.sql("SELECT hash, user_id, purpose, email FROM email_links ORDER BY made_at")


def token_in(letter: Any, page: str) -> str:
    [token] = re.findall(rf"^{re.escape(ADDRESS)}/{page}#(\S+)$", text_of(letter), re.MULTILINE)
    assert f'href="{ADDRESS}/{page}#{token}"' in text_of(letter, "html")
    return str(token)


async def test_an_address_is_asked_to_confirm_itself_and_only_its_mail_has_the_token(mail: Sending) -> None:
    ada = mail.people.owner
    await unconfirm(mail, ada)
    with capture_logs() as lines:
        await owe(mail, ada, verification)
        assert await kept(mail) == [] and mail.post.letters == []
        await mail.work()
    [letter] = mail.to(ada.email)
    assert str(letter["Subject"]) == "Confirm your address"
    token = token_in(letter, "verify-email")
    [link] = await kept(mail)
    assert (link["hash"], str(link["user_id"]), link["purpose"], link["email"]) == (
        sha256(token.encode()).digest(),
        uuid_of(ada.user_id),
        "VERIFY",
        ada.email,
    )
    told = f"{lines}{[tuple(row.values()) for row in await mail.people.sql(OWED)]}"
    assert token not in told
    assert ada.email not in str(lines)


async def test_the_mail_tells_when_and_from_where_the_account_was_made(mail: Sending) -> None:
    ada = mail.people.owner
    await unconfirm(mail, ada)

    async def signed_up(work: Work, user: User) -> None:
        for kind, ip_address in ((KIND.SIGNED_UP, "192.0.2.9"), (KIND.SIGNED_IN, "192.0.2.10")):
            security.note(Context(mail.parts, None, ip_address), work, user.id, kind)
        user.created_at = datetime(2025, 3, 4, 5, 6, tzinfo=UTC)
        await owed.verification(work, user, "somewhere")

    await owe(mail, ada, signed_up)
    await mail.work()
    [letter] = mail.to(ada.email)
    said = text_of(letter).replace("\u200b", "")
    assert "made on 4 March 2025, 05:06 UTC (from 192.0.2.9)" in said and "do not open the link" in said


async def test_a_confirmed_address_is_not_asked_again(mail: Sending) -> None:
    await owe(mail, mail.people.owner, verification)
    await mail.work()
    assert mail.post.letters == [] and await kept(mail) == []


async def test_a_changed_address_asks_the_new_one_and_tells_the_one_there_is(mail: Sending) -> None:
    ada = mail.people.owner

    async def change(work: Work, user: User) -> None:
        await links.intend(work, user.id, "new@example.org")
        await owed.email_change(work, user, "new@example.org", "somewhere")

    await owe(mail, ada, change)
    await mail.work()
    [asked], [told] = mail.to("new@example.org"), mail.to(ada.email)
    assert str(asked["Subject"]) == "Confirm your new address"
    token_in(asked, "verify-email")
    assert str(told["Subject"]) == "The address of your account is to change"
    assert "#" not in text_of(told) and "new@example.org" not in text_of(told).replace("\u200b", "")


async def test_a_reset_goes_to_the_address_as_the_account_has_it(mail: Sending) -> None:
    ada = mail.people.owner
    await ask_reset(mail, ada.email.upper())
    await mail.work()
    [letter] = mail.post.letters
    assert str(letter["To"]) == ada.email
    assert str(letter["Subject"]) == "A new password for your account"
    assert "(from 192.0.2.7)" in text_of(letter).replace("\u200b", "")
    token = token_in(letter, "reset-password")
    assert [link["hash"] for link in await kept(mail)] == [sha256(token.encode()).digest()]


@pytest.mark.parametrize(
    "gone",
    [
        "UPDATE users SET email = 'other@example.org' WHERE id = $1",
        "UPDATE users SET email = NULL, email_verified_at = NULL WHERE id = $1",
        "UPDATE users SET disabled_at = now() WHERE id = $1",
    ],
)
async def test_a_reset_for_an_address_that_leads_nowhere_sends_nothing_and_counts_alike(
    mail: Sending, gone: str
) -> None:
    ada = mail.people.owner
    await mail.people.sql(gone, uuid_of(ada.user_id))
    await ask_reset(mail, ada.email)
    with capture_logs() as lines:
        await mail.work()
    assert [line["job"] for line in lines if line["event"] == "A mail had nothing to say."]
    assert mail.post.heard == [] and await kept(mail) == []
    [job] = [row for row in await mail.people.sql(OWED) if row["name"] == owed.PASSWORD_RESET]
    assert (job["state"], job["tries"], job["error"]) == ("DONE", 1, None)
    assert len(await mail.people.sql("SELECT id FROM attempts")) == 1


async def test_so_many_mails_an_hour_go_to_one_address_and_no_more(mail: Sending) -> None:
    ada, ben = mail.people.owner, mail.people.editor
    for number in range(RESETS.limit + 2):
        await ask_reset(mail, ada.email.upper() if number % 2 else ada.email)
    await ask_reset(mail, ben.email)
    with capture_logs() as lines:
        # All at once, by two workers.
        await asyncio.gather(mail.work(), mail.work())
    assert len(mail.to(ada.email)) == RESETS.limit == 3
    assert len(mail.to(ben.email)) == 1
    withheld = [line["event"] for line in lines if line["log_level"] == "warning"]
    assert withheld == ["A mail is withheld: enough went to this address."] * 2
    assert {row["state"] for row in await mail.people.sql(OWED)} == {"DONE"}
    # Of another kind there is room.
    await unconfirm(mail, ada)
    await owe(mail, ada, verification)
    await mail.work()
    assert len(mail.to(ada.email)) == RESETS.limit + 1
    # And an hour later again.
    await mail.people.sql("UPDATE attempts SET at = at - interval '61 minutes'")
    await ask_reset(mail, ben.email)
    await mail.work()
    assert len(mail.to(ben.email)) == 2


async def test_an_owner_is_shown_who_asked_for_a_reset_a_few_times_a_day(mail: Sending) -> None:
    ada = await mail.people.also("Ada")
    noted = (
        "SELECT ip_address, user_agent FROM security_events WHERE user_id = $1 AND kind = 'PASSWORD_RESET_REQUESTED'"
    )
    # Tried twice, and noted once.
    mail.post.says["DATA"] = ["451 later"]
    await ask_reset(mail, ada.email)
    await mail.work()
    assert mail.to(ada.email) == []
    await mail.work(seconds=100_000)
    assert len(mail.to(ada.email)) == 1
    assert [tuple(row.values()) for row in await mail.people.sql(noted, uuid_of(ada.user_id))] == [("192.0.2.7", None)]
    for _ in range(REQUESTS_A_DAY + 1):
        await mail.people.sql("DELETE FROM attempts")
        await ask_reset(mail, ada.email)
        await mail.work()
    assert len(mail.to(ada.email)) == REQUESTS_A_DAY + 2
    assert len(await mail.people.sql(noted, uuid_of(ada.user_id))) == REQUESTS_A_DAY


async def test_verifications_have_a_limit_of_their_own(mail: Sending) -> None:
    ada = mail.people.owner
    await unconfirm(mail, ada)
    for _ in range(VERIFICATIONS.limit + 1):
        await owe(mail, ada, verification)
        await mail.work()
    assert len(mail.to(ada.email)) == VERIFICATIONS.limit == 5


async def squatter(mail: Sending, email: str) -> UUID:
    """One more account whose owner says that the address is theirs."""
    async with Context(mail.parts, None).work() as work:
        user = User(name="Mallory", email=email)
        work.session.add(user)
        return user.id


async def test_squatters_use_up_no_mail_of_whoever_has_had_the_address_for_longest(mail: Sending) -> None:
    ada = mail.people.owner
    await unconfirm(mail, ada)
    squatters = [await squatter(mail, ada.email.upper()) for _ in range(VERIFICATIONS_IN_ALL.limit + 3)]

    async def ask(id: UUID, asker: str) -> int:
        before = len(mail.post.letters)
        async with Context(mail.parts, None).work() as work:
            await owed.verification(work, await work.session.get_one(User, id), asker)
        await mail.work()
        return len(mail.post.letters) - before

    # From one place so many, whoever asks there; from everywhere so many together.
    from_one = [await ask(id, "a") for id in squatters[: VERIFICATIONS_FROM.limit + 1]]
    assert from_one == [1] * VERIFICATIONS_FROM.limit + [0]
    from_others = [await ask(id, f"place {id}") for id in squatters[VERIFICATIONS_FROM.limit :]]
    assert sum(from_others) == VERIFICATIONS_IN_ALL.limit - VERIFICATIONS_FROM.limit == 15
    assert from_others[-3:] == [0] * 3
    # Hers are counted apart, even from the same place.
    hers = [await ask(UUID(uuid_of(ada.user_id)), "a") for _ in range(VERIFICATIONS.limit + 1)]
    assert hers == [1] * VERIFICATIONS.limit + [0]


async def test_a_change_to_an_address_is_counted_with_what_others_have_mailed_to_it(mail: Sending) -> None:
    people = [mail.people.owner, mail.people.editor, mail.people.viewer]
    allowed = {"new@example.org": VERIFICATIONS_FROM.limit, "newer@example.org": VERIFICATIONS_FROM.limit}
    for new, most in allowed.items():
        for _ in range(2):
            for person in people:

                async def change(work: Work, user: User, new: str = new) -> None:
                    await links.intend(work, user.id, new)
                    await owed.email_change(work, user, new, "somewhere")

                await owe(mail, person, change)
                await mail.work()
        assert len(mail.to(new)) == most


async def test_where_somebody_asks_is_counted_and_not_written_down(mail: Sending) -> None:
    ada = mail.people.owner
    await unconfirm(mail, ada)
    hashes = []
    for ip in ("2001:db8::1", "2001:db8::2", "2001:db8:1::1"):
        context = Context(mail.parts, None, ip)
        asker = attempts.asker(context)
        await owe(mail, ada, lambda work, user, asker=asker: owed.verification(work, user, asker))
        [row] = [row for row in await mail.people.sql(OWED) if row["name"] == owed.VERIFICATION]
        assert asker in row["payload"] and ip[:8] not in row["payload"]
        hashes.append(asker)
    assert hashes[0] == hashes[1] != hashes[2]


async def test_what_does_not_leave_does_not_count_and_each_try_has_a_link_and_an_id_of_its_own(mail: Sending) -> None:
    ada = mail.people.owner
    mail.post.says["DATA"] = ["451 later"] * RESETS.limit
    await ask_reset(mail, ada.email)
    for tried in range(RESETS.limit + 1):
        assert mail.post.letters == []
        # The server takes the last of these, and hangs up before it says so.
        mail.post.hangs_up = tried == RESETS.limit
        await mail.people.sql("UPDATE jobs SET not_before = now() WHERE name = $1", owed.PASSWORD_RESET)
        await mail.work()
    mail.post.hangs_up = False
    await mail.work(seconds=100_000)
    first, second = mail.to(ada.email)
    # Whoever keeps one message of an id would keep the one whose link is dead.
    assert first["Message-ID"] != second["Message-ID"]
    [link] = await kept(mail)
    assert link["hash"] == sha256(token_in(second, "reset-password").encode()).digest()


async def test_a_notice_says_what_happened_to_whom_it_concerns(mail: Sending) -> None:
    ada = mail.people.owner
    await mail.people.sql("UPDATE users SET language = 'NL' WHERE id = $1", uuid_of(ada.user_id))
    await owe(mail, ada, lambda work, user: owed.notice(work, user, KIND.RECOVERY_CODE_USED, left=3))
    # Whoever changes the address at once is not the one who is told.
    await mail.people.sql("UPDATE users SET email = 'thief@example.org' WHERE id = $1", uuid_of(ada.user_id))
    await mail.work()
    [letter] = mail.post.letters
    assert (str(letter["To"]), str(letter["Subject"])) == (ada.email, "Een van je herstelcodes is gebruikt")
    assert "Je hebt er nog 3." in text_of(letter) and str(letter["Content-Language"]) == "nl"
    assert f"\n{ADDRESS}/account/security\n" in text_of(letter)


async def test_a_notice_goes_to_the_former_address_when_that_is_said(mail: Sending) -> None:
    ada = mail.people.owner
    await owe(mail, ada, lambda work, user: owed.notice(work, user, KIND.EMAIL_CHANGED, to="old@example.org"))
    await mail.work()
    [letter] = mail.to("old@example.org")
    assert str(letter["Subject"]) == "The address of your account was changed"
    assert mail.to(ada.email) == []


async def test_nobody_is_told_of_an_account_whose_address_is_not_confirmed(mail: Sending) -> None:
    ada = mail.people.owner
    await unconfirm(mail, ada)
    await owe(mail, ada, lambda work, user: owed.notice(work, user, KIND.PASSWORD_CHANGED))
    assert [row for row in await mail.people.sql(OWED) if row["name"] == owed.NOTICE] == []


async def test_an_account_that_is_gone_is_not_told_of(mail: Sending) -> None:
    stranger = mail.people.stranger
    await owe(mail, stranger, lambda work, user: owed.notice(work, user, KIND.PASSWORD_CHANGED))
    await mail.people.sql("DELETE FROM members WHERE user_id = $1", uuid_of(stranger.user_id))
    await mail.people.sql("DELETE FROM users WHERE id = $1", uuid_of(stranger.user_id))
    await mail.work()
    assert mail.post.heard == []


async def test_notices_of_one_kind_have_an_end_and_others_are_still_told(mail: Sending) -> None:
    ada = mail.people.owner
    for _ in range(NOTICES.limit + 2):
        await owe(mail, ada, lambda work, user: owed.notice(work, user, KIND.SIGN_IN_LOCKED))
    await owe(mail, ada, lambda work, user: owed.notice(work, user, KIND.PASSWORD_CHANGED))
    await mail.work()
    subjects = [str(letter["Subject"]) for letter in mail.to(ada.email)]
    assert subjects.count("Too many wrong sign-ins to your account") == NOTICES.limit == 5
    assert subjects.count("Your password was changed") == 1


async def test_what_is_never_told_by_mail_cannot_be_owed(mail: Sending) -> None:
    with pytest.raises(KeyError):
        await owe(mail, mail.people.owner, lambda work, user: owed.notice(work, user, KIND.SIGNED_OUT))


async def test_a_work_that_does_not_hold_owes_nothing(mail: Sending) -> None:
    async def fails(work: Work, user: User) -> None:
        await owed.notice(work, user, KIND.PASSWORD_CHANGED)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await owe(mail, mail.people.owner, fails)
    await mail.work()
    assert mail.post.heard == []


async def test_without_a_mail_server_no_link_is_made(mail: Sending) -> None:
    nowhere = replace(mail, parts=replace(mail.parts, mailroom=replace(mail.parts.mailroom, mailer=None)))
    await ask_reset(nowhere, mail.people.owner.email)
    await nowhere.work()
    assert await kept(mail) == []
    assert {row["state"] for row in await mail.people.sql(OWED)} == {"DONE"}
