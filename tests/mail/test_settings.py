"""The settings of mail, and what the doctor says of them."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from server import doctor, settings
from server.settings import Settings, SettingsRefused, read
from storage.mailing import MailServer
from storage.mailing.server import Tls
from tests.mail.server import Post, opened
from tests.running import free_port

FROM = "Leporello <books@example.org>"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder without `.env`, with nothing set."""
    monkeypatch.chdir(tmp_path)
    for name in settings.Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.org", MailServer("mail.example.org", 587, Tls.STARTTLS)),
        ("smtp://mail.example.org:25?tls=starttls", MailServer("mail.example.org", 25, Tls.STARTTLS)),
        ("smtps://ada:p%40ss@mail.example.org", MailServer("mail.example.org", 465, Tls.IMPLICIT, "ada", "p@ss")),
        ("smtp://ada:x@mail.example.org?tls=implicit", MailServer("mail.example.org", 465, Tls.IMPLICIT, "ada", "x")),
        ("smtp://relay?tls=none", MailServer("relay", 25, Tls.NONE)),
        ("smtp://ada:x@127.0.0.1:1025?tls=none", MailServer("127.0.0.1", 1025, Tls.NONE, "ada", "x")),
    ],
)
def test_an_address_of_a_mail_server_says_how_it_is_reached(url: str, server: MailServer) -> None:
    assert MailServer.read(url) == server
    assert "p@ss" not in repr(server)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"smtp_url": "mail.example.org"}, "SMTP_URL: it is an address such as smtp://"),
        ({"smtp_url": "http://mail.example.org"}, "SMTP_URL: it is an address"),
        ({"smtp_url": "smtp://ada:the-password@mail:99999"}, "SMTP_URL: it is an address"),
        ({"smtp_url": "smtp://ada@mail"}, "SMTP_URL: it is an address"),
        ({"smtp_url": "smtp://mail?tls=maybe"}, "SMTP_URL: it is an address"),
        ({"smtp_url": "smtp://mail?ssl=1"}, "SMTP_URL: it is an address"),
        ({"smtp_url": "smtps://mail?tls=none"}, "SMTP_URL: it is an address"),
        ({"smtp_url": "smtp://ada:the-password@mail?tls=none"}, "SMTP_URL: a password goes over TLS alone"),
        ({"smtp_url": "smtp://mail", "mail_from": None}, "MAIL_FROM must be set with SMTP_URL"),
        ({"mail_from": "Leporello"}, "MAIL_FROM: it is like"),
        ({"mail_from": "a@example.org, b@example.org"}, "MAIL_FROM: it is like"),
        ({"mail_from": "zoé@example.org"}, "MAIL_FROM: it is like"),
        ({"mail_from": "Ada\r\nBcc: x <a@example.org>"}, "MAIL_FROM: it is like"),
    ],
)
@pytest.mark.usefixtures("elsewhere")
def test_what_cannot_be_is_refused_in_a_line_without_the_password(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsRefused) as refused:
        read(**{"mail_from": FROM, **given})
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value) and "the-password" not in str(refused.value)


@pytest.mark.usefixtures("elsewhere")
def test_a_sender_may_have_a_name_and_a_domain_of_their_language() -> None:
    sender = read(mail_from="Éditions Zoé <books@bücher.example>").sender
    assert (sender.display_name, sender.addr_spec) == ("Éditions Zoé", "books@xn--bcher-kva.example")


async def examined(settings: Settings) -> tuple[bool, str]:
    out = StringIO()
    well = await doctor.examine(settings, Console(file=out, width=200))
    return well, out.getvalue()


async def test_the_doctor_says_whether_the_mail_server_answers(base: Settings, post: Post) -> None:
    url = f"smtp://127.0.0.1:{post.port}?tls=none"
    named = base.model_copy(update={"smtp_url": url, "mail_from": FROM})
    _, said = await examined(named)
    assert "✓ Mail: reached; in development nothing is sent (/dev/mail)." in said
    # It was asked, and sent nothing.
    assert post.heard == []
    away = named.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{free_port()}?tls=none"})
    well, said = await examined(away)
    assert not well and "✗ Mail: The mail server cannot be used: " in said


async def test_the_doctor_says_what_is_wrong_with_a_certificate(base: Settings, certificate: Path) -> None:
    async with opened(certificate) as post:
        url = f"smtp://localhost:{post.port}"
        well, said = await examined(base.model_copy(update={"smtp_url": url, "mail_from": FROM}))
    assert not well and "cannot be used: its certificate is not trusted, or is for another name." in said


async def test_the_doctor_minds_no_server_less_than_one_that_is_away(base: Settings) -> None:
    _, said = await examined(base)
    assert "! Mail: SMTP_URL names no server: nobody is sent any. /dev/mail shows what would be.\n" in said
    production = base.model_copy(update={"environment": "production"})
    _, said = await examined(production)
    assert "! Mail: SMTP_URL names no server: nobody is sent any.\n" in said
