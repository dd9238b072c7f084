"""Wrong passwords are counted, whatever becomes of the request; too many lock an address for who tries it there."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from models.refusal import Locked
from resolvers import attempts
from resolvers.attempts import Allowance
from resolvers.context import Context
from resolvers.sign_in import tries as way
from server.app import App
from server.settings import Settings
from tests.accounts.asking import OTHER, confirm, elsewhere, events, fresh, owed, sign_up, sql
from tests.client import PASSWORD, Client

HERE, THERE = "192.0.2.1", "198.51.100.7"


async def test_ten_wrong_ones_lock_the_address_there_and_not_for_its_owner_elsewhere(
    settings: Settings, client: Client, app: App
) -> None:
    ada = await sign_up(client, fresh())
    await confirm(app, ada)
    before = len(await events(app, ada))
    async with elsewhere(settings) as at:
        for email in (ada.email, fresh()):
            codes = [await at.try_(email, OTHER, HERE) for _ in range(10)]
            assert codes == ["WRONG_CREDENTIALS"] * 10
            # The right one too: who guesses it learns nothing any more.
            assert [await at.try_(email, PASSWORD, HERE) for _ in range(2)] == ["LOCKED"] * 2
            assert await at.try_(email.upper(), PASSWORD, HERE) == "LOCKED"
        assert await at.try_(ada.email, PASSWORD, THERE) is None
        # Once for the lock, not for what comes to it.
        assert (await events(app, ada))[before:] == ["SIGN_IN_FAILED"] * 9 + ["SIGN_IN_LOCKED", "SIGNED_IN"]
        assert [job for job in await owed(app, ada) if job[1]] == [("mail.notice", "SIGN_IN_LOCKED")]
        # The window slides: when the oldest is five minutes old there is one more.
        await sql(
            app,
            "UPDATE attempts SET at = at - interval '5 minutes' WHERE id IN"
            " (SELECT id FROM attempts WHERE key = (SELECT key FROM attempts WHERE key <> '' GROUP BY key"
            "  HAVING count(*) = 10 ORDER BY min(at) LIMIT 1) ORDER BY at LIMIT 1)",
        )
        assert [await at.try_(ada.email, OTHER, HERE) for _ in range(2)] == ["WRONG_CREDENTIALS", "LOCKED"]


async def test_right_ones_do_not_count(settings: Settings, client: Client, app: App) -> None:
    ada = await sign_up(client, fresh())
    async with elsewhere(settings) as at:
        for _ in range(12):
            assert await at.try_(ada.email, PASSWORD, HERE) is None
        codes = [await at.try_(ada.email, OTHER, HERE) for _ in range(11)]
    assert codes == ["WRONG_CREDENTIALS"] * 10 + ["LOCKED"]


async def test_a_hundred_at_once_over_two_programs_are_ten(settings: Settings, client: Client, app: App) -> None:
    ada = await sign_up(client, fresh())
    async with elsewhere(settings, 2) as at:
        for email in (ada.email, fresh()):
            codes = await asyncio.gather(*(at.try_(email, OTHER, HERE, process=n) for n in range(100)))
            assert Counter(codes) == {"WRONG_CREDENTIALS": 10, "LOCKED": 90}
            await sql(app, "UPDATE attempts SET at = at - interval '5 minutes'")


async def test_from_one_ip_address_there_are_no_more_than_so_many_over_all(
    settings: Settings, client: Client, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Times the factor of the rates.
    monkeypatch.setattr(way, "FROM_ANYBODY", replace(way.FROM_ANYBODY, limit=6))
    ada = await sign_up(client, fresh())
    async with elsewhere(settings.model_copy(update={"rate_factor": 0.5})) as at:
        # All of one customer's network.
        near = [f"2001:db8:1:1::{number}" for number in range(1, 5)]
        codes = [await at.try_(fresh(), OTHER, address) for address in near]
        assert codes == ["WRONG_CREDENTIALS"] * 3 + ["LOCKED"]
        assert await at.try_(ada.email, PASSWORD, near[0]) == "LOCKED"
        assert await at.try_(ada.email, PASSWORD, "2001:db8:1:2::1") is None


async def test_a_class_that_comes_at_once_comes_in(
    settings: Settings, client: Client, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(way, "FROM_ANYBODY", replace(way.FROM_ANYBODY, limit=2))
    pupils = [await sign_up(client, fresh()) for _ in range(6)]
    async with elsewhere(settings.model_copy(update={"rate_factor": 1.0})) as at:
        assert await asyncio.gather(*(at.try_(each.email, PASSWORD, HERE) for each in pupils)) == [None] * 6
        # What is under way has a bound of its own, and is no wrong try.
        monkeypatch.setattr(way, "UNDER_WAY", 2)
        codes = await asyncio.gather(*(at.try_(each.email, PASSWORD, HERE) for each in pupils))
        assert set(codes) == {None, "UNAVAILABLE"}
        assert await at.try_(pupils[0].email, PASSWORD, HERE) is None


async def test_a_lock_is_told_of_a_few_times_a_day(
    settings: Settings, client: Client, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Allowance(way.OF_ADDRESS.name, 1, way.OF_ADDRESS.window, way.OF_ADDRESS.message)
    monkeypatch.setattr(way, "OF_ADDRESS", one)
    ada = await sign_up(client, fresh())
    await confirm(app, ada)
    async with elsewhere(settings) as at:
        for number in range(way.LOCKS_A_DAY + 2):
            assert await at.try_(ada.email, OTHER, f"192.0.2.{number}") == "WRONG_CREDENTIALS"
    assert (await events(app, ada)).count("SIGN_IN_LOCKED") == way.LOCKS_A_DAY
    assert [job[1] for job in await owed(app, ada) if job[1]] == ["SIGN_IN_LOCKED"] * way.LOCKS_A_DAY


async def test_it_does_not_ask_redis(settings: Settings, client: Client, app: App) -> None:
    ada = await sign_up(client, fresh())
    async with elsewhere(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})) as at:
        codes = [await at.try_(ada.email, OTHER, HERE) for _ in range(11)]
        assert codes == ["WRONG_CREDENTIALS"] * 10 + ["LOCKED"]
        assert await at.try_(ada.email, PASSWORD, THERE) is None


async def test_a_try_counts_under_all_allowances_or_under_none(app: App) -> None:
    context = Context(app.parts, caller=None)
    wide = Allowance("wide", 5, timedelta(minutes=5), "Wait {minutes}.")
    tight = Allowance("tight", 1, timedelta(minutes=5), "Wait {minutes}.")
    first = await attempts.take_all(context, (wide, ("a",)), (tight, ("a",)))
    assert not first.is_last
    with pytest.raises(Locked, match="Wait 5 minutes"):
        await attempts.take_all(context, (wide, ("a",)), (tight, ("a",)))
    taken = [await attempts.take(context, wide, "a") for _ in range(4)]
    assert [each.is_last for each in taken] == [False, False, False, True]
    with pytest.raises(Locked):
        await attempts.take(context, wide, "a")
    # Of something else it is another count.
    await attempts.take(context, wide, "b")
    await attempts.give_back(context, taken[0])
    assert (await attempts.take(context, wide, "a")).is_last


def test_what_lies_together_is_counted_together() -> None:
    near = attempts.neighbourhood
    assert near("192.0.2.1") != near("192.0.2.2")
    assert near("::ffff:192.0.2.1") == near("192.0.2.1")
    assert near("2001:db8::1") == near("2001:db8::ffff:0:0:1") != near("2001:db8:0:1::1")
    assert near(None) == ""
