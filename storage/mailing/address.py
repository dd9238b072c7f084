"""Addresses as they are written on the wire."""

from email.headerregistry import Address
from email.message import EmailMessage

from email_validator import EmailNotValidError, validate_email

from storage.mailing.mailer import Undeliverable


def address_of(email: str) -> Address:
    """With the domain in ASCII (IDNA); a part before the @ that is not ASCII stays, and needs a server with SMTPUTF8.

    Raises Undeliverable for what is no address, and for what Python would read as an encoded word: it would decode it,
    line breaks and all, into headers.
    """
    try:
        checked = validate_email(email, check_deliverability=False)
    except EmailNotValidError:
        raise Undeliverable("The address is none.") from None
    if "=?" in checked.local_part:
        raise Undeliverable("The address is none.")
    return Address(username=checked.local_part, domain=checked.ascii_domain)


def sender_of(text: str) -> Address:
    """From a name and an address in angle brackets, or an address alone. Raises ValueError."""
    try:
        message = EmailMessage()
        message["From"] = text
        [given] = message["From"].addresses
        address = address_of(given.addr_spec)
        address.username.encode("ascii")
    except (Undeliverable, ValueError):
        raise ValueError("it is like Leporello <books@example.org>, and in ASCII before the @") from None
    return Address(given.display_name, address.username, address.domain)
