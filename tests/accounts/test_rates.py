"""How often what may be asked, held by all processes together."""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from models.refusal import RateLimited
from resolvers.keyring import Keyring
from resolvers.rates import INVITE, RATES, REFRESH, SIGN_IN, Allowed, By, Counted, Rate, Rates
from schema.error import rate_of
from server.settings import Settings
from storage.rates import Budget, Budgets, Limit, Windows
from storage.rates.budget import REMEMBERED
from storage.rates.windows import ANSWER_TIMEOUT
from tests.client import Client
from tests.people import somebody
from tests.proxy import Proxy
from tests.running import processes_of, served
from tests.sockets import opened

#: Of REFRESH; every other rate is lower.
FEW = 6
REFRESH_ONCE = 'mutation { refreshSession(refreshToken: "none") { userErrors { code } } }'


def aliases(count: int) -> str:
    fields = (f'a{n}: refreshSession(refreshToken: "none") {{ userErrors {{ code }} }}' for n in range(count))
    return f"mutation {{ {' '.join(fields)} }}"


def strict(settings: Settings, **others: Any) -> Settings:
    factor = FEW / REFRESH.limits[0][1].amount
    return settings.model_copy(update={"rate_factor": factor, "rate_objects_of_address": 10**9, **others})


def codes(errors: list[dict[str, Any]]) -> list[str]:
    return [error["extensions"]["code"] for error in errors]


async def test_each_call_of_a_document_counts_by_itself(settings: Settings) -> None:
    async with served(strict(settings)) as (app, url), httpx.AsyncClient() as http:
        answer = await Client(http, url).ask(aliases(FEW + 2))
        assert answer.data is not None
        assert [answer.data[f"a{n}"] for n in range(FEW)] == [{"userErrors": [{"code": "EXPIRED"}]}] * FEW
        assert [answer.data[f"a{n}"] for n in (FEW, FEW + 1)] == [None, None]
        assert codes(answer.errors) == ["RATE_LIMITED"] * 2
        assert 1 <= answer.errors[0]["extensions"]["retryAfter"] <= 300
        assert answer.errors[0]["message"].startswith("Too many refreshed sessions in a short time. Try again in ")
        assert app.parts.rates.refused == {"refresh": 2}
        # It was executed: the one call was not, which its field says, and no header.
        response = await http.post(f"{url}/graphql", json={"query": REFRESH_ONCE})
        assert response.status_code == 200 and "retry-after" not in response.headers
        assert response.json()["data"] == {"refreshSession": None}
        assert [error["path"] for error in response.json()["errors"]] == [["refreshSession"]]


async def test_it_counts_over_websockets_and_in_every_process(settings: Settings) -> None:
    async with processes_of(strict(settings), 2) as both, httpx.AsyncClient(timeout=30) as http:
        first = await Client(http, both.urls[0]).sign_up("Ada")
        second = first.at(both.urls[1])
        assert not (await first.ask(aliases(FEW - 2))).errors
        async with opened(second) as socket:
            for id in ("1", "2", "3"):
                await socket.send(json.dumps({"id": id, "type": "subscribe", "payload": {"query": REFRESH_ONCE}}))
            said = [json.loads(await socket.recv()) for _ in range(6)]
        answers = sorted(
            (each["payload"] for each in said if each["type"] == "next"), key=lambda payload: "errors" in payload
        )
        assert ["errors" in payload for payload in answers] == [False, False, True]
        assert codes(answers[2]["errors"]) == ["RATE_LIMITED"]
        assert codes((await first.ask(REFRESH_ONCE)).errors) == ["RATE_LIMITED"]


async def test_an_operation_counts_by_what_it_could_return(settings: Settings) -> None:
    async with (
        served(strict(settings, rate_factor=1.0, rate_objects=1_000)) as (app, url),
        httpx.AsyncClient() as http,
    ):
        client = Client(http, url)
        ada, eve = await somebody(app, client, "Ada"), await somebody(app, client, "Eve")
        for _ in range(10):
            assert (await ada.ask("{ viewer { id } }")).it["id"]
        response = await http.post(
            f"{url}/graphql",
            json={"query": "{ viewer { id } }"},
            headers={"authorization": f"Bearer {ada.token}", "accept": "application/graphql-response+json"},
        )
        assert response.status_code == 429 and 1 <= int(response.headers["retry-after"]) <= 60
        assert codes(response.json()["errors"]) == ["RATE_LIMITED"]
        presence = "mutation($i: UpdatePresenceInput!) { updatePresence(input: $i) { ok userErrors { code } } }"
        moved = await ada.ask(presence, i={"bookId": f"bk_{uuid4()}", "clientId": str(uuid4())})
        assert codes(moved.errors) != ["RATE_LIMITED"]
        assert (await eve.ask("{ viewer { id } }")).it["id"]


async def test_nobody_waits_for_a_redis_that_hangs_or_is_away(settings: Settings) -> None:
    redis = urlsplit(str(settings.redis_url))
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(Proxy(redis.hostname or "", redis.port or 0))
        beside = redis._replace(netloc=redis.netloc.replace(f":{redis.port}", f":{proxy.port}"))
        strictly = strict(settings, redis_url=beside.geturl())
        app, url = await stack.enter_async_context(served(strictly))
        client = Client(await stack.enter_async_context(httpx.AsyncClient()), url)
        proxy.hang()
        # The first waits for as long as Redis has; the others are not even asked about.
        assert not (await client.ask(aliases(FEW + 2))).errors
        proxy.resume()
        await proxy.refuse()
        app.parts.rates._windows._away_until = 0.0
        assert not (await client.ask(aliases(FEW + 2))).errors
        await proxy.accept()
        app.parts.rates._windows._away_until = 0.0
        assert codes((await client.ask(aliases(FEW + 2))).errors)[-1:] == ["RATE_LIMITED"]


async def test_two_hundred_at_once_are_each_counted(base: Settings) -> None:
    async with Windows(str(base.redis_url), uuid4().hex) as windows:
        waits = await asyncio.gather(*(windows.exactly(Limit(5, 300), "ada") for _ in range(200)))
        assert waits.count(None) == 5 and not windows.is_away


async def test_a_loop_that_is_late_is_not_taken_for_a_redis_that_is_away(base: Settings) -> None:
    async with Windows(str(base.redis_url), uuid4().hex) as windows:
        assert await windows.exactly(Limit(1, 300), "ada") is None
        hit = asyncio.create_task(windows.exactly(Limit(1, 300), "ada"))
        # Until it waits for an answer, which comes while nobody listens.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        time.sleep(3 * ANSWER_TIMEOUT)  # noqa: ASYNC251 the loop is held on purpose
        assert await hit is not None and not windows.is_away


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def test_what_was_spent_elsewhere_is_learnt(base: Settings) -> None:
    budget, clock = Budget("objects", Limit(1_000, 60)), Clock()
    async with Windows(str(base.redis_url), uuid4().hex) as windows:
        here, there = Budgets(windows, clock), Budgets(windows, clock)
        assert here.charge(budget, "ada", 990) is None
        # Not worth telling: less than a hundredth.
        assert there.charge(budget, "ada", 9) is None
        await here.settle()
        await there.settle()
        assert there.charge(budget, "ada", 90) is None
        await there.settle()
        wait = there.charge(budget, "ada", 1)
        assert wait is not None and 1 <= wait <= 60
        assert there.charge(budget, "eve", 1) is None
        clock.now += wait
        assert there.charge(budget, "ada", 1) is None


async def test_one_process_never_gives_more_than_the_budget(base: Settings) -> None:
    budget, clock = Budget("objects", Limit(1_000, 60)), Clock()
    async with Windows(str(base.redis_url), uuid4().hex) as windows:
        budgets = Budgets(windows, clock)
        # What is more than all of it is given once, and nothing after it.
        assert budgets.charge(budget, "ada", 5_000) is None
        assert budgets.charge(budget, "ada", 1) == 60
        # From then on a minute's worth a minute, and nothing twice at the border of two.
        clock.now += 60
        assert budgets.charge(budget, "ada", 100) == pytest.approx(6)
        clock.now += 6
        assert budgets.charge(budget, "ada", 100) is None
        assert budgets.charge(budget, "ada", 500) == pytest.approx(30)
        clock.now += 120
        assert budgets.charge(budget, "ada", 1_000) is None
        for number in range(REMEMBERED + 10):
            assert budgets.charge(budget, str(number), 1) is None
        assert len(budgets._spenders) == REMEMBERED
        clock.now += 60
        assert budgets.charge(budget, "0", 1) is None
        clock.now += 60
        await budgets.settle()
        assert list(budgets._spenders) == [(budget, "0")]


async def test_invitations_of_many_guests_from_one_place_are_counted_together(base: Settings) -> None:
    async with Windows(str(base.redis_url), uuid4().hex) as windows, Budgets(windows) as budgets:
        rates = Rates(windows, budgets, Keyring("tests"), Allowed(10**6, 10**6, factor=0.01))
        for guest in ("ada", "eve"):
            for _ in range(3):
                await rates.hit(INVITE, Counted(guest, "10.0.0.1"), {})
        with pytest.raises(RateLimited):
            await rates.hit(INVITE, Counted("gus", "10.0.0.1"), {})
        await rates.hit(INVITE, Counted("gus", "10.0.0.2"), {})


async def test_who_is_counted_together(base: Settings) -> None:
    keyring = Keyring("tests")
    rate = Rate("test", "tests", ((By.PLACE, Limit(2, 300)),))
    async with Windows(str(base.redis_url), uuid4().hex) as windows, Budgets(windows) as budgets:
        rates = Rates(windows, budgets, keyring, Allowed(10**6, 10**6))
        await rates.hit(rate, Counted(None, "2001:db8::1"), {})
        await rates.hit(rate, Counted("ada", "2001:db8::ffff:1"), {})
        with pytest.raises(RateLimited):
            await rates.hit(rate, Counted(None, "2001:db8:0:0:1::"), {})
        await rates.hit(rate, Counted(None, "2001:db8:0:1::"), {})
        await rates.hit(rate, Counted(None, "10.0.0.1"), {})
        account = Rate("test", "tests", ((By.ACCOUNT, Limit(1, 300)),))
        await rates.hit(account, Counted(None, "10.0.0.1"), {"email": "Ada@example.org"})
        with pytest.raises(RateLimited):
            await rates.hit(account, Counted(None, "10.0.0.1"), {"email": " ada@EXAMPLE.org"})
        # Its owner elsewhere, another's here, and what is about no address.
        await rates.hit(account, Counted(None, "10.0.0.2"), {"email": "ada@example.org"})
        await rates.hit(account, Counted(None, "10.0.0.1"), {"email": "eve@example.org"})
        await rates.hit(account, Counted(None, "10.0.0.1"), {})
        weighed = Rate("weighed", "tests", ((By.PERSON, Limit(10, 300)),))
        await rates.hit(weighed, Counted("ada", "10.0.0.1"), {}, 8)
        with pytest.raises(RateLimited):
            await rates.hit(weighed, Counted("ada", "10.0.0.9"), {}, 3)
        # What was refused was not taken; what is more than all of it takes all.
        await rates.hit(weighed, Counted("ada", "10.0.0.9"), {}, 2)
        await rates.hit(weighed, Counted("eve", "10.0.0.9"), {}, 11)


#: Ending things is never too often.
UNCOUNTED = {"signOut", "revokeSession", "revokeOtherSessions", "renewConnection"}
ACCOUNTS = {"account", "session", "second_factor", "passkey", "identity", "viewer", "administration"}


def test_every_mutation_of_an_account_names_its_rate() -> None:
    named = {
        name: rate_of(field)
        for name, field, module in _mutations()
        if module.rsplit(".")[-1] in ACCOUNTS and name not in UNCOUNTED
    }
    assert {name for name, rate in named.items() if rate is None} == set()
    assert named["signIn"] is SIGN_IN and len(named) >= 15


def test_the_documentation_tells_every_rate() -> None:
    told = Path("docs/accounts.md").read_text()
    for rate in RATES:
        for by, limit in rate.limits:
            seconds = {300: "5 min", 3_600: "hour"}[limit.seconds]
            lines = [line for line in told.splitlines() if line.startswith(f"| `{rate.name}` |")]
            assert any(line.endswith(f"| {limit.amount:,} in any {seconds} | {by.value} |") for line in lines)


def _mutations() -> list[tuple[str, Any, str]]:
    import schema

    definition: Any = schema.build().get_type_by_name("Mutation")
    return [
        (
            schema.build().config.name_converter.get_graphql_name(field),
            field,
            field.base_resolver.wrapped_func.__module__,
        )
        for field in definition.fields
    ]
