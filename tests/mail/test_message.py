"""The message as it goes over the wire."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import parsedate_to_datetime

import pytest

from models.user import Language
from resolvers.mail import InvitationMail
from resolvers.mail.message import message_of
from storage.mailing import Undeliverable, sender_of
from tests.mail.conftest import AT, invitation

SENDER = sender_of("Leporello <books@leporello.example>")


def sent(mail: InvitationMail, job: str = "7") -> EmailMessage:
    """As whoever gets it reads it."""
    written = message_of(mail, SENDER, job=job).as_bytes(policy=SMTP)
    return message_from_bytes(written, policy=SMTPUTF8)


def test_a_message_has_what_mail_programs_and_servers_need() -> None:
    message = sent(invitation(language=Language.FR, title="Été"))
    assert message.keys() == [
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
        *("MIME-Version", "Content-Type", "Content-Language"),
    ]
    assert str(message["From"]) == "Leporello <books@leporello.example>"
    assert str(message["To"]) == "ben@example.org"
    assert str(message["Subject"]) == "Ada vous invite à «\u00a0Été\u00a0»"
    assert parsedate_to_datetime(str(message["Date"])) == AT
    assert str(message["Auto-Submitted"]) == "auto-generated"
    assert str(message["Content-Language"]) == "fr"
    assert message.get_content_type() == "multipart/alternative"
    # The last one is what is shown if it can be.
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert "«\u00a0Été\u00a0»" in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_another_try_is_the_same_message_and_another_job_is_another() -> None:
    first, again, other = sent(invitation()), sent(invitation()), sent(invitation(), job="8")
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]
    assert first["Date"] == again["Date"]
    assert str(first["Message-ID"]).endswith("@leporello.example>")


def test_its_lines_are_short_and_ascii() -> None:
    written = message_of(invitation(title="Été " * 40), SENDER, job="7").as_bytes(policy=SMTP)
    assert written.isascii()
    assert max(map(len, written.split(b"\r\n"))) <= 78
    assert b"\n" not in written.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "evil", ["a\r\nBcc: eve@example.org", "a\n\n<html>", "a\rX-Evil: 1", "=?utf-8?q?=0d=0aBcc:_e?="]
)
def test_neither_a_title_nor_a_name_adds_a_header(evil: str) -> None:
    plain, message = sent(invitation()), sent(invitation(title=evil, inviter=evil))
    assert message.keys() == plain.keys()
    assert str(message["To"]) == "ben@example.org"
    assert len(list(message.iter_parts())) == 2


@pytest.mark.parametrize(
    ("given", "to"),
    [
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada+books@example.org", "ada+books@example.org"),
        ("zoé@bücher.example", "zoé@xn--bcher-kva.example"),
    ],
)
def test_a_domain_is_written_in_ascii(given: str, to: str) -> None:
    assert message_of(invitation(to=given), SENDER, job="7")["To"].addresses[0].addr_spec == to


@pytest.mark.parametrize(
    "given",
    [
        *("", "ada", "ada@", "ada@x\r\nBcc: eve@example.org", "a@example.org, b@example.org", "ada@a..b"),
        "=?utf-8?q?=0d=0aBcc=3a_eve=40example.org?=@example.org",
    ],
)
def test_what_is_no_address_is_undeliverable_and_not_repeated(given: str) -> None:
    with pytest.raises(Undeliverable, match=r"^The address is none\.$"):
        message_of(invitation(to=given), SENDER, job="7")
