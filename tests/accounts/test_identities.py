"""Logins at other providers: real ones, which people sign in at."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from models.identity import IDENTITIES_LIMIT
from server.app import App
from server.settings import Settings
from tests.accounts.asking import events, owed, sql, uuid
from tests.accounts.identities import (
    IDENTITIES,
    PAGE,
    UNLINK,
    RealProviders,
    begin,
    complete,
    entered,
    real_providers,
    there,
    visit,
)
from tests.accounts.signed_in import is_out
from tests.client import PASSWORD, Answer, Client
from tests.conftest import CLONED
from tests.databases import made
from tests.people import made_book, somebody
from tests.running import served
from tests.sockets import until

ARRIVE = """
mutation Arrive { signInAsGuest(input: {}) {
  tokens { accessToken refreshToken } viewer { id email user { id } } userErrors { code }
} }
"""
OVER = "This sign-in is over, or was begun elsewhere. Begin anew."
NODE = "query N($id: ID!) { node(id: $id) { ... on Identity { id label } } }"


@pytest_asyncio.fixture(scope="module")
async def providers() -> AsyncIterator[RealProviders]:
    async with real_providers() as both:
        yield both


@asynccontextmanager
async def house(base: Settings, **more: Any) -> AsyncIterator[tuple[App, Client]]:
    async with (
        made(base.model_copy(update={"public_url": "https://books.example.org", **more}), CLONED) as settings,
        served(settings) as (app, url),
        httpx.AsyncClient(timeout=30) as http,
    ):
        yield app, Client(http, url)


@pytest_asyncio.fixture(scope="module")
async def inhabited(base: Settings, providers: RealProviders) -> AsyncIterator[tuple[App, Client]]:
    """A house that trusts the addresses of `realm`, and not those of `root`."""
    entries = providers.entries(realm={"trusts_email": True})
    async with house(
        base, identity_providers=entries, identity_redirects=["org.example.books:/back"], allowed_origins=[]
    ) as both:
        yield both


@pytest.fixture
def app(inhabited: tuple[App, Client]) -> App:
    return inhabited[0]


@pytest.fixture
def client(inhabited: tuple[App, Client]) -> Client:
    return inhabited[1]


def person(**more: Any) -> dict[str, Any]:
    """Somebody new, as a provider knows them."""
    subject = uuid4().hex
    said = {"sub": subject, "email": f"{subject}@example.org", "email_verified": True, "name": "Zoë", "locale": "fr-CH"}
    return {name: value for name, value in (said | more).items() if value is not None}


def people(app: App) -> Any:
    return sql(app, "SELECT count(*) FROM users")


@pytest.mark.parametrize("provider", ["root", "realm"])
async def test_one_signs_up_with_a_login_and_in_with_it_again(app: App, client: Client, provider: str) -> None:
    ada = person()
    first = (await entered(client, provider, ada)).it
    viewer = first["viewer"]
    assert viewer["user"] == {"id": viewer["user"]["id"], "name": "Zoë", "isGuest": False}
    assert viewer["language"] == "FR" and viewer["email"] == ada["email"]
    # Who is not trusted with addresses says whose it may be; a mail asks.
    assert viewer["emailVerified"] is (provider == "realm")
    [identity] = viewer["identities"]
    assert identity["provider"] == provider and identity["label"] == ada["email"]
    signed = client._with(first)
    assert (await owed(app, signed)) == ([] if provider == "realm" else [("mail.verification", None)])
    assert await events(app, signed) == ["SIGNED_UP", "IDENTITY_LINKED", "SIGNED_IN"]

    device = {"name": "Kitchen", "platform": "OTHER"}
    ada["email"], ada["name"] = f"new.{ada['email']}", "Another"
    again = (await entered(client, provider, ada, device=device)).it["viewer"]
    assert again["user"] == viewer["user"] and again["email"] == viewer["email"]
    assert [each["label"] for each in again["identities"]] == [ada["email"]]
    [row] = await sql(app, "SELECT device_name FROM sessions WHERE user_id = $1 ORDER BY id DESC LIMIT 1", uuid(signed))
    assert row["device_name"] == "Kitchen"


async def test_an_answer_is_good_once_and_for_the_provider_that_was_asked(app: App, client: Client) -> None:
    ada = person()
    answer = await there(client, "root", ada)
    both = await asyncio.gather(*(complete(client, "root", answer) for _ in range(10)))
    assert sorted(each.code or "" for each in both) == ["", *["EXPIRED"] * 9]
    again = await complete(client, "root", answer)
    assert again.user_errors == [{"code": "EXPIRED", "message": OVER, "path": ["input", "response"]}]

    # A mix-up: the answer of one provider is sent as another's, and is over by that.
    before = await people(app)
    answer = await there(client, "root", person())
    mixed = await complete(client, "realm", answer)
    assert mixed.code == "INVALID" and mixed.path == ["input", "provider"]
    assert (await complete(client, "root", answer)).code == "EXPIRED"
    # Of which the browser was told that it came from another one.
    answer = await there(client, "root", person())
    assert (await complete(client, "root", {**answer, "iss": "https://evil.example"})).code == "WRONG_CREDENTIALS"
    answer = await there(client, "root", person())
    del answer["iss"]
    assert (await complete(client, "root", answer)).code == "WRONG_CREDENTIALS"
    # A code that the provider did not give for this request.
    stolen, mine = await there(client, "root", person()), await there(client, "root", person())
    assert (await complete(client, "root", {**mine, "code": stolen["code"]})).code == "WRONG_CREDENTIALS"
    assert await people(app) == before


async def test_a_request_ends_with_its_ten_minutes_and_nobody_guesses_its_state(app: App, client: Client) -> None:
    answer = await there(client, "root", person())
    wrong = await complete(client, "root", {**answer, "state": answer["state"][::-1]})
    assert wrong.code == "EXPIRED" and wrong.path == ["input", "response"]
    await sql(app, "UPDATE identity_requests SET expires_at = now()")
    assert (await complete(client, "root", answer)).code == "EXPIRED"
    [row] = await sql(app, "SELECT * FROM identity_requests LIMIT 1")
    assert answer["state"].encode() not in b"".join(value for value in row.values() if isinstance(value, bytes))


@pytest.mark.parametrize(
    ("response", "code"),
    [
        ("code", "INVALID"),
        ([], "INVALID"),
        (None, None),
        ({"state": 1}, "INVALID"),
        ({"state": "a\nb"}, "INVALID"),
        ({"state": "a" * 10_000}, "INVALID"),
        ({str(number): "a" for number in range(30)}, "INVALID"),
        ({"code": "a"}, "REQUIRED"),
        ({"state": "a", "code": "b"}, "EXPIRED"),
    ],
)
async def test_what_is_no_answer_is_refused(client: Client, response: Any, code: str | None) -> None:
    answer = await complete(client, "root", response)
    if code is None:
        # The contract itself wants one.
        assert answer.errors and answer.data is None
    else:
        assert answer.code == code and answer.path == ["input", "response"]
    literal = await client.ask(
        'mutation { completeIdentitySignIn(input: {provider: "root", response: {state: "a", code: "b"}}) '
        "{ userErrors { code message path } } }"
    )
    assert literal.code == "EXPIRED"


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/signed-in",
        "https://books.example.org.evil.example/",
        "https://books.example.org@evil.example/",
        "https://books.example.org\\@evil.example/",
        "https://books.example.org:8443/",
        "http://books.example.org/",
        "//books.example.org/",
        "/signed-in",
        "https://books.example.org/#fragment",
        "https://books.example.org/\nx",
        "https:// books.example.org/",
        "org.example.books:/back/further",
        "javascript:alert(1)",
        "",
    ],
)
async def test_nobody_is_sent_back_to_elsewhere(client: Client, uri: str) -> None:
    refused = await begin(client, "root", uri)
    assert refused.code == "INVALID" and refused.path == ["redirectUri"]
    assert refused.data == {"beginIdentitySignIn": {"authorizationUrl": None, "userErrors": refused.user_errors}}


async def test_pages_of_the_house_and_apps_that_it_knows_are_sent_back_to(client: Client) -> None:
    for uri in (PAGE, "https://books.example.org", "https://BOOKS.example.org/a?b=c", "org.example.books:/back"):
        assert (await begin(client, "root", uri)).it["authorizationUrl"]
    unknown = await begin(client, "nobodys")
    assert unknown.code == "INVALID" and unknown.path == ["provider"]


async def test_who_is_refused_there_is_refused_here_with_the_words(client: Client) -> None:
    answer = await visit((await begin(client, "root")).it["authorizationUrl"], None)
    assert answer["error"] == "access_denied"
    refused = await complete(client, "root", answer)
    words = "The provider has not let you in: End-User aborted interaction"
    assert refused.user_errors == [{"code": "WRONG_CREDENTIALS", "message": words, "path": ["input", "response"]}]


async def test_a_user_links_a_login_and_signs_in_with_it(app: App, client: Client) -> None:
    ada, login = await somebody(app, client, "Ada"), person()
    linked = (await entered(ada, "root", login)).it
    assert linked["tokens"] is None and linked["challenge"] is None
    assert linked["viewer"]["user"]["id"] == ada.user_id and linked["viewer"]["email"] == ada.email
    [identity] = linked["viewer"]["identities"]
    assert await events(app, ada) == ["IDENTITY_LINKED"]
    assert await owed(app, ada) == [("mail.notice", "IDENTITY_LINKED")]
    assert (await entered(client, "root", login)).it["viewer"]["user"]["id"] == ada.user_id
    # Once more changes nothing.
    assert len((await entered(ada, "root", login)).it["viewer"]["identities"]) == 1

    # It is nobody else's, neither to see nor to have.
    bob = await somebody(app, client, "Bob")
    taken = await entered(bob, "root", login)
    assert taken.code == "TAKEN" and taken.path == ["input", "response"]
    assert (await bob.ask(IDENTITIES)).it == {"identities": []}
    assert (await ada.ask(NODE, id=identity["id"])).it == {"id": identity["id"], "label": login["email"]}
    assert (await bob.ask(NODE, id=identity["id"])).it is None and (
        await client.ask(NODE, id=identity["id"])
    ).it is None
    assert (await bob.ask(UNLINK, id=identity["id"])).code == "NOT_FOUND"


async def test_who_sets_out_is_who_comes_back(app: App, client: Client) -> None:
    ada, bob = await somebody(app, client, "Ada"), await somebody(app, client, "Bob")
    before = await people(app)
    for one, other in ((ada, bob), (ada, client), (client, ada)):
        answer = await there(one, "root", person())
        refused = await complete(other, "root", answer)
        assert refused.user_errors == [{"code": "EXPIRED", "message": OVER, "path": ["input", "response"]}]
        assert (await complete(one, "root", answer)).code == "EXPIRED"
    # A token that is no good is told before the answer is over.
    answer = await there(ada, "root", person())
    broken = Client(ada.http, ada.url, token="broken")
    assert (await complete(broken, "root", answer)).code == "UNAUTHENTICATED"
    assert (await begin(broken, "root")).code == "UNAUTHENTICATED"
    assert (await complete(ada, "root", answer)).it["viewer"]["user"]["id"] == ada.user_id
    assert await people(app) == before


async def test_linking_and_unlinking_want_the_password_or_a_young_session(app: App, client: Client) -> None:
    ada = await client.sign_up(f"Ada{uuid4().hex}")
    url = (await begin(ada, "root", password=PASSWORD)).it["authorizationUrl"]
    [identity] = (await complete(ada, "root", await visit(url, person()))).it["viewer"]["identities"]
    for refused in (await begin(ada, "root"), await ada.ask(UNLINK, id=identity["id"])):
        assert refused.code == "REQUIRED" and refused.path == ["password"]
    for refused in (
        await begin(ada, "root", password="wrong password"),
        await ada.ask(UNLINK, id=identity["id"], password="wrong password"),
    ):
        assert refused.code == "WRONG_CREDENTIALS" and refused.path == ["password"]
    assert (await ada.ask(IDENTITIES)).it["identities"]
    assert (await ada.ask(UNLINK, id=identity["id"], password=PASSWORD)).it["ok"]
    assert (await ada.ask(IDENTITIES)).it == {"identities": []}
    assert (await events(app, ada))[-1] == "IDENTITY_UNLINKED"

    # Who has no password signs in again.
    bob = await somebody(app, client, "Bob")
    [identity] = (await entered(bob, "root", person())).it["viewer"]["identities"]
    await sql(app, "UPDATE sessions SET created_at = now() - interval '11 min' WHERE user_id = $1", uuid(bob))
    for refused in (await begin(bob, "root"), await bob.ask(UNLINK, id=identity["id"])):
        assert refused.code == "EXPIRED" and refused.path == ["password"]


async def test_the_last_way_in_stays(app: App, client: Client) -> None:
    ada = client._with((await entered(client, "root", person())).it)
    [first] = (await ada.ask(IDENTITIES)).it["identities"]
    refused = await ada.ask(UNLINK, id=first["id"])
    assert refused.code == "CONFLICT" and refused.path == ["id"]
    # A passkey is another, unless it is suspended.
    values = "VALUES ($1, $1, 'x', 'x', 0, '{}', 'x', now(), now())"
    columns = "id, user_id, credential_id, public_key, sign_count, transports, name, created_at, suspended_at"
    await sql(app, f"INSERT INTO passkeys ({columns}) {values}", uuid(ada))
    assert (await ada.ask(UNLINK, id=first["id"])).code == "CONFLICT"
    await sql(app, "UPDATE passkeys SET suspended_at = NULL")
    login = person()
    [_, second] = (await entered(ada, "root", login)).it["viewer"]["identities"]
    for each in (second, first):
        assert (await ada.ask(UNLINK, id=each["id"])).it["ok"]
    await sql(app, "DELETE FROM passkeys")
    [first] = (await entered(ada, "root", login)).it["viewer"]["identities"]
    # Of a provider that is not ours any more, none comes in.
    second = (await entered(ada, "realm", person())).it["viewer"]["identities"][1]
    await sql(app, "UPDATE identities SET provider = 'gone' WHERE id = $1", second["id"][3:])
    assert (await ada.ask(UNLINK, id=first["id"])).code == "CONFLICT"
    await sql(app, "UPDATE identities SET provider = 'realm' WHERE id = $1", second["id"][3:])
    # Two at once: one of them stays.
    both = await asyncio.gather(*(ada.ask(UNLINK, id=each["id"]) for each in (first, second)))
    assert sorted(each.code or "" for each in both) == ["", "CONFLICT"]
    assert len((await ada.ask(IDENTITIES)).it["identities"]) == 1 and not await is_out(ada)


async def test_one_signs_in_with_it_while_it_is_unlinked(app: App, client: Client) -> None:
    for _ in range(3):
        ada, login = await somebody(app, client, "Ada"), person()
        [identity] = (await entered(ada, "root", login)).it["viewer"]["identities"]
        assert (await entered(ada, "realm", person())).it
        answers = [await there(client, "root", login) for _ in range(6)]
        unlinked, *others = await asyncio.gather(
            ada.ask(UNLINK, id=identity["id"]), *(complete(client, "root", answer) for answer in answers)
        )
        assert unlinked.it["ok"]
        # As Ada before it, as somebody new after it.
        assert all(each.code in (None, "EXPIRED") for each in others), [each.errors for each in others]


async def test_nobody_links_from_a_session_that_has_ended(app: App, client: Client) -> None:
    ada, login = await somebody(app, client, "Ada"), person()
    answer = await there(ada, "root", login)
    # As before this process has heard of it.
    await sql(app, "UPDATE sessions SET revoked_at = now() WHERE user_id = $1", uuid(ada))
    assert (await complete(ada, "root", answer)).code == "UNAUTHENTICATED"
    assert (await ada.ask(IDENTITIES)).it == {"identities": []} and await events(app, ada) == []


async def test_a_password_is_a_way_in_with_an_address(app: App, client: Client) -> None:
    ada = client._with((await entered(client, "root", person())).it)
    [identity] = (await ada.ask(IDENTITIES)).it["identities"]
    hash = await app.parts.passwords.choose(PASSWORD, (), "password")
    await sql(app, "UPDATE users SET password_hash = $2, email = NULL WHERE id = $1", uuid(ada), hash)
    refused = await ada.ask(UNLINK, id=identity["id"], password=PASSWORD)
    assert (refused.code, refused.path) == ("CONFLICT", ["id"])
    await sql(app, "UPDATE users SET email = $2 WHERE id = $1", uuid(ada), f"{uuid4().hex}@example.org")
    assert (await ada.ask(UNLINK, id=identity["id"], password=PASSWORD)).it["ok"]


async def test_there_is_an_end_to_how_many_one_links(app: App, client: Client) -> None:
    ada = await somebody(app, client, "Ada")
    many = "SELECT gen_random_uuid(), $1, 'root', 'x', gen_random_uuid()::text, 'x', now() FROM generate_series(1, $2)"
    columns = "id, user_id, provider, issuer, subject, label, created_at"
    await sql(app, f"INSERT INTO identities ({columns}) {many}", uuid(ada), IDENTITIES_LIMIT)
    assert (await entered(ada, "root", person())).code == "LIMIT_REACHED"


async def test_a_guest_comes_in_with_all_they_have(app: App, client: Client) -> None:
    guest = client._with((await client.ask(ARRIVE)).it)
    book = await made_book(guest)
    became = client._with((await entered(guest, "realm", person())).it)
    assert became.user_id != guest.user_id
    assert (await became.ask("query B($id: ID!) { book(id: $id) { viewerRole } }", id=book)).it["viewerRole"] == "OWNER"
    await until(lambda: is_out(guest))
    # Over a way that somebody else has begun, nothing is taken in.
    guest = client._with((await client.ask(ARRIVE)).it)
    assert (await complete(guest, "realm", await there(client, "realm", person()))).code == "EXPIRED"
    assert (await guest.ask(IDENTITIES)).it == {"identities": []}


async def test_a_trusted_provider_knows_the_owner_of_an_address(app: App, client: Client) -> None:
    ada = await somebody(app, client, "Ada")
    capitals = ada.email.upper()
    # Not one that it has not verified, nor one of whom it says nothing, nor another provider.
    for provider, verified in (("realm", False), ("realm", None), ("root", True)):
        refused = await entered(client, provider, person(email=capitals, email_verified=verified))
        words = "There is an account with this address. Sign in to it, then link this login."
        assert refused.user_errors == [{"code": "TAKEN", "message": words, "path": ["input", "response"]}]
    assert await events(app, ada) == []
    assert (await entered(client, "realm", person(email=capitals))).it["viewer"]["user"]["id"] == ada.user_id
    assert await events(app, ada) == ["IDENTITY_LINKED", "SIGNED_IN"]
    assert await owed(app, ada) == [("mail.notice", "IDENTITY_LINKED")]


async def test_a_trusted_provider_takes_an_address_from_who_only_says_that_it_is_theirs(
    app: App, client: Client
) -> None:
    squatter, ada = await client.sign_up(f"Sam{uuid4().hex}"), person()
    ada["email"] = squatter.email
    # An untrusted one takes nothing from anybody, and gives nothing away.
    other = (await entered(client, "root", person(email=squatter.email))).it["viewer"]
    assert other["emailVerified"] is False and other["user"]["id"] != squatter.user_id
    viewer = (await entered(client, "realm", ada)).it["viewer"]
    assert viewer["email"] == squatter.email and viewer["emailVerified"] is True
    assert viewer["user"]["id"] not in (squatter.user_id, other["user"]["id"])
    assert (await squatter.ask("{ viewer { email } }")).it == {"email": None}


async def test_who_says_little_is_called_something(client: Client) -> None:
    for said, name in (
        ({"name": None}, None),
        ({"name": None, "email": None}, "Realm"),
        ({"name": "a\u202eb", "preferred_username": "ada", "email": "no address"}, "ada"),
        ({"name": "x" * 300}, "x" * 100),
    ):
        someone = person(locale="tlh", **said)
        viewer = (await entered(client, "realm", someone)).it["viewer"]
        assert viewer["user"]["name"] == (name or someone["sub"]) and viewer["language"] == "EN"
        assert viewer["email"] == (someone["email"] if "@" in someone.get("email", "") else None)


async def test_a_second_factor_is_asked_and_a_disabled_account_stays_out(app: App, client: Client) -> None:
    ada, login = await somebody(app, client, "Ada"), person()
    assert (await entered(ada, "root", login)).it
    await sql(app, "INSERT INTO totps VALUES ($1, 'x', now(), now(), NULL)", uuid(ada))
    challenged = (await entered(client, "root", login)).it
    assert challenged["tokens"] is None and challenged["viewer"] is None and challenged["challenge"]["kind"] == "TOTP"
    await sql(app, "UPDATE users SET disabled_at = now() WHERE id = $1", uuid(ada))
    refused = await entered(client, "root", login)
    assert refused.code == "FORBIDDEN" and refused.data["completeIdentitySignIn"]["challenge"] is None  # type: ignore[index]
    # Nor does a trusted address link anything to it.
    assert (await entered(client, "realm", person(email=ada.email))).code == "FORBIDDEN"
    [row] = await sql(app, "SELECT count(*) FROM identities WHERE user_id = $1", uuid(ada))
    assert row["count"] == 1


async def test_an_address_that_has_to_be_confirmed_is_asked_for(base: Settings, providers: RealProviders) -> None:
    async with house(base, identity_providers=providers.entries(), verified_to_sign_in=True) as (_, client):
        due = (await entered(client, "root", person())).it
        assert due["tokens"] is None and due["challenge"]["kind"] == "VERIFY_EMAIL"


async def test_a_provider_that_is_away_or_knows_us_not_is_unavailable(base: Settings, providers: RealProviders) -> None:
    entries = providers.entries(root={"issuer": "http://127.0.0.1:9"}, realm={"client_secret": "an old one"})
    async with house(base, identity_providers=entries) as (_, client):
        away = await begin(client, "root")
        assert away.code == "UNAVAILABLE" and "127.0.0.1" not in str(away.errors)
        refused: Answer = await entered(client, "realm", person())
        assert refused.code == "UNAVAILABLE" and "an old one" not in str(refused.errors)
