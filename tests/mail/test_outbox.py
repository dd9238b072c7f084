"""The outbox of a development machine: bounded, and all that is ever done with a mail there."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
import redis.asyncio as redis

from resolvers.mail.message import message_of
from server.mail import mailroom_of, smtp_of
from server.settings import Settings
from storage.mailing import Outbox, sender_of
from storage.mailing.outbox import KEPT, KEPT_FOR
from storage.mailing.smtp import Smtp
from tests.mail.conftest import invitation
from tests.mail.server import Post

SENDER = sender_of("Leporello <books@leporello.example>")
KEY = "mail:outbox"


@pytest_asyncio.fixture
async def outbox(base: Settings) -> AsyncIterator[Outbox]:
    async with redis.from_url(str(base.redis_url)) as client:
        await client.delete(KEY)
        async with Outbox(str(base.redis_url)) as outbox:
            yield outbox
        await client.delete(KEY)


async def test_it_keeps_what_it_is_given_newest_first_and_no_more_than_it_says(outbox: Outbox, base: Settings) -> None:
    assert await outbox.messages() == []
    messages = [message_of(invitation(title=f"Été {number}"), SENDER, job=str(number)) for number in range(KEPT + 2)]
    for message in messages:
        await outbox.deliver(message)
    kept = await outbox.messages()
    assert [each.message["Message-ID"] for each in kept] == [m["Message-ID"] for m in messages[::-1][:KEPT]]
    assert str(kept[0].message["Subject"]) == f"Ada invites you to “Été {KEPT + 1}”"
    assert len({each.id for each in kept}) == KEPT
    async with redis.from_url(str(base.redis_url)) as client:
        assert 0 < await client.ttl(KEY) <= KEPT_FOR
        assert await client.llen(KEY) == KEPT


async def test_several_processes_share_it(outbox: Outbox, base: Settings) -> None:
    async with Outbox(str(base.redis_url)) as other:
        await asyncio.gather(
            *(
                box.deliver(message_of(invitation(), SENDER, job=str(number)))
                for number, box in enumerate([outbox, other] * 5)
            )
        )
        [here, there] = [[each.id for each in await box.messages()] for box in (outbox, other)]
        assert here == there and len(set(here)) == 10


async def test_in_development_nothing_is_sent_even_where_a_server_is_named(
    outbox: Outbox, base: Settings, post: Post
) -> None:
    url = f"smtp://127.0.0.1:{post.port}?tls=none"
    named = base.model_copy(update={"smtp_url": url, "mail_from": "Books <books@example.org>"})
    async with mailroom_of(named) as mailroom:
        await mailroom.send(invitation(), job="7")
    assert post.heard == []
    [kept] = await outbox.messages()
    assert str(kept.message["From"]) == "Books <books@example.org>"
    async with mailroom_of(named.model_copy(update={"environment": "production"})) as mailroom:
        await mailroom.send(invitation(), job="8")
    assert len(post.letters) == 1 and len(await outbox.messages()) == 1


async def test_in_production_without_a_server_there_is_nowhere_to_send(outbox: Outbox, base: Settings) -> None:
    production = base.model_copy(update={"environment": "production"})
    assert smtp_of(production) is None
    async with mailroom_of(production) as mailroom:
        assert mailroom.mailer is None
        await mailroom.send(invitation(), job="7")
    assert await outbox.messages() == []
    named = production.model_copy(update={"smtp_url": "smtps://mail.example.org"})
    assert isinstance(smtp_of(named), Smtp)
