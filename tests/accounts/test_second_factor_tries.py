"""Codes cannot be tried for ever: not with one sign-in, from one address, from all of them, nor at once."""

import asyncio
from collections import Counter
from dataclasses import replace
from functools import partial

import pytest
import pytest_asyncio

from models import SignIn
from models.columns import now
from models.refusal import Locked, Refusal, WrongCredentials
from models.sign_in import LIFETIME, TRIES
from resolvers.context import Context
from resolvers.second_factor import tries
from resolvers.sign_in import Challenge, go_on
from resolvers.sign_in.steps import Given
from resolvers.token import hash_of, opaque_token
from server.app import App
from tests.accounts.guarded import BEGIN, DISABLE, REGENERATE, STATE, Guarded
from tests.client import PASSWORD, Client
from tests.sockets import until


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest_asyncio.fixture
async def ada(town: tuple[App, Client]) -> Guarded:
    return await Guarded.made(*town)


async def waiting(ada: Guarded, count: int) -> list[str]:
    """Tokens of so many sign-ins that wait for a code, without the time that passwords take."""
    tokens = [opaque_token() for _ in range(count)]
    async with ada.app.parts.database.session.begin() as rows:
        for token in tokens:
            until = now() + LIFETIME
            rows.add(SignIn(token_hash=hash_of(token), user_id=ada.id, proof="PASSWORD", due="TOTP", expires_at=until))
    return tokens


async def tried_from(ada: Guarded, address: str, code: str) -> Refusal | None:
    """Why a code is refused that comes from this address; None when it is taken."""
    [token] = await waiting(ada, 1)
    try:
        outcome = await go_on(Context(ada.app.parts, None, ip_address=address), token, Given(code=code))
    except Refusal as refusal:
        return refusal
    assert not isinstance(outcome, Challenge)
    return None


async def test_a_sign_in_is_over_after_five_wrong_codes(ada: Guarded) -> None:
    token, wrong = await ada.challenged(), ada.authenticator.wrong()
    codes = [(await ada.complete(token, wrong)).code for _ in range(TRIES)]
    assert codes == ["WRONG_CREDENTIALS"] * 5
    over = await ada.complete(token, ada.authenticator.code())
    assert (over.code, over.path) == ("EXPIRED", ["input", "challengeToken"])
    assert await ada.sessions() == 1
    assert (await ada.complete(await ada.challenged(), ada.authenticator.code())).it["tokens"]
    assert await ada.events() == ["SECOND_FACTOR_FAILED"] * 5


async def test_ten_wrong_codes_lock_an_account_for_one_address_and_not_its_owner_elsewhere(ada: Guarded) -> None:
    tokens, wrong, right = await waiting(ada, 3), ada.authenticator.wrong(), ada.authenticator.code()
    codes = [(await ada.complete(token, wrong)).code for token in tokens[:2] for _ in range(TRIES)]
    assert codes == ["WRONG_CREDENTIALS"] * 10
    for code in (right, ada.recovery[0]):
        locked = await ada.complete(tokens[2], code)
        assert (locked.code, locked.path) == ("LOCKED", ["input", "code"])
        assert "5 minutes" in locked.user_errors[0]["message"]
    # However it is tried from there.
    off = await ada.client.ask(DISABLE, input={"password": PASSWORD, "code": right})
    assert (off.code, off.path) == ("LOCKED", ["input", "code"])
    renewed = await ada.client.ask(REGENERATE, password=PASSWORD, code=right)
    assert (renewed.code, renewed.path) == ("LOCKED", ["code"])
    assert (await ada.client.ask(STATE)).it == {"twoFactorEnabled": True, "recoveryCodesLeft": 10}
    assert await ada.sessions() == 1
    assert await tried_from(ada, "192.0.2.7", right) is None
    assert await ada.events() == [*["SECOND_FACTOR_FAILED"] * 10, "SIGN_IN_LOCKED"]
    assert await ada.notices() == [("TWO_FACTOR_ENABLED", None), ("SIGN_IN_LOCKED", None)]

    await ada.sql("UPDATE attempts SET at = at - interval '5 min'")
    await ada.rest()
    assert (await ada.complete(tokens[2], ada.authenticator.code())).it["tokens"]


async def test_wrong_codes_from_everywhere_lock_the_six_digits_and_not_the_recovery_codes(
    ada: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ada.sql("DELETE FROM attempts")
    monkeypatch.setattr(tries, "FROM_ANYWHERE", replace(tries.FROM_ANYWHERE, limit=6))
    addresses = [f"2001:db8:{number:x}::1" for number in range(8)]
    for address in addresses[:6]:
        assert isinstance(await tried_from(ada, address, ada.authenticator.wrong()), WrongCredentials)
    for _ in range(2):
        locked = await tried_from(ada, addresses[6], ada.authenticator.code())
        assert isinstance(locked, Locked) and "1440 minutes" in locked.message
    assert await tried_from(ada, addresses[6], ada.recovery[0]) is None
    # A wrong one of those says nothing to anybody, and is counted where it came from.
    assert isinstance(await tried_from(ada, addresses[7], ada.recovery[0]), WrongCredentials)
    assert await ada.events() == [
        *["SECOND_FACTOR_FAILED"] * 6,
        "SIGN_IN_LOCKED",
        "RECOVERY_CODE_USED",
        "SECOND_FACTOR_FAILED",
    ]
    # Told once in a day, although the lock begins anew whenever one of the six is a day old.
    oldest = "SELECT id FROM attempts ORDER BY at LIMIT 2"
    await ada.sql(f"UPDATE attempts SET at = at - interval '1 day' WHERE id IN ({oldest})")
    assert isinstance(await tried_from(ada, addresses[7], ada.authenticator.wrong()), WrongCredentials)
    assert isinstance(await tried_from(ada, addresses[7], ada.authenticator.code()), Locked)
    assert (await ada.events()).count("SIGN_IN_LOCKED") == 1
    await ada.sql("UPDATE attempts SET at = at - interval '1 day'")
    assert await tried_from(ada, addresses[7], ada.authenticator.code()) is None


async def test_addresses_of_one_customer_are_counted_together(ada: Guarded) -> None:
    refusals = [await tried_from(ada, f"2001:db8::{number:x}", ada.authenticator.wrong()) for number in range(11)]
    assert [type(refusal) for refusal in refusals] == [*[WrongCredentials] * 10, Locked]


async def test_of_a_hundred_uses_of_one_code_at_once_one_passes_and_ten_are_looked_at(ada: Guarded, app: App) -> None:
    tokens, code = await waiting(ada, 100), ada.authenticator.code()

    async def several_wait() -> bool:
        [row] = await ada.sql("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(row["count"] >= 5)

    # The first are held until several stand at the same row, so that they cannot come one after the other.
    async with app.parts.database.engine.begin() as connection:
        await connection.exec_driver_sql(f"SELECT FROM users WHERE id = '{ada.id}' FOR UPDATE")
        first = asyncio.gather(*(ada.complete(token, code) for token in tokens[:8]))
        await until(several_wait, within=30)
    # Not all at once, or a slow machine says that it has no connection for them.
    answers = await first
    for start in range(8, 100, 23):
        answers += await asyncio.gather(*map(partial(ada.complete, code=code), tokens[start : start + 23]))
    assert Counter(answer.code for answer in answers) == {None: 1, "WRONG_CREDENTIALS": 10, "LOCKED": 89}
    assert await ada.sessions() == 2


async def test_wrong_passwords_are_counted_too_and_lock_nothing_else(ada: Guarded) -> None:
    answers = await asyncio.gather(*(ada.client.ask(BEGIN, password="a wrong one") for _ in range(12)))
    assert Counter(answer.code for answer in answers) == {"WRONG_CREDENTIALS": 10, "LOCKED": 2}
    locked = await ada.client.ask(DISABLE, input={"password": PASSWORD, "code": ada.authenticator.code()})
    assert (locked.code, locked.path) == ("LOCKED", ["input", "password"])
    assert (await ada.client.ask(STATE)).it["twoFactorEnabled"] is True
    assert Counter(await ada.events()) == {"PASSWORD_FAILED": 9, "PASSWORD_LOCKED": 1}
    # Who is at the door is not asked to wait for it.
    assert (await ada.complete(await ada.challenged(), ada.authenticator.code())).it["tokens"]
    await ada.sql("UPDATE attempts SET at = at - interval '5 min'")
    assert (await ada.client.ask(BEGIN, password=PASSWORD)).code == "CONFLICT"
