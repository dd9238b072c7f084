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
from resolvers.presence import house, room, tending
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
    assert len(tests) == 9
    assert "\n# fail 0\n" in output
    assert "\n# pass 0\n" not in output


async def test_its_types_take_what_its_readme_gives(built: None) -> None:
    await node(CLIENT, "node_modules/typescript/bin/tsc", "-p", "test")


async def test_what_it_asks_is_in_the_schema(built: None) -> None:
    schema = build_schema((ROOT / "schema/schema.graphql").read_text())
    [documents] = await asked("documents.mjs")
    assert len(documents) == 13
    assert [validate(schema, parse(document)) for document in documents] == [[]] * 13


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


def of_session(app: App, person: Client, lives: timedelta) -> tuple[str, float]:
    """Another token of their session, and when it expires: in JavaScript's milliseconds."""
    session = app.parts.tokens.verify(str(person.token)).session_id
    begun = now() - ACCESS_LIFETIME + lives
    token, expires = app.parts.tokens.issue(UUID(uuid_of(person.user_id)), session, begun)
    return token, expires.timestamp() * 1000


async def test_a_token_is_renewed_on_the_open_socket(built: None, app: App, serving: str, client: Client) -> None:
    owner, reader = [await somebody(app, client, name) for name in ("Ada", "Ben")]
    book_id = await made_book(owner)
    await join(owner, book_id, reader, "VIEWER")
    short, expires = of_session(app, reader, SHORT)
    # Half of it lasts longer than all of the first.
    next_, _ = of_session(app, reader, 3 * SHORT)
    story = {"url": f"{serving}/graphql", "bookId": book_id, "owner": owner.token, "expires": expires}
    [told] = await asked("renewals.mjs", {**story, "reader": [short, next_, reader.token]})
    assert told == {"refused": [0, 1], "phases": ["live"], "isSame": True}


async def test_a_closed_connection_leaves_nothing_behind(built: None, app: App, serving: str, client: Client) -> None:
    owner = await somebody(app, client, "Ada")
    story = {"url": f"{serving}/graphql", "bookId": await made_book(owner), "token": owner.token}
    [told] = await asked("closing.mjs", story)
    assert told == {"codes": ["ended CLOSED", "ended CLOSED"], "opened": 1}


@pytest.fixture
def grace(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """For so many seconds whoever is gone may come back."""
    for module in (house, room):
        monkeypatch.setattr(module, "GRACE", request.param)
    monkeypatch.setattr(tending, "SWEEP", 0.1)


@pytest.mark.parametrize(
    ("story", "grace"),
    # Who comes back has all the time of the test; who has gone is gone soon.
    [("meet", 0.5), ("cut", 60.0), ("duplicate", 60.0), ("refused", 60.0)],
    indirect=["grace"],
    ids=["meet", "cut", "duplicate", "refused"],
)
async def test_people_see_each_other(
    built: None, app: App, serving: str, client: Client, grace: None, story: str
) -> None:
    ada, ben, cleo = [await somebody(app, client, name) for name in ("Ada", "Ben", "Cleo")]
    book_id = await made_book(ada)
    await join(ada, book_id, ben, "EDITOR")
    await join(ada, book_id, cleo, "VIEWER")
    tokens = {"ada": ada.token, "ben": ben.token, "cleo": cleo.token}
    given = {"url": f"{serving}/graphql", "bookId": book_id, "benId": ben.user_id}
    assert await asked("presences.mjs", story, {**given, **tokens}) == ["done"]


async def test_a_token_that_was_not_renewed_in_time_is_then_and_an_end_is_told(
    built: None, app: App, serving: str, client: Client
) -> None:
    owner, reader, member = [await somebody(app, client, name) for name in ("Ada", "Ben", "Cleo")]
    book_id = await made_book(owner)
    await join(owner, book_id, reader, "VIEWER")
    await join(owner, book_id, member, "EDITOR")
    short, expires = of_session(app, reader, SHORT)
    story = {"url": f"{serving}/graphql", "bookId": book_id, "owner": owner.token, "reader": [short, reader.token]}
    also = {"member": member.token, "memberId": member.user_id, "expires": expires}
    [told] = await asked("sessions.mjs", {**story, **also})
    assert told["lost"] >= 1
    assert told["codes"] == ["UNAUTHENTICATED", "FORBIDDEN"]
    # The first one once, when it had expired; the other once its session was over.
    assert told["refused"] == [0, 1]
    assert told["heard"] == [*range(told["heard"][0], told["seq"] + 1)] and len(told["heard"]) >= 2
