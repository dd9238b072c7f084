"""A worker whose mail goes to a server of the test's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from email.message import EmailMessage

from models.columns import now
from resolvers.context import Parts
from resolvers.jobs import REGISTRY
from resolvers.mail import Mailroom
from server.worker import Worker
from storage.mailing import sender_of
from storage.mailing.smtp import Smtp
from tests.mail.server import Post, opened
from tests.people import People

ADDRESS = "https://books.example.org"


@dataclass(frozen=True)
class Sending:
    """`people`, a worker, and the `post` that it hands its mail to."""

    people: People
    parts: Parts
    post: Post

    async def work(self, *, seconds: float = 0) -> None:
        """Does what is due, or will be so many seconds from now."""
        await Worker(self.parts, REGISTRY).drain(upto=now() + timedelta(seconds=seconds))

    def to(self, email: str) -> list[EmailMessage]:
        return [letter for letter in self.post.letters if str(letter["To"]) == email]


@asynccontextmanager
async def sending(people: People) -> AsyncIterator[Sending]:
    async with opened() as post:
        sender = sender_of("Leporello <books@example.org>")
        mailroom = Mailroom(Smtp(post.settings(), name="example.org"), sender, ADDRESS)
        parts = replace(people.app.parts, mailroom=mailroom)
        started = Sending(people, parts, post)
        # What the people owe each other for having met.
        await started.work(seconds=100_000)
        post.letters.clear()
        post.heard.clear()
        yield started
