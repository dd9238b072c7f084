"""Invitations by mail: from the mutation to the letter, and from its link into the book."""

import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from models.columns import now
from models.refusal import Expired, NotFound
from resolvers import invitation
from resolvers.context import Context, Viewer
from resolvers.mail import Mailroom, invitations
from storage.mailing import sender_of
from tests.client import Answer, Client
from tests.mail.sending import ADDRESS, Sending
from tests.people import INVITE, uuid_of

REVOKE = "mutation Revoke($id: ID!) { revokeInvitation(id: $id) { ok userErrors { code path } } }"


async def invite(mail: Sending, email: str, role: str = "VIEWER", by: Client | None = None) -> Answer:
    given = {"bookId": mail.people.book_id, "email": email, "role": role}
    return await (by or mail.people.owner).ask(INVITE, input=given)


async def jobs(mail: Sending, of: str = "mail.invitation") -> list[Any]:
    return await mail.people.sql("SELECT state, tries, error, payload::text FROM jobs WHERE name = $1 ORDER BY id", of)


def token_in(letter: EmailMessage) -> str:
    [token] = re.findall(rf"^{re.escape(ADDRESS)}/invitation#(\S+)$", text_of(letter), re.MULTILINE)
    return str(token)


def text_of(letter: EmailMessage, kind: str = "plain") -> str:
    part = letter.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


async def accept(mail: Sending, who: Client, token: str) -> str:
    """The id of the book."""
    viewer = Viewer(UUID(uuid_of(who.user_id)), uuid4(), now() + timedelta(minutes=5))
    return f"bk_{(await invitation.accept(Context(mail.parts, viewer), None, token)).id}"


async def roles(mail: Sending, who: Client) -> list[str]:
    rows = await mail.people.sql("SELECT role FROM members WHERE user_id = $1", uuid_of(who.user_id))
    return [row["role"] for row in rows]


async def test_an_invitation_is_mailed_and_its_link_leads_into_the_book(mail: Sending) -> None:
    guest = await mail.people.also("Gast")
    assert (await invite(mail, guest.email, "EDITOR")).it["invitation"]
    # Owed, and not done while anybody waits.
    assert mail.to(guest.email) == []
    await mail.work()
    [letter] = mail.to(guest.email)
    assert str(letter["Subject"]) == "Olga invites you to “By the sea”"
    assert str(letter["Auto-Submitted"]) == "auto-generated" and "List-Unsubscribe" not in letter
    token = token_in(letter)
    assert f'href="{ADDRESS}/invitation#{token}"' in text_of(letter, "html")
    assert await roles(mail, guest) == []
    assert await accept(mail, guest, token) == mail.people.book_id
    assert await roles(mail, guest) == ["EDITOR"]
    # Repeating it is the same book, and no second place.
    assert await accept(mail, guest, token) == mail.people.book_id
    assert await roles(mail, guest) == ["EDITOR"]


async def test_only_the_hash_of_a_token_is_kept_anywhere(mail: Sending) -> None:
    email = f"{uuid4()}@example.org"
    with capture_logs() as lines:
        await invite(mail, email)
        await mail.work()
    token = token_in(mail.to(email)[0])
    digest = sha256(token.encode()).digest()
    assert len(await mail.people.sql("SELECT FROM invitation_tokens WHERE hash = $1", digest)) == 1
    tables = await mail.people.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {"jobs", "invitations", "invitation_tokens", "events"} <= {table["tablename"] for table in tables}
    for table in tables:
        rows = await mail.people.sql(f"SELECT row::text AS said FROM {table['tablename']} AS row")
        assert not [row for row in rows if token in row["said"]]
    assert "job" in {line["event"] for line in lines}
    assert token not in str(lines) and email not in str(lines) and "By the sea" not in str(lines)


async def test_a_token_is_for_whom_it_was_sent_to_and_for_nobody_else(mail: Sending) -> None:
    guest = await mail.people.also("Gast")
    await invite(mail, guest.email)
    await mail.work()
    token = token_in(mail.to(guest.email)[0])
    for wrong in (mail.people.stranger, mail.people.invited):
        with pytest.raises(NotFound):
            await accept(mail, wrong, token)
    for guess in ("", token[:-1], token + "A", "\x00", "é" * 1_000):
        with pytest.raises(NotFound):
            await accept(mail, guest, guess)
    assert await roles(mail, guest) == []
    assert await accept(mail, guest, token) == mail.people.book_id
    # Used, it lets nobody in again: not even its owner, once they have left.
    await mail.people.sql("DELETE FROM members WHERE user_id = $1", uuid_of(guest.user_id))
    with pytest.raises(NotFound):
        await accept(mail, guest, token)


async def test_a_token_ends_with_its_fourteen_days_also_when_the_invitation_goes_on(mail: Sending) -> None:
    guest = await mail.people.also("Gast")
    await invite(mail, guest.email)
    await mail.work()
    token = token_in(mail.to(guest.email)[0])
    digest = sha256(token.encode()).digest()
    [row] = await mail.people.sql("SELECT expires_at - made_at AS term FROM invitation_tokens WHERE hash = $1", digest)
    assert timedelta(days=14) - row["term"] < timedelta(minutes=1)
    await mail.people.sql("UPDATE invitation_tokens SET expires_at = now() WHERE hash = $1", digest)
    with pytest.raises(Expired):
        await accept(mail, guest, token)
    await invite(mail, guest.email)
    await mail.work()
    with pytest.raises(Expired):
        await accept(mail, guest, token)
    assert await accept(mail, guest, token_in(mail.to(guest.email)[1])) == mail.people.book_id


async def test_what_was_taken_back_is_not_mailed_and_its_link_leads_nowhere(mail: Sending) -> None:
    guest, other = await mail.people.also("Gast"), await mail.people.also("Gustav")
    sent = (await invite(mail, guest.email)).it["invitation"]["id"]
    unsent = (await invite(mail, other.email)).it["invitation"]["id"]
    assert (await mail.people.owner.ask(REVOKE, id=unsent)).it["ok"]
    await mail.work()
    assert len(mail.to(guest.email)) == 1 and mail.to(other.email) == []
    assert (await mail.people.owner.ask(REVOKE, id=sent)).it["ok"]
    with pytest.raises(NotFound):
        await accept(mail, guest, token_in(mail.to(guest.email)[0]))


@pytest.mark.parametrize(
    "gone",
    [
        "UPDATE books SET deleted_at = now() WHERE id = (SELECT book_id FROM invitations WHERE id = $1)",
        "UPDATE invitations SET expires_at = now() WHERE id = $1",
        "UPDATE invitations SET accepted_at = now() WHERE id = $1",
    ],
)
async def test_what_can_be_accepted_no_more_is_not_mailed(mail: Sending, gone: str) -> None:
    email = f"{uuid4()}@example.org"
    id = (await invite(mail, email)).it["invitation"]["id"]
    await mail.people.sql(gone, uuid_of(id))
    await mail.work()
    assert mail.post.heard == []
    assert (await jobs(mail))[-1]["state"] == "DONE"


async def test_who_is_refused_owes_no_mail(mail: Sending) -> None:
    before = len(await jobs(mail))
    assert (await invite(mail, f"{uuid4()}@example.org", by=mail.people.editor)).code == "FORBIDDEN"
    assert (await invite(mail, mail.people.viewer.email)).code == "TAKEN"
    assert len(await jobs(mail)) == before
    assert (await invite(mail, f"{uuid4()}@example.org")).it["invitation"]
    assert len(await jobs(mail)) == before + 1


async def test_twice_before_it_is_sent_is_one_mail_and_later_it_is_another(mail: Sending) -> None:
    email = f"{uuid4()}@example.org"
    await invite(mail, email)
    await invite(mail, email.upper(), "EDITOR")
    await mail.work()
    [first] = mail.to(email.upper().replace("EXAMPLE.ORG", "example.org"))
    assert "edit it together" in text_of(first)
    await invite(mail, email)
    await mail.work()
    [second] = mail.to(email)
    assert first["Message-ID"] != second["Message-ID"]


async def test_one_invitation_is_mailed_so_often_a_day_and_stands_all_the_same(mail: Sending) -> None:
    guest = await mail.people.also("Gast")
    for _ in range(invitations.MAILS_A_DAY_EACH + 2):
        await invite(mail, guest.email)
        await mail.work()
    assert len(mail.to(guest.email)) == invitations.MAILS_A_DAY_EACH
    await mail.people.sql("UPDATE invitation_tokens SET made_at = made_at - interval '1 day'")
    await invite(mail, guest.email)
    await mail.work()
    assert len(mail.to(guest.email)) == invitations.MAILS_A_DAY_EACH + 1


async def test_one_person_sends_so_many_a_day_also_if_they_take_them_back(
    mail: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "MAILS_A_DAY", 3)
    # One was sent when the people met.
    emails = [f"{uuid4()}@example.org" for _ in range(4)]
    for email in emails:
        id = (await invite(mail, email)).it["invitation"]["id"]
        await mail.work()
        assert (await mail.people.owner.ask(REVOKE, id=id)).it["ok"]
    assert [len(mail.to(email)) for email in emails] == [1, 1, 0, 0]


async def test_a_guest_sends_fewer_and_invites_all_the_same(mail: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MAILS_A_DAY_OF_GUEST", 2)
    gus = await mail.people.also("Gus", "OWNER")
    await mail.people.sql("UPDATE users SET is_guest = true WHERE id = $1", uuid_of(gus.user_id))
    for by, heard in ((gus, [1, 1, 0]), (mail.people.owner, [1, 1, 1])):
        emails = [f"{uuid4()}@example.org" for _ in heard]
        for email in emails:
            assert (await invite(mail, email, by=by)).it["invitation"]
        await mail.work()
        assert [len(mail.to(email)) for email in emails] == heard


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
async def test_not_now_is_tried_again_as_the_same_message(mail: Sending, command: str) -> None:
    guest = await mail.people.also("Gast")
    mail.post.says[command] = ["451 4.3.0 later", "421 4.3.0 later still"]
    await invite(mail, guest.email)
    await mail.work()
    job = (await jobs(mail))[-1]
    assert (job["state"], job["tries"]) == ("WAITING", 1) and "451" in job["error"]
    await mail.work(seconds=29 * 0.5)
    assert mail.post.heard.count("RCPT") == 1, "no sooner than the backoff says"
    await mail.work(seconds=1_000)
    assert (await jobs(mail))[-1]["state"] == "DONE"
    [letter] = mail.to(guest.email)
    # Each try had a link of its own, since nobody knows which of them arrived; all are good for the one place.
    assert await accept(mail, guest, token_in(letter)) == mail.people.book_id
    rows = await mail.people.sql(
        "SELECT count(*) AS made, count(DISTINCT job_id) AS jobs FROM invitation_tokens "
        "WHERE sent_by IS NOT NULL AND job_id = (SELECT max(id) FROM jobs WHERE name = 'mail.invitation')"
    )
    assert (rows[0]["made"], rows[0]["jobs"]) == (3, 1)


async def test_a_letter_whose_receipt_was_lost_comes_again_under_its_own_id(mail: Sending) -> None:
    guest = await mail.people.also("Gast")
    mail.post.hangs_up = True
    await invite(mail, guest.email)
    await mail.work()
    mail.post.hangs_up = False
    await mail.work(seconds=100)
    first, second = mail.to(guest.email)
    assert (first["Message-ID"], first["Date"]) == (second["Message-ID"], second["Date"])
    # Whichever of the two they open.
    assert await accept(mail, guest, token_in(first)) == await accept(mail, guest, token_in(second))


async def test_a_bad_address_is_given_up_at_once_and_not_named(mail: Sending) -> None:
    email = f"{uuid4()}@example.org"
    mail.post.says["RCPT"] = [f"550 5.1.1 <{email}> no such user"]
    await invite(mail, email)
    with capture_logs() as lines:
        await mail.work()
        await mail.work(seconds=100_000)
    job = (await jobs(mail))[-1]
    assert (job["state"], job["tries"]) == ("DEAD", 1)
    assert "550" in job["error"] and email not in job["error"] and email not in str(lines)
    assert mail.post.heard == ["MAIL", "RCPT"]


async def test_a_name_that_would_be_a_header_is_an_address_that_is_none(mail: Sending) -> None:
    await invite(mail, "=?utf-8?q?=0d=0aBcc=3a_eve=40example.org?=@example.org")
    await mail.work()
    assert mail.post.heard == []
    assert (await jobs(mail))[-1]["state"] == "DEAD"


async def test_a_title_and_a_name_are_words_in_a_letter(mail: Sending) -> None:
    evil = "=?utf-8?q?=0d=0aBcc:_eve=40example.org?= <b>\ufffe"
    await mail.people.sql("UPDATE books SET title = $1 WHERE id = $2", evil, uuid_of(mail.people.book_id))
    await mail.people.sql("UPDATE users SET name = $1 WHERE id = $2", evil, uuid_of(mail.people.owner.user_id))
    email = f"{uuid4()}@example.org"
    await invite(mail, email)
    await mail.work()
    [letter] = mail.to(email)
    assert "Bcc" not in letter and mail.post.to[-1] == email
    assert "&lt;b&gt;" in text_of(letter, "html")


@pytest.mark.parametrize(
    ("invited", "inviter", "said"),
    [
        ("FR", "EN", "vous invite"),
        ("EN", "FR", "invites you"),
        (None, "FR", "vous invite"),
        (None, "NL", "nodigt je uit"),
        ("TH", "FR", "เชิญคุณร่วม"),
    ],
)
async def test_it_is_in_the_language_of_whom_it_is_to_or_else_of_whom_it_is_from(
    mail: Sending, invited: str | None, inviter: str, said: str
) -> None:
    email = f"{uuid4()}@example.org"
    if invited:
        guest = await mail.people.also("Gast")
        email = guest.email
        await mail.people.sql("UPDATE users SET language = $1 WHERE id = $2", invited, uuid_of(guest.user_id))
    owner = mail.people.owner
    await mail.people.sql("UPDATE users SET language = $1 WHERE id = $2", inviter, uuid_of(owner.user_id))
    await invite(mail, email)
    await mail.work()
    assert said in str(mail.to(email)[0]["Subject"])


async def test_where_no_server_is_named_nobody_is_written_to_and_no_link_is_made(mail: Sending) -> None:
    without = Mailroom(None, sender_of("books@example.org"), ADDRESS)
    email = f"{uuid4()}@example.org"
    await invite(mail, email)
    [before] = await mail.people.sql("SELECT count(*) AS made FROM invitation_tokens")
    silent = Sending(mail.people, mail.parts.__class__(**{**vars(mail.parts), "mailroom": without}), mail.post)
    await silent.work()
    [after] = await mail.people.sql("SELECT count(*) AS made FROM invitation_tokens")
    assert before == after and mail.post.heard == []
    assert (await jobs(mail))[-1]["state"] == "DONE"


async def test_tokens_are_forgotten_when_they_are_good_for_nothing(mail: Sending) -> None:
    kept, gone = f"{uuid4()}@example.org", f"{uuid4()}@example.org"
    for email in (kept, gone):
        await invite(mail, email)
    await mail.work()
    digests = {email: sha256(token_in(mail.to(email)[0]).encode()).digest() for email in (kept, gone)}
    past = datetime.now(UTC) - timedelta(seconds=1)
    await mail.people.sql("UPDATE invitation_tokens SET expires_at = $1 WHERE hash = $2", past, digests[gone])
    await mail.people.sql(
        "INSERT INTO jobs (name, payload, priority, state, debounce, not_before, put_at, tries)"
        " VALUES ('mail.forget_tokens', '{}', 50, 'WAITING', false, now(), now(), 0)"
    )
    await mail.work()
    rows = await mail.people.sql("SELECT hash FROM invitation_tokens WHERE hash = ANY($1)", list(digests.values()))
    assert [row["hash"] for row in rows] == [digests[kept]]
