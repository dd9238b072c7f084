"""Second factors: turned on and off, asked for, and used up."""

import asyncio
from base64 import b32decode
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
import structlog

from models import Totp
from resolvers.context import Context
from resolvers.jobs import accounts
from resolvers.jobs.kind import Nothing
from resolvers.keyring import Keyring, Unreadable
from resolvers.second_factor import check, codes
from server.app import App
from tests.accounts.authenticator import Authenticator
from tests.accounts.guarded import BEGIN, CONFIRM, DISABLE, REGENERATE, STATE, Guarded
from tests.client import PASSWORD, Answer, Client
from tests.people import somebody

#: RFC 6238, appendix B: of the SHA-1 secret "12345678901234567890", the last six of the eight digits.
RFC = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest.fixture
def nobody(town: tuple[App, Client]) -> Client:
    return town[1]


@pytest_asyncio.fixture
async def ada(app: App, nobody: Client) -> Guarded:
    return await Guarded.made(app, nobody)


def refused(answer: Answer) -> tuple[str | None, list[str]]:
    return answer.code, answer.path


def test_codes_are_those_of_the_rfc_a_step_early_and_late_and_after_the_last_one_used() -> None:
    secret = b"12345678901234567890"

    def step_of(code: str, seconds: int, after: int | None = None) -> int | None:
        return codes.step_of(secret, code, datetime.fromtimestamp(seconds, UTC), after)

    for seconds, code in RFC.items():
        step = seconds // 30
        assert [step_of(code, seconds + off) for off in (0, 30, 60)] == [step, step, None]
        assert (step_of(code, seconds, after=step - 1), step_of(code, seconds, after=step)) == (step, None)
        if step > 2:
            assert [step_of(code, seconds + off) for off in (-60, -30)] == [None, step]


async def test_it_is_on_once_the_last_secret_shown_is_confirmed(app: App, nobody: Client) -> None:
    ada = await nobody.sign_up("Ada")
    first = (await ada.ask(BEGIN, password=PASSWORD)).it
    shown = (await ada.ask(BEGIN, password=PASSWORD)).it
    secret = shown["secret"]
    assert len(secret) == 32 and secret != first["secret"]
    label = ada.email.replace("@", "%40")
    assert shown["uri"] == (
        f"otpauth://totp/Leporello:{label}?digits=6&secret={secret}&algorithm=SHA1&issuer=Leporello&period=30"
    )
    for wrong in (Authenticator(first["secret"]).code(), Authenticator(secret).wrong(), "", "x" * 500_000):
        assert refused(await ada.ask(CONFIRM, code=wrong)) == ("WRONG_CREDENTIALS", ["code"])
    assert (await ada.ask(STATE)).it == {"twoFactorEnabled": False, "recoveryCodesLeft": 0}
    # Until then a sign-in is what it was.
    assert (await nobody.sign_in(ada.email, PASSWORD)).user_id == ada.user_id

    guarded = Guarded(app, ada, Authenticator(secret))
    await guarded.sql("UPDATE users SET email_verified_at = now() WHERE id = $1", guarded.id)
    made = (await ada.ask(CONFIRM, code=Authenticator(secret).code())).it["recoveryCodes"]
    assert len(set(made)) == 10 and all(len(codes.plain(code)) == 16 and code.count("-") == 3 for code in made)
    assert (await ada.ask(STATE)).it == {"twoFactorEnabled": True, "recoveryCodesLeft": 10}
    assert refused(await ada.ask(BEGIN, password=PASSWORD)) == ("CONFLICT", [])
    assert refused(await ada.ask(CONFIRM, code=guarded.authenticator.code(1))) == ("CONFLICT", [])
    assert await guarded.events() == []
    assert await guarded.notices() == [("TWO_FACTOR_ENABLED", None)]
    answer = await guarded.complete(await guarded.challenged(), guarded.authenticator.code(1))
    assert answer.it["viewer"]["email"] == ada.email


async def test_a_secret_that_was_shown_long_ago_is_not_confirmed_any_more(app: App, nobody: Client) -> None:
    ada = await nobody.sign_up("Adele")
    assert refused(await ada.ask(CONFIRM, code="123456")) == ("EXPIRED", ["code"])
    guarded = Guarded(app, ada, Authenticator((await ada.ask(BEGIN, password=PASSWORD)).it["secret"]))
    await guarded.sql("UPDATE totps SET created_at = now() - interval '15 min' WHERE user_id = $1", guarded.id)
    assert refused(await ada.ask(CONFIRM, code=guarded.authenticator.code())) == ("EXPIRED", ["code"])
    assert (await ada.ask(STATE)).it["twoFactorEnabled"] is False


async def test_of_eight_who_confirm_at_once_one_gets_the_recovery_codes(app: App, nobody: Client) -> None:
    ada = await nobody.sign_up("Alba")
    code = Authenticator((await ada.ask(BEGIN, password=PASSWORD)).it["secret"]).code()
    answers = await asyncio.gather(*(ada.ask(CONFIRM, code=code) for _ in range(8)))
    assert sorted(str(answer.code) for answer in answers) == [*["CONFLICT"] * 7, "None"]
    assert (await ada.ask(STATE)).it["recoveryCodesLeft"] == 10


async def test_nothing_of_it_is_kept_or_owed_in_clear(ada: Guarded) -> None:
    rows = await ada.sql("SELECT t::text AS text FROM totps t WHERE user_id = $1", ada.id)
    rows += await ada.sql("SELECT r::text AS text FROM recovery_codes r WHERE user_id = $1", ada.id)
    rows += await ada.sql("SELECT j::text AS text FROM jobs j")
    rows += await ada.sql("SELECT s::text AS text FROM security_events s WHERE user_id = $1", ada.id)
    kept = "\n".join(row["text"] for row in rows)
    for secret in (ada.authenticator.secret, *ada.recovery):
        for shown in (secret, codes.plain(secret), codes.plain(secret).encode().hex()):
            assert shown not in kept
    [sealed] = await ada.sql("SELECT secret FROM totps WHERE user_id = $1", ada.id)
    assert b32decode(ada.authenticator.secret) not in sealed["secret"]


async def test_no_code_is_good_twice_nor_one_before_the_last_one_used(ada: Guarded) -> None:
    now, next_one = ada.authenticator.code(), ada.authenticator.code(1)
    assert (await ada.complete(await ada.challenged(), next_one)).it["tokens"]
    for used in (next_one, now):
        assert refused(await ada.complete(await ada.challenged(), used)) == ("WRONG_CREDENTIALS", ["input", "code"])
    assert await ada.events() == ["SECOND_FACTOR_FAILED"] * 2


async def test_recovery_codes_are_good_once_however_they_are_typed(ada: Guarded, app: App, nobody: Client) -> None:
    first, second, third = ada.recovery[:3]
    typed = (
        first.upper(),
        f"  {second.replace('-', ' ')} ",
        third.replace("-", "").replace("1", "l").replace("0", "O"),
    )
    for left, code in zip((9, 8, 7), typed, strict=True):
        assert (await ada.complete(await ada.challenged(), code)).it["viewer"]["email"] == ada.client.email
        assert (await ada.client.ask(STATE)).it == {"twoFactorEnabled": True, "recoveryCodesLeft": left}
    assert refused(await ada.complete(await ada.challenged(), first)) == ("WRONG_CREDENTIALS", ["input", "code"])
    assert await ada.events() == [*["RECOVERY_CODE_USED"] * 3, "SECOND_FACTOR_FAILED"]
    assert await ada.notices() == [("TWO_FACTOR_ENABLED", None), *[("RECOVERY_CODE_USED", left) for left in (9, 8, 7)]]
    eve = await Guarded.made(app, nobody)
    assert refused(await eve.complete(await eve.challenged(), ada.recovery[5])) == (
        "WRONG_CREDENTIALS",
        ["input", "code"],
    )
    assert (await ada.client.ask(STATE)).it["recoveryCodesLeft"] == 7


async def test_of_eight_uses_of_one_recovery_code_at_once_one_passes(ada: Guarded) -> None:
    tokens = [await ada.challenged() for _ in range(8)]
    answers = await asyncio.gather(*(ada.complete(token, ada.recovery[0]) for token in tokens))
    assert sorted(str(answer.code) for answer in answers) == ["None", *["WRONG_CREDENTIALS"] * 7]


async def test_new_recovery_codes_end_the_old_ones(ada: Guarded) -> None:
    ask = ada.client.ask
    for variables, refusal in (
        ({"code": ada.authenticator.code()}, ("REQUIRED", ["password"])),
        ({"code": ada.authenticator.code(), "password": "a wrong one"}, ("WRONG_CREDENTIALS", ["password"])),
        ({"code": ada.authenticator.wrong(), "password": PASSWORD}, ("WRONG_CREDENTIALS", ["code"])),
    ):
        assert refused(await ask(REGENERATE, **variables)) == refusal
    renewed = (await ask(REGENERATE, code=ada.authenticator.code(), password=PASSWORD)).it["recoveryCodes"]
    assert len(renewed) == 10 and not set(renewed) & set(ada.recovery)
    assert (await ask(STATE)).it["recoveryCodesLeft"] == 10
    assert (await ada.complete(await ada.challenged(), ada.recovery[0])).code == "WRONG_CREDENTIALS"
    assert (await ada.complete(await ada.challenged(), renewed[0])).it["tokens"]
    assert await ada.events() == [
        "PASSWORD_FAILED",
        "SECOND_FACTOR_FAILED",
        "RECOVERY_CODES_REGENERATED",
        "SECOND_FACTOR_FAILED",
        "RECOVERY_CODE_USED",
    ]


async def test_turning_it_off_takes_the_password_and_a_code(ada: Guarded, nobody: Client) -> None:
    async def off(**input: Any) -> Answer:
        return await ada.client.ask(DISABLE, input=input)

    right = ada.authenticator.code()
    for input, refusal in (
        ({"code": right}, ("REQUIRED", ["input", "password"])),
        ({"code": right, "password": "a wrong one"}, ("WRONG_CREDENTIALS", ["input", "password"])),
        ({"code": ada.authenticator.wrong(), "password": PASSWORD}, ("WRONG_CREDENTIALS", ["input", "code"])),
    ):
        assert refused(await off(**input)) == refusal
    assert (await ada.client.ask(STATE)).it == {"twoFactorEnabled": True, "recoveryCodesLeft": 10}
    # None of that has used the code up.
    assert (await off(code=right, password=PASSWORD)).it["ok"] is True
    assert (await ada.client.ask(STATE)).it == {"twoFactorEnabled": False, "recoveryCodesLeft": 0}
    assert (await nobody.sign_in(ada.client.email, PASSWORD)).user_id == ada.client.user_id
    for answer in (
        await off(code=right, password=PASSWORD),
        await ada.client.ask(REGENERATE, code=right, password=PASSWORD),
    ):
        assert refused(answer) == ("CONFLICT", [])
    assert await ada.events() == ["PASSWORD_FAILED", "SECOND_FACTOR_FAILED", "TWO_FACTOR_DISABLED"]
    assert (await ada.notices())[-1] == ("TWO_FACTOR_DISABLED", None)


async def test_whoever_lost_their_phone_turns_it_off_with_a_recovery_code(ada: Guarded) -> None:
    input = {"password": PASSWORD, "code": ada.recovery[0]}
    assert (await ada.client.ask(DISABLE, input=input)).it["ok"] is True
    assert (await ada.client.ask(STATE)).it == {"twoFactorEnabled": False, "recoveryCodesLeft": 0}


async def test_who_has_no_password_needs_a_session_of_the_last_minutes(app: App, nobody: Client) -> None:
    ada = await somebody(app, nobody, "Ada")
    guarded = Guarded(app, ada, Authenticator((await ada.ask(BEGIN)).it["secret"]))
    await guarded.sql(
        "UPDATE sessions SET created_at = now() - interval '10 min' WHERE user_id = $1",
        guarded.id,
    )
    assert refused(await ada.ask(BEGIN)) == ("EXPIRED", ["password"])
    assert refused(await ada.ask(BEGIN, password="anything")) == ("EXPIRED", ["password"])
    # What was begun in time can be confirmed.
    assert (await ada.ask(CONFIRM, code=guarded.authenticator.code())).it["recoveryCodes"]
    await guarded.rest()
    code = guarded.authenticator.code()
    assert refused(await ada.ask(DISABLE, input={"code": code})) == ("EXPIRED", ["input", "password"])
    assert refused(await ada.ask(REGENERATE, code=code)) == ("EXPIRED", ["password"])
    await guarded.sql("UPDATE sessions SET created_at = now() WHERE user_id = $1", guarded.id)
    assert (await ada.ask(DISABLE, input={"code": code})).it["ok"] is True


async def test_a_guest_has_nothing_to_protect_and_nobody_nothing_at_all(app: App, nobody: Client) -> None:
    guest = await somebody(app, nobody, "Gast")
    await Guarded(app, guest, Authenticator("")).sql(
        "UPDATE users SET is_guest = true WHERE id = $1", Guarded(app, guest, Authenticator("")).id
    )
    assert refused(await guest.ask(BEGIN)) == ("CONFLICT", [])
    assert (await nobody.ask(BEGIN, password=PASSWORD)).code == "UNAUTHENTICATED"
    assert (await nobody.ask(CONFIRM, code="123456")).code == "UNAUTHENTICATED"
    assert (await nobody.ask(DISABLE, input={"password": PASSWORD, "code": "123456"})).code == "UNAUTHENTICATED"
    assert (await nobody.ask(REGENERATE, password=PASSWORD, code="123456")).code == "UNAUTHENTICATED"


async def test_a_former_secret_is_needed_until_the_next_code(ada: Guarded) -> None:
    async def is_good(keyring: Keyring, code: str) -> bool:
        context = Context(replace(ada.app.parts, keyring=keyring), None)
        async with context.work() as work:
            return await check(context, work, ada.id, code)

    both, alone = Keyring("another secret", ["tests"]), Keyring("another secret")
    with pytest.raises(Unreadable):
        await is_good(alone, ada.authenticator.code())
    # What is on paper was not made with a secret of ours.
    assert await is_good(alone, ada.recovery[0])
    assert await is_good(both, ada.authenticator.code())
    await ada.rest()
    assert await is_good(alone, ada.authenticator.code())


async def test_all_are_sealed_anew_by_a_job(ada: Guarded, nobody: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "RESEALED", 1)
    eve = await Guarded.made(ada.app, nobody)
    await eve.sql("UPDATE totps SET secret = 'other' WHERE user_id = $1", eve.id)
    both, alone = Keyring("another secret", ["tests"]), Keyring("another secret")
    run: Any = SimpleNamespace(parts=replace(ada.app.parts, keyring=both))
    with structlog.testing.capture_logs() as said:
        await accounts.reseal(run, Nothing())
    assert [(each["event"], each["unreadable"]) for each in said] == [("second_factors_resealed", 1)]
    async with ada.app.parts.database.session() as session:
        totp = await session.get(Totp, ada.id)
    assert totp is not None
    assert codes.shown_secret(alone.open("totp", totp.secret, ada.id.bytes)) == ada.authenticator.secret


async def test_the_secret_of_one_does_not_open_as_anothers(ada: Guarded, app: App, nobody: Client) -> None:
    eve = await Guarded.made(app, nobody)
    await eve.sql(
        "UPDATE totps SET secret = (SELECT secret FROM totps WHERE user_id = $1) WHERE user_id = $2", eve.id, ada.id
    )
    async with app.parts.database.session() as session:
        totp = await session.get(Totp, ada.id)
    assert totp is not None
    with pytest.raises(Unreadable):
        app.parts.keyring.open("totp", totp.secret, ada.id.bytes)
