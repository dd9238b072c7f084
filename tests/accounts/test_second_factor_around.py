"""There is no way around a second factor: each is tried."""

from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from models import Proof, Purpose, User
from resolvers.address import links
from resolvers.context import Context
from resolvers.sign_in import Challenge, begin
from server.app import App
from tests.accounts.authenticator import Authenticator
from tests.accounts.guarded import BEGIN, COMPLETE, CONFIRM, SIGN_IN, Guarded
from tests.client import CREATE_BOOK, PASSWORD, REFRESH, Answer, Client
from tests.people import somebody

NEW = "another long enough password"
RESET = """
mutation Reset($input: ResetPasswordInput!) {
  resetPassword(input: $input) { tokens { accessToken } challenge { kind challengeToken } userErrors { code path } }
}
"""
CHANGE = """
mutation Change($input: ChangePasswordInput!) {
  changePassword(input: $input) { viewer { id } userErrors { code path } }
}
"""
VIEWER = "{ viewer { id } }"


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest.fixture
def nobody(town: tuple[App, Client]) -> Client:
    return town[1]


@pytest_asyncio.fixture
async def ada(app: App, nobody: Client) -> Guarded:
    return await Guarded.made(app, nobody)


async def asked_for_a_code(ada: Guarded, answer: Answer) -> str:
    """The challenge's token; that there is nothing else."""
    payload = answer.it
    assert payload["tokens"] is None and payload["challenge"]["kind"] == "TOTP"
    return str(payload["challenge"]["challengeToken"])


async def made_again(ada: Guarded, token: str, **more: Any) -> Answer:
    return await ada.client.ask(COMPLETE, input={"challengeToken": token, **more})


async def test_the_token_of_a_challenge_is_no_other_token(ada: Guarded, nobody: Client) -> None:
    token = await ada.challenged()
    assert (await replace(nobody, token=token).ask(VIEWER)).code == "UNAUTHENTICATED"
    assert (await nobody.ask(REFRESH, token=token)).code == "EXPIRED"
    assert (
        await replace(nobody, token=token).ask(CHANGE, input={"currentPassword": PASSWORD, "newPassword": NEW})
    ).code == "UNAUTHENTICATED"
    assert await ada.sessions() == 1
    # And another token is none of a challenge.
    for other in (ada.client.token, ada.client.refresh_token, "", "x"):
        over = await made_again(ada, str(other), code=ada.authenticator.code())
        assert (over.code, over.path) == ("EXPIRED", ["input", "challengeToken"])


async def test_a_challenge_is_met_once_and_with_a_code_alone(ada: Guarded) -> None:
    token, code = await ada.challenged(), ada.authenticator.code()
    for more in ({}, {"newPassword": NEW}, {"code": None}):
        missing = await made_again(ada, token, **more)
        assert (missing.code, missing.path) == ("REQUIRED", ["input", "code"])
    assert (await made_again(ada, token, code=code)).it["tokens"]
    await ada.rest()
    assert (await made_again(ada, token, code=code)).code == "EXPIRED"
    # That one has passed says nothing of the next one.
    await ada.challenged()
    assert await ada.sessions() == 2


async def test_nobody_elses_code_will_do(ada: Guarded, app: App, nobody: Client) -> None:
    eve = await Guarded.made(app, nobody)
    token = await ada.challenged()
    for code in (eve.authenticator.code(), eve.recovery[0]):
        assert (await ada.complete(token, code)).code == "WRONG_CREDENTIALS"
    # Nor has it been used up.
    assert (await eve.complete(await eve.challenged(), eve.authenticator.code())).it["tokens"]


async def test_a_password_that_has_to_be_changed_is_changed_after_the_code(ada: Guarded) -> None:
    await ada.sql("UPDATE users SET password_is_temporary = true WHERE id = $1", ada.id)
    token = await ada.challenged()
    assert (await made_again(ada, token, newPassword=NEW)).code == "REQUIRED"
    due = (await made_again(ada, token, code=ada.authenticator.code(), newPassword=NEW)).it
    assert due["tokens"] is None and due["challenge"]["kind"] == "NEW_PASSWORD"
    # It was not taken by the way.
    await ada.challenged()
    changed = await made_again(ada, due["challenge"]["challengeToken"], newPassword=NEW)
    assert changed.it["tokens"] and changed.it["viewer"]["email"] == ada.client.email


async def test_one_that_is_turned_on_meanwhile_is_asked_for(app: App, nobody: Client) -> None:
    late = await nobody.sign_up("Lara")
    guarded = Guarded(app, late, Authenticator((await late.ask(BEGIN, password=PASSWORD)).it["secret"]))
    await guarded.sql("UPDATE users SET password_is_temporary = true WHERE id = $1", guarded.id)
    begun = (await nobody.ask(SIGN_IN, input={"email": late.email, "password": PASSWORD})).it["challenge"]
    assert begun["kind"] == "NEW_PASSWORD"
    assert (await late.ask(CONFIRM, code=guarded.authenticator.code())).it["recoveryCodes"]
    answer = await made_again(guarded, begun["challengeToken"], newPassword=NEW)
    token = await asked_for_a_code(guarded, answer)
    assert (await guarded.complete(token, guarded.authenticator.code(1))).it["tokens"]


async def test_a_reset_password_still_needs_the_code(ada: Guarded, app: App) -> None:
    async with Context(app.parts, None).work() as work:
        link = await links.make(work, ada.id, Purpose.RESET, ada.client.email)
    answer = await ada.client.ask(RESET, input={"token": link, "newPassword": NEW})
    token = await asked_for_a_code(ada, answer)
    # All sessions have ended, and there is no new one.
    assert (await ada.client.ask(VIEWER)).code == "UNAUTHENTICATED"
    assert (await ada.complete(token, ada.authenticator.wrong())).code == "WRONG_CREDENTIALS"
    assert (await ada.complete(token, ada.authenticator.code())).it["tokens"]


async def test_a_changed_password_changes_nothing_about_it(ada: Guarded) -> None:
    assert (await ada.client.ask(CHANGE, input={"currentPassword": PASSWORD, "newPassword": NEW})).it["viewer"]
    answer = await ada.client.ask(SIGN_IN, input={"email": ada.client.email, "password": NEW})
    assert await asked_for_a_code(ada, answer)


@pytest.mark.parametrize("proof", Proof)
async def test_after_every_first_proof_the_code_is_due(ada: Guarded, app: App, proof: Proof) -> None:
    context = Context(app.parts, None)
    async with context.work() as work:
        outcome = await begin(context, work, await work.session.get_one(User, ada.id), proof, None)
    assert isinstance(outcome, Challenge) and outcome.kind == "TOTP"
    assert await ada.sessions() == 1
    assert (await ada.complete(outcome.token, ada.authenticator.code())).it["tokens"]


async def test_signing_in_over_a_guests_session_takes_nothing_in_before_the_code(
    ada: Guarded, app: App, nobody: Client
) -> None:
    guest = await somebody(app, nobody, "Gast")
    await ada.sql(
        "UPDATE users SET is_guest = true, email = NULL, email_verified_at = NULL WHERE id = $1", guest.user_id[3:]
    )
    book = (await guest.ask(CREATE_BOOK, input={"title": "A guest's"})).it["book"]["id"]
    answer = await guest.ask(SIGN_IN, input={"email": ada.client.email, "password": PASSWORD})
    token = await asked_for_a_code(ada, answer)
    assert (await guest.ask(COMPLETE, input={"challengeToken": token, "code": ada.authenticator.wrong()})).code
    assert (await guest.ask(VIEWER)).it["id"] == guest.user_id.replace("us_", "vw_")
    seen = "query Book($id: ID!) { book(id: $id) { viewerRole } }"
    assert (await ada.client.ask(seen, id=book)).code == "NOT_FOUND"
    done = await guest.ask(COMPLETE, input={"challengeToken": token, "code": ada.authenticator.code()})
    assert done.it["viewer"]["email"] == ada.client.email
    assert (await ada.client.ask(seen, id=book)).it == {"viewerRole": "OWNER"}
