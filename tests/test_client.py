"""The TypeScript client: its own tests, and many of it that edit one book while their connections break."""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from graphql import build_schema, parse, validate

from models.columns import now
from models.order import KEY_LENGTH, between
from models.session import ACCESS_LIFETIME
from server.app import App
from storage.journal import new_epochs
from tests.client import Client
from tests.node import INSTALL_LIMIT, node
from tests.people import join, made_book, somebody, uuid_of
from tests.proxy import Proxy
from tests.running import ROOT

CLIENT = ROOT / "clients/typescript"
NPM = Path(__file__).parent / "npm"

#: Messages after which all connections are cut.
BREAK = (20, 80)
#: What is left of a token that expires soon.
SHORT = timedelta(seconds=3)

pytestmark = pytest.mark.timeout(2 * INSTALL_LIMIT + 180)


@pytest.fixture
async def built() -> None:
    """The module as it is published; what is unchanged is not built again."""
    await node(CLIENT, "node_modules/typescript/bin/tsc")


async def asked(script: str, *words: Any, limit: float = 60) -> list[Any]:
    """Each line of what a script of ours says."""
    words = tuple(word if isinstance(word, str) else json.dumps(word) for word in words)
    output = await node(NPM, script, *words, limit=limit)
    return [json.loads(line) for line in output.splitlines()]


async def test_its_own_tests_pass(built: None) -> None:
    tests = sorted(str(test.relative_to(CLIENT)) for test in CLIENT.glob("test/*.test.mjs"))
    reporters = [f"--test-reporter{each}" for each in ("=tap", "-destination=stdout", "=spec", "-destination=stderr")]
    output = await node(CLIENT, *reporters, "--test", "--test-timeout=30000", *tests)
    assert len(tests) == 6
    assert "\n# fail 0\n" in output
    assert "\n# pass 0\n" not in output


async def test_what_it_asks_is_in_the_schema(built: None) -> None:
    schema = build_schema((ROOT / "schema/schema.graphql").read_text())
    [documents] = await asked("documents.mjs")
    assert len(documents) == 8
    assert [validate(schema, parse(document)) for document in documents] == [[]] * 8


async def test_its_keys_are_the_servers(built: None) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    keys = [between(None, None)]
    pairs: list[tuple[str | None, str | None, str]] = []
    while len(pairs) < 2_000:
        place = chance.choice([0, len(keys), chance.randint(0, len(keys)), len(keys) // 2])
        low, high = keys[place - 1] if place else None, keys[place] if place < len(keys) else None
        key = between(low, high)
        # Keys that are not neighbours have others in between.
        far = chance.choice([None, *keys[place:]])
        pairs += [(low, high, key), (low, far, between(low, far)), (None, high, between(None, high))]
        if len(key) <= KEY_LENGTH:
            keys.insert(place, key)
    [given] = await asked("keys.mjs", [pair[:2] for pair in pairs])
    assert given == [key for *_, key in pairs]


@asynccontextmanager
async def breaking(app: App, url: str, chance: random.Random, *, epochs: bool) -> AsyncIterator[str]:
    """Another way to the program, whose connections are all cut after some messages, again and again."""
    address = urlsplit(url)
    assert address.hostname and address.port
    left = chance.randint(*BREAK)
    breaks: list[asyncio.Task[int]] = []

    async def cut() -> int:
        if epochs and len(breaks) % 2:
            await new_epochs(app.parts.database)
        return await proxy.cut()

    def counted(chunk: bytes) -> bytes:
        nonlocal left
        left -= 1
        if not left:
            left = chance.randint(*BREAK)
            breaks.append(asyncio.create_task(cut()))
        return chunk

    async with Proxy(address.hostname, address.port) as proxy:
        proxy.to_client = counted
        yield f"http://127.0.0.1:{proxy.port}/graphql"
        proxy.to_client = None
        assert sum(await asyncio.gather(*breaks)) > 0


@pytest.mark.parametrize("epochs", [False, True], ids=["cut", "cut and restored"])
async def test_all_converge_while_their_connections_break(
    built: None, app: App, serving: str, client: Client, epochs: bool
) -> None:
    seed = int(os.environ.get("CONVERGENCE_SEED", random.randrange(2**20)))
    print(f"seed {seed}")
    people = [await somebody(app, client, name) for name in ("Ada", "Ben", "Cleo", "Dan")]
    tokens = [person.token for person in people]
    async with breaking(app, serving, random.Random(seed), epochs=epochs) as via:
        story = {"tokens": tokens, "via": via, "seeds": [seed, 2], "operations": 40, "peers": 4}
        told = await asked("converge.mjs", f"{serving}/graphql", story, limit=150)
    print(told)
    assert [each["seed"] for each in told] == [seed, seed + 1]
    assert all(each["applied"] > 20 and each["seq"] > 20 for each in told)
    assert (sum(each["rereads"] for each in told) > 0) is epochs


async def test_a_token_is_renewed_and_an_end_is_told(built: None, app: App, serving: str, client: Client) -> None:
    owner, reader, member = [await somebody(app, client, name) for name in ("Ada", "Ben", "Cleo")]
    book_id = await made_book(owner)
    await join(owner, book_id, reader, "VIEWER")
    await join(owner, book_id, member, "EDITOR")
    assert reader.token
    session = app.parts.tokens.verify(reader.token).session_id
    # A moment is left of it: enough to read and to hear the first change.
    short, _ = app.parts.tokens.issue(UUID(uuid_of(reader.user_id)), session, now() - ACCESS_LIFETIME + SHORT)
    story = {"url": f"{serving}/graphql", "bookId": book_id, "owner": owner.token, "reader": [short, reader.token]}
    [told] = await asked("sessions.mjs", {**story, "member": member.token, "memberId": member.user_id})
    assert told["codes"] == ["UNAUTHENTICATED", "FORBIDDEN"]
    # The first one once, when it had expired; the other once its session was over.
    assert told["refused"] == [0, 1]
    assert told["heard"] == [*range(told["heard"][0], told["seq"] + 1)] and len(told["heard"]) >= 2
