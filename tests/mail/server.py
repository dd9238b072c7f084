"""A mail server of the tests' own: it keeps its letters, and refuses what it is told to."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

from storage.mailing import MailServer
from storage.mailing.server import Tls


@dataclass
class Post:
    """`says` has the next answers to a command, such as "450 later"; what is not there is well."""

    port: int = 0
    tls: Tls = Tls.NONE
    says: dict[str, list[str]] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    letters: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    to: list[str] = field(default_factory=list)
    froms: list[str] = field(default_factory=list)
    #: Whether each letter came over TLS.
    protected: list[bool] = field(default_factory=list)
    #: A word for every connection that has ended.
    ended: asyncio.Queue[None] = field(default_factory=asyncio.Queue)
    #: Ends the connection instead of answering a letter that it has taken.
    hangs_up: bool = False

    def settings(self, user: str | None = None, password: str | None = None) -> MailServer:
        return MailServer("localhost", self.port, self.tls, user, password)

    def letter(self) -> EmailMessage:
        """The one that came."""
        [letter] = self.letters
        return letter

    def _answer(self, command: str) -> str:
        self.heard.append(command)
        waiting = self.says.get(command)
        return waiting.pop(0) if waiting else "250 OK"

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self._answer("MAIL")

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        answer = self._answer("RCPT")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = self._answer("DATA")
        if answer.startswith("250"):
            self.raw.append(envelope.content)
            self.letters.append(message_from_bytes(envelope.content, policy=SMTPUTF8))
            self.to += envelope.rcpt_tos
            self.froms.append(envelope.mail_from)
            self.protected.append(session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None)
        if self.hangs_up:
            server.transport.abort()
        return answer


class _Line(SMTP):
    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.event_handler.ended.put_nowait(None)


def _is_known(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
    return AuthResult(success=(given.login, given.password) == (b"leporello", b"p@ss"))


@asynccontextmanager
async def opened(
    certificate: Path | None = None, *, implicit: bool = False, asks_who: bool = False, utf8: bool = True
) -> AsyncIterator[Post]:
    """With a certificate: STARTTLS, unless TLS is `implicit`; `asks_who` is leporello with p@ss, over STARTTLS."""
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    post = Post(tls=Tls.NONE if not context else Tls.IMPLICIT if implicit else Tls.STARTTLS)

    def made() -> SMTP:
        return _Line(
            post,
            hostname="post.test",
            enable_SMTPUTF8=utf8,
            tls_context=None if implicit else context,
            require_starttls=context is not None and not implicit,
            auth_required=asks_who,
            authenticator=_is_known if asks_who else None,
            timeout=10,
            loop=asyncio.get_running_loop(),
        )

    listening = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0, ssl=context if implicit else None)
    async with listening:
        post.port = listening.sockets[0].getsockname()[1]
        yield post


def certify(folder: Path, name: str = "localhost") -> Path:
    """A key and the certificate that it made for itself, in one file."""
    made = folder / f"{name}.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "2", "-keyout", made, "-out", folder / "cert"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"),
        ],
        check=True,
        capture_output=True,
    )
    with made.open("ab") as both:
        both.write((folder / "cert").read_bytes())
    return made
