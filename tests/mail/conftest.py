"""What the tests of mail share."""

import shutil
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from models import Role
from models.user import Language
from resolvers.mail import InvitationMail
from tests.mail.sending import Sending, sending
from tests.mail.server import Post, certify, opened
from tests.node import cannot
from tests.people import People

AT = datetime(2026, 11, 17, 9, 30, tzinfo=UTC)


def invitation(**more: object) -> InvitationMail:
    given = {
        "to": "ben@example.org",
        "language": Language.EN,
        "at": AT,
        "inviter": "Ada",
        "title": "By the sea",
        "role": Role.EDITOR,
        "link": "https://books.example.org/invitation#token",
        "expires_at": datetime(2026, 12, 1, tzinfo=UTC),
    }
    return InvitationMail(**{**given, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        cannot("There is no openssl.")
    return certify(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:
    """Trusts the certificate, and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificate)
    return context


@pytest_asyncio.fixture
async def post() -> AsyncIterator[Post]:
    async with opened() as post:
        yield post


@pytest_asyncio.fixture
async def mail(people: People) -> AsyncIterator[Sending]:
    async with sending(people) as started:
        yield started
