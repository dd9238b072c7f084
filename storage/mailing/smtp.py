"""SMTP: one connection a message, and what the server's answers mean for the next try."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage
from typing import Final

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from storage.mailing.mailer import Delayed, Undeliverable
from storage.mailing.server import MailServer, Tls

#: Seconds for each step of the conversation, and for all of it.
STEP: Final = 15.0
WHOLE: Final = 45.0
#: Seconds for it to let us in, where somebody waits to hear whether it does.
READY: Final = 4.0
_MODES: Final = "smtp:// begins without TLS (STARTTLS, port 587), smtps:// with it (port 465)"
_SILENT: Final = f"it says nothing: a firewall, or the other kind of TLS ({_MODES})"
#: Answers from here on are for good.
_FOR_GOOD: Final = 500
#: The answer to a wrong password.
_REFUSED: Final = 535


class Smtp:
    """Delivers to one server. `name` is what we call ourselves there: the domain that the mail is from.

    The server's words never leave this class, since they repeat the address.
    """

    def __init__(self, server: MailServer, *, name: str, trusted: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._name = name
        self._trusted = trusted or ssl.create_default_context()

    async def deliver(self, message: EmailMessage) -> None:
        """Raises Undeliverable when the address or the message is refused for good, else Delayed."""
        try:
            async with asyncio.timeout(WHOLE), self._connected() as connection:
                await _hand_over(connection, message)
        except TimeoutError:
            raise Delayed("The mail server took too long.") from None

    async def ready(self) -> None:
        """Whether it takes our name and password, found out in READY seconds. Raises Delayed."""
        try:
            async with asyncio.timeout(READY), self._connected():
                pass
        except TimeoutError:
            raise Delayed(f"The mail server cannot be used: {_SILENT}.") from None

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[SMTP]:
        server = self._server
        connection = SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=self._name,
            timeout=STEP,
            use_tls=server.tls == Tls.IMPLICIT,
            # Never as it pleases the server: whoever sits between us could have it say that it knows no TLS.
            start_tls=server.tls == Tls.STARTTLS,
            tls_context=self._trusted if server.tls != Tls.NONE else None,
        )
        try:
            try:
                await connection.connect()
                if server.user is not None and server.password is not None:
                    await _sign_in(connection, server.user, server.password)
            # Also a name or a password that is refused: whoever runs this mends it, and the message waits.
            except (SMTPException, OSError) as error:
                raise Delayed(f"The mail server cannot be used: {self._why(error)}.") from None
            yield connection
            # Said to be polite; the message has been taken.
            with suppress(SMTPException, OSError):
                await connection.quit()
        finally:
            connection.close()

    def _why(self, error: Exception) -> str:
        """It could not be entered, said for whoever has written its address."""
        cause = error.__cause__ if isinstance(error, SMTPConnectError) and error.__cause__ else error
        match cause:
            case SMTPTimeoutError() | TimeoutError():
                return _SILENT
            case ssl.SSLCertVerificationError():
                return "its certificate is not trusted, or is for another name"
            case ssl.SSLError():
                return f"it does not speak TLS at port {self._server.port}: {_MODES}"
            case socket.gaierror():
                return f"there is no host {self._server.host}"
            case SMTPAuthenticationError():
                return "it refuses the user or the password"
            case SMTPException(message=str(words)) if words.startswith("The SMTP AUTH extension"):
                return "it takes no user and password"
            case SMTPException(message=str(words)) if words.startswith("SMTP STARTTLS extension"):
                return "it has no STARTTLS, and so it is told nothing; ?tls=none is for a relay inside"
            case OSError() if isinstance(error, SMTPConnectError):
                return f"nobody answers at {self._server.host}:{self._server.port}"
        return _named(cause)


async def _sign_in(connection: SMTP, user: str, password: str) -> None:
    try:
        await connection.login(user, password)
    except SMTPServerDisconnected as error:
        # Of all ways to say them that it offers each is tried, which some let nobody do.
        raise SMTPAuthenticationError(_REFUSED, "") from error


async def _hand_over(connection: SMTP, message: EmailMessage) -> None:
    try:
        await connection.send_message(message)
    except SMTPRecipientsRefused as refused:
        code = refused.recipients[0].code
        if code >= _FOR_GOOD:
            raise Undeliverable(f"The address was refused ({code}).") from None
        raise Delayed(f"The address was not taken now ({code}).") from None
    except SMTPNotSupported:
        raise Undeliverable("The mail server takes no addresses beyond ASCII.") from None
    except SMTPDataError as refused:
        if refused.code >= _FOR_GOOD:
            raise Undeliverable(f"The message was refused ({refused.code}).") from None
        raise Delayed(f"The message was not taken now ({refused.code}).") from None
    except (SMTPException, OSError) as error:
        raise Delayed(f"The mail server did not take the message: {_named(error)}.") from None


def _named(error: BaseException) -> str:
    """What went wrong, in none of the server's words."""
    return f"answer {error.code}" if isinstance(error, SMTPResponseException) else type(error).__name__
