"""A mail as the message that goes over the wire."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256

from resolvers.mail.mails import Mail
from resolvers.mail.rendering import rendered, written_in
from storage.mailing import address_of


def message_of(mail: Mail, sender: Address, *, job: str) -> EmailMessage:
    """Its text and its page. `job` gives it its id, so that another try is the same message.

    Raises Undeliverable for an address that is none.
    """
    said = rendered(mail)
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = address_of(mail.to)
    message["Subject"] = said.subject
    message["Date"] = mail.at
    # A job's number says how many there were: nobody else's business.
    message["Message-ID"] = f"<{sha256(f'{sender.domain} {job}'.encode()).hexdigest()[:40]}@{sender.domain}>"
    # No answer by machines (RFC 3834), such as that somebody is on holiday.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(said.text, cte="quoted-printable")
    message.add_alternative(said.html, subtype="html", cte="quoted-printable")
    # Last: whatever is of the content goes into the first part when there is a second.
    message["Content-Language"] = written_in(mail.language).lower()
    return message
