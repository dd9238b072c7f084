"""Delivering to a real server: what is tried again, what is not, and over which line."""

import asyncio
import ssl
from email.message import EmailMessage
from pathlib import Path

import pytest

from resolvers.mail.message import message_of
from storage.mailing import Delayed, MailServer, Undeliverable, sender_of
from storage.mailing import smtp as limits
from storage.mailing.server import Tls
from storage.mailing.smtp import Smtp
from tests.mail.conftest import invitation
from tests.mail.server import Post, certify, opened
from tests.running import free_port

TO = "ben@example.org"
SENDER = sender_of("Leporello <books@leporello.example>")


def message(to: str = TO) -> EmailMessage:
    return message_of(invitation(to=to), SENDER, job="7")


def smtp(post: Post, trusted: ssl.SSLContext | None = None, user: str | None = None, said: str | None = None) -> Smtp:
    return Smtp(post.settings(user, said), name="leporello.example", trusted=trusted)


async def test_a_message_arrives_once_as_it_was_written(post: Post) -> None:
    given = message()
    await smtp(post).deliver(given)
    assert (post.to, post.froms) == ([TO], ["books@leporello.example"])
    assert post.letter()["Message-ID"] == given["Message-ID"]
    assert post.heard == ["MAIL", "RCPT", "DATA"]


async def test_starttls_with_a_certificate_that_is_trusted(certificate: Path, trusting: ssl.SSLContext) -> None:
    async with opened(certificate, asks_who=True) as post:
        await smtp(post, trusting, "leporello", "p@ss").deliver(message())
        await smtp(post, trusting, "leporello", "p@ss").ready()
    assert post.protected == [True]


async def test_implicit_tls(certificate: Path, trusting: ssl.SSLContext) -> None:
    async with opened(certificate, implicit=True) as post:
        await smtp(post, trusting).deliver(message())
    assert post.protected == [True]


@pytest.mark.parametrize("implicit", [False, True])
async def test_a_certificate_that_is_not_trusted_is_told_nothing(certificate: Path, implicit: bool) -> None:
    async with opened(certificate, implicit=implicit) as post:
        with pytest.raises(Delayed, match="its certificate is not trusted"):
            await smtp(post).deliver(message())
    assert post.heard == []


async def test_a_certificate_of_another_name_is_told_nothing(tmp_path: Path) -> None:
    other = certify(tmp_path, "elsewhere.test")
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.load_verify_locations(other)
    async with opened(other) as post:
        with pytest.raises(Delayed):
            await smtp(post, trusting).deliver(message())
    assert post.heard == []


async def test_a_server_that_knows_no_tls_any_more_is_told_nothing(post: Post) -> None:
    post.tls = Tls.STARTTLS
    with pytest.raises(Delayed, match="it has no STARTTLS, and so it is told nothing"):
        await smtp(post).deliver(message())
    assert post.heard == []


async def test_a_wrong_password_waits_for_whoever_mends_it(certificate: Path, trusting: ssl.SSLContext) -> None:
    async with opened(certificate, asks_who=True) as post:
        with pytest.raises(Delayed, match="cannot be used: it refuses the user or the password") as refused:
            await smtp(post, trusting, "leporello", "wrong-one").deliver(message())
    assert "wrong-one" not in str(refused.value)
    assert post.letters == []


@pytest.mark.parametrize("command", ["RCPT", "DATA", "MAIL"])
@pytest.mark.parametrize("code", [421, 450, 451, 452])
async def test_not_now_is_delayed_and_arrives_the_next_time(post: Post, command: str, code: int) -> None:
    post.says[command] = [f"{code} 4.2.0 <{TO}> try later"]
    with pytest.raises(Delayed) as delayed:
        await smtp(post).deliver(message())
    assert TO not in str(delayed.value) and delayed.value.__cause__ is None
    assert post.letters == []
    await smtp(post).deliver(message())
    assert post.letter()["Message-ID"] == message()["Message-ID"]


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
@pytest.mark.parametrize("code", [550, 552, 553, 554])
async def test_never_is_undeliverable_and_told_without_the_address(post: Post, command: str, code: int) -> None:
    post.says[command] = [f"{code} 5.1.1 <{TO}> unknown"]
    with pytest.raises(Undeliverable, match=str(code)) as refused:
        await smtp(post).deliver(message())
    assert TO not in str(refused.value) and refused.value.__suppress_context__
    assert post.letters == []
    async with asyncio.timeout(5):
        await post.ended.get()


async def test_a_sender_that_is_refused_waits_for_whoever_mends_it(post: Post) -> None:
    post.says["MAIL"] = ["553 5.7.1 <books@leporello.example> is not yours"]
    with pytest.raises(Delayed, match="553") as delayed:
        await smtp(post).deliver(message())
    assert "books@" not in str(delayed.value)


async def test_nobody_there_is_delayed() -> None:
    port = free_port()
    for host in ("127.0.0.1", "localhost"):
        with pytest.raises(Delayed, match=rf"cannot be used: nobody answers at {host}:{port}\."):
            await Smtp(MailServer(host, port, Tls.NONE), name="leporello.example").deliver(message())
    nowhere = MailServer("nowhere.invalid", port, Tls.NONE)
    with pytest.raises(Delayed, match=r"cannot be used: there is no host nowhere\.invalid\."):
        await Smtp(nowhere, name="leporello.example").deliver(message())


async def test_the_other_kind_of_tls_is_said_to_whoever_sets_it_up(
    post: Post, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.tls = Tls.IMPLICIT
    with pytest.raises(Delayed, match=rf"it does not speak TLS at port {post.port}: smtp:// begins without"):
        await smtp(post).ready()
    monkeypatch.setattr(limits, "READY", 0.5)
    async with opened(certificate, implicit=True) as other:
        other.tls = Tls.STARTTLS
        with pytest.raises(Delayed, match=r"it says nothing: a firewall, or the other kind of TLS \(smtp:// begins"):
            await smtp(other).ready()
    assert post.heard == other.heard == []


async def test_a_password_that_nobody_asks_for(post: Post) -> None:
    with pytest.raises(Delayed, match="cannot be used: it takes no user and password"):
        await smtp(post, None, "leporello", "p@ss").ready()


async def test_a_server_that_says_nothing_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WHOLE", 0.2)
    asked, gone = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        gone.set()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(Delayed, match=r"^The mail server took too long\.$"):
            await Smtp(MailServer("127.0.0.1", port, Tls.NONE), name="leporello.example").deliver(message())
        # It came so far, and did not leave its connection behind.
        assert asked.is_set()
        async with asyncio.timeout(10):
            await gone.wait()


async def test_a_line_that_breaks_after_the_message_was_sent_is_the_same_message_again(post: Post) -> None:
    post.hangs_up = True
    with pytest.raises(Delayed):
        await smtp(post).deliver(message())
    post.hangs_up = False
    await smtp(post).deliver(message())
    # At most once is more than SMTP can promise; its id lets whoever has both keep one.
    first, second = post.letters
    assert first["Message-ID"] == second["Message-ID"] and first["Date"] == second["Date"]


async def test_an_address_beyond_ascii_goes_where_it_is_understood() -> None:
    async with opened() as post:
        await smtp(post).deliver(message("zoé@bücher.example"))
    assert post.to == ["zoé@xn--bcher-kva.example"]
    assert "zoé@xn--bcher-kva.example".encode() in post.raw[0]
    async with opened(utf8=False) as old:
        await smtp(old).deliver(message("zoe@bücher.example"))
        with pytest.raises(Undeliverable, match="beyond ASCII"):
            await smtp(old).deliver(message("zoé@bücher.example"))
    assert old.to == ["zoe@xn--bcher-kva.example"]
