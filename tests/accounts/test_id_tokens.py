"""What a provider says is believed once all of it is right: each lie by itself is refused."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from time import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from server.app import App
from server.settings import Settings
from tests.accounts.asking import sql
from tests.accounts.forger import CLIENT_ID, Forger, come_in, forging, trusting
from tests.accounts.identities import PAGE, begin, complete
from tests.client import Client

UNTRUSTED = {
    "code": "WRONG_CREDENTIALS",
    "message": "What the provider said cannot be trusted. Begin anew.",
    "path": ["input", "response"],
}


@pytest_asyncio.fixture(scope="module")
async def both(base: Settings) -> AsyncIterator[tuple[Forger, App, Client]]:
    async with forging() as forger, trusting(base, forger) as (app, client):
        yield forger, app, client


@pytest.fixture
def forger(both: tuple[Forger, App, Client]) -> Forger:
    both[0].renew()
    return both[0]


@pytest.fixture
def app(both: tuple[Forger, App, Client]) -> App:
    return both[1]


@pytest.fixture
def client(both: tuple[Forger, App, Client]) -> Client:
    return both[2]


async def count(app: App) -> int:
    [row] = await sql(app, "SELECT count(*) FROM users")
    return int(row["count"])


async def test_what_is_right_comes_in(forger: Forger, client: Client) -> None:
    for claims in ({}, {"aud": [CLIENT_ID]}, {"aud": [CLIENT_ID, "other"], "azp": CLIENT_ID}, {"azp": CLIENT_ID}):
        forger.claims = {"sub": uuid4().hex, **claims}
        assert (await come_in(forger, client)).it["tokens"]


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"aud": [CLIENT_ID, "other"]},
        {"aud": [CLIENT_ID, "other"], "azp": "other"},
        {"azp": "other"},
        {"exp": -31},
        {"exp": None},
        {"iat": 3_600},
        {"iat": -3_600},
        {"iat": None},
        {"nbf": 3_600},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": 7},
        {"sub": ""},
        {"sub": None},
        {"sub": "a" * 256},
        {"sub": "a\x00b"},
        {"sub": "zoë"},
        {"at_hash": "another"},
        {"at_hash": 7},
    ],
    ids=str,
)
async def test_a_claim_that_is_wrong_or_missing_is_refused(
    forger: Forger, app: App, client: Client, lie: dict[str, Any]
) -> None:
    before, response = await count(app), await forger.set_out(client)
    # Moments are so many seconds from now.
    moments = {"exp", "iat", "nbf"} & {name for name, value in lie.items() if value is not None}
    forger.claims |= lie | {name: int(time()) + lie[name] for name in moments}
    assert (await complete(client, "forger", response)).user_errors == [UNTRUSTED]
    assert await count(app) == before


async def test_the_hash_of_the_access_token_is_that_of_the_access_token(forger: Forger, client: Client) -> None:
    half = base64.urlsafe_b64encode(hashlib.sha256(b"access").digest()[:16]).rstrip(b"=").decode()
    forger.claims["at_hash"] = half
    assert (await come_in(forger, client)).it["tokens"]


async def test_only_a_key_of_the_provider_signs(forger: Forger, client: Client) -> None:
    response = await forger.set_out(client)
    right = forger.signed()
    header, payload, signature = right.split(".")
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
    stranger = Forger(forger.url, claims=forger.claims)
    # The public key as a secret, which whoever takes any algorithm would take.
    by_secret, unsigned = Forger(forger.url, claims=forger.claims), Forger(forger.url, claims=forger.claims)
    by_secret.algorithm, unsigned.algorithm = "HS256", "none"
    inside = Forger(forger.url, claims=forger.claims)
    inside.publish("one")
    inside.header = {"jwk": inside.published[0], "jku": "https://evil.example/keys", "x5u": "https://evil.example"}
    tampered = f"{header}.{payload[:-2]}AA.{signature}"
    for token in (
        stranger.signed(),
        by_secret.signed(),
        unsigned.signed(),
        inside.signed(),
        tampered,
        f"{none}.{payload}.",
        f"{header}.{payload}.",
        "",
        "a.b.c",
        "x" * 100_000,
    ):
        forger.token = token or " "
        assert (await complete(client, "forger", response)).user_errors == [UNTRUSTED], token[:80]
        response = await forger.set_out(client)
    forger.claims.pop("nonce")
    forger.token = None
    assert (await come_in(forger, client)).it["tokens"]


async def test_of_several_keys_the_named_one_counts(base: Settings) -> None:
    async with forging() as forger, trusting(base, forger) as (_, client):
        forger.publish("one", "two")
        assert (await come_in(forger, client)).it["tokens"]
        forger.claims, forger.header = {}, {"kid": None}
        token = forger.signed()
        assert "kid" not in json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
        assert (await come_in(forger, client)).user_errors == [UNTRUSTED]


async def test_a_new_key_is_asked_for_and_nobody_has_us_ask_again_and_again(
    base: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with forging() as forger, trusting(base, forger) as (_, client):
        assert (await come_in(forger, client)).it["tokens"]
        asked = [path for path, _, _ in forger.asked]
        assert asked.count("/jwks_uri") == 1 and asked.count("/.well-known/openid-configuration") == 1
        forger.ec()
        forger.publish("new")
        forger.claims, forger.header = {"sub": "bob"}, {"kid": "new"}
        assert (await come_in(forger, client)).user_errors == [UNTRUSTED]
        monkeypatch.setattr("storage.identities.kept.SPARED", 0.0)
        forger.claims = {"sub": "bob"}
        assert (await come_in(forger, client)).it["tokens"]
        assert [path for path, _, _ in forger.asked].count("/jwks_uri") == 2
        # Nor does one without a name stay for ever.
        forger.ec()
        forger.publish("new")
        forger.claims, forger.header = {"sub": "bob"}, {"kid": None}
        assert (await come_in(forger, client)).it["tokens"]


async def test_what_the_id_token_leaves_out_is_asked_for_of_the_same_person(base: Settings) -> None:
    async with forging() as forger, trusting(base, forger, trusts_email=True) as (_, client):
        forger.userinfo = {"sub": "ada", "email": "ada@example.org", "name": "Ada"}
        viewer = (await come_in(forger, client)).it["viewer"]
        assert viewer["email"] == "ada@example.org" and viewer["user"]["name"] == "Ada"
        assert forger.asked[-1][0] == "/userinfo" and forger.asked[-1][2] == "Bearer access"
        # Whether an address is verified is said beside it, or not at all.
        forger.claims, forger.userinfo = (
            {"sub": "bob", "email_verified": True},
            {"sub": "bob", "email": "bob@example.org"},
        )
        viewer = (await come_in(forger, client)).it["viewer"]
        assert viewer["email"] == "bob@example.org" and viewer["emailVerified"] is False
        others: list[Any] = [{"sub": "bob", "email": "bob@example.org"}, {"email": "bob@example.org"}, []]
        for other in others:
            forger.claims, forger.userinfo = {}, other
            assert (await come_in(forger, client)).user_errors == [UNTRUSTED]


async def test_the_verifier_stays_here_and_is_what_was_promised(forger: Forger, app: App, client: Client) -> None:
    url = httpx.URL((await begin(client, "forger")).it["authorizationUrl"])
    [row] = await sql(app, "SELECT secrets FROM identity_requests ORDER BY expires_at DESC LIMIT 1")
    forger.claims["nonce"] = url.params["nonce"]
    assert url.params["code_challenge_method"] == "S256" and url.params["response_type"] == "code"
    assert url.params["scope"] == "openid profile email" and url.params["redirect_uri"] == PAGE
    assert (await complete(client, "forger", {"code": "c/d+e", "state": url.params["state"]})).it["tokens"]
    _, form, authorization = next(each for each in forger.asked if each[0] == "/token_endpoint")
    promised = base64.urlsafe_b64encode(hashlib.sha256(form.pop("code_verifier").encode()).digest())
    assert promised.rstrip(b"=").decode() == url.params["code_challenge"]
    assert form == {"grant_type": "authorization_code", "code": "c/d+e", "redirect_uri": PAGE}
    assert authorization is not None
    assert base64.b64decode(authorization.removeprefix("Basic ")).decode() == f"{CLIENT_ID}:a+secret+of+tests%2F%2B%25"
    assert url.params["nonce"].encode() not in row["secrets"]
