"""Providers: what is written down of them, and what they answer or do not."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from rich.console import Console
from structlog.testing import capture_logs

from server.app import App
from server.doctor import examine
from server.settings import Settings, SettingsRefused, read
from storage.identities import Away, Entry, OpenId, Wire, entries_of
from storage.identities.discovery import ALGORITHMS, Discovery
from storage.identities.kept import Kept
from storage.identities.wire import SIZE
from tests.accounts.forger import Forger, forging, trusting
from tests.accounts.identities import PAGE, SECRET, complete
from tests.client import Client


@pytest_asyncio.fixture(scope="module")
async def both(base: Settings) -> AsyncIterator[tuple[Forger, App, Client]]:
    async with forging() as forger, trusting(base, forger) as (app, client):
        yield forger, app, client


@pytest.fixture
def forger(both: tuple[Forger, App, Client]) -> Forger:
    both[0].renew()
    return both[0]


@pytest.fixture
def client(both: tuple[Forger, App, Client]) -> Client:
    return both[2]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (
            lambda: web.json_response({"error": "invalid_grant", "error_description": "x"}, status=400),
            "WRONG_CREDENTIALS",
        ),
        (lambda: web.json_response({"error": "invalid_client"}, status=401), "UNAVAILABLE"),
        (lambda: web.json_response({"error": "x" * 1000}, status=400), "UNAVAILABLE"),
        (lambda: web.json_response({}), "WRONG_CREDENTIALS"),
        (lambda: web.json_response({"id_token": 7, "access_token": 7}), "WRONG_CREDENTIALS"),
        (lambda: web.json_response([]), "UNAVAILABLE"),
        (lambda: web.Response(text="<html>"), "UNAVAILABLE"),
        (lambda: web.Response(status=503), "UNAVAILABLE"),
        (lambda: web.Response(body=b"{}" + b" " * SIZE), "UNAVAILABLE"),
        (lambda: web.Response(body=b"{}", headers={"content-encoding": "gzip"}), "WRONG_CREDENTIALS"),
        (lambda: web.json_response({}, status=307, headers={"location": "/other"}), "UNAVAILABLE"),
    ],
)
async def test_tokens_that_do_not_come_are_no_way_in(forger: Forger, client: Client, answer: Any, code: str) -> None:
    response = await forger.set_out(client)
    forger.answer = answer()
    with capture_logs() as logs:
        refused = await complete(client, "forger", response)
    assert refused.code == code
    # Nowhere a redirection leads to.
    assert "/other" not in [path for path, _, _ in forger.asked]
    said = f"{logs} {refused}"
    for secret in (SECRET, response["state"], forger.claims["nonce"], "access_token"):
        assert secret not in said
    if code == "UNAVAILABLE":
        is_unknown = "invalid_client" in (answer().text or "")
        event = "identity_provider_refuses_us" if is_unknown else "identity_provider_away"
        assert [each["event"] for each in logs].count(event) == 1
        assert ("Tell whoever runs it" in str(refused)) == is_unknown


async def test_a_provider_in_trouble_says_so_itself(forger: Forger, client: Client) -> None:
    for error, code in (
        ("server_error", "UNAVAILABLE"),
        ("temporarily_unavailable", "UNAVAILABLE"),
        ("login_required", "WRONG_CREDENTIALS"),
        ("invalid_scope", "INVALID"),
    ):
        answer = await forger.set_out(client)
        del answer["code"]
        assert (await complete(client, "forger", {**answer, "error": error})).code == code
    answer = await forger.set_out(client)
    assert (await complete(client, "forger", {"state": answer["state"]})).code == "INVALID"
    # Nothing of that was asked of the provider.
    assert "/token_endpoint" not in [path for path, _, _ in forger.asked]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"issuer": "https://evil.example"}, "another issuer"),
        ({"issuer": None}, "another issuer"),
        ({"token_endpoint": "http://books.example.org/token"}, "token_endpoint"),
        ({"token_endpoint": "http://127.0.0.1@evil.example/token"}, "token_endpoint"),
        ({"token_endpoint": "file:///etc/passwd"}, "token_endpoint"),
        ({"jwks_uri": None}, "jwks_uri"),
        ({"userinfo_endpoint": "ftp://127.0.0.1/"}, "userinfo_endpoint"),
        ({"id_token_signing_alg_values_supported": ["none", "HS256"]}, "can be trusted"),
        ({"id_token_signing_alg_values_supported": []}, "can be trusted"),
    ],
)
async def test_a_discovery_that_leads_elsewhere_is_not_followed(said: dict[str, Any], why: str) -> None:
    async with forging() as forger, Wire() as wire:
        forger.discovery = said
        with pytest.raises(Away, match=why):
            await OpenId(Entry.read(forger.entry), wire).begin(PAGE, "state")


def test_a_provider_elsewhere_never_leads_to_this_machine() -> None:
    issuer = "https://login.example"
    endpoints = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    said = dict.fromkeys(endpoints, f"{issuer}/a") | {"issuer": issuer}
    found = Discovery.read(said, issuer)
    assert found.algorithms == {"RS256"} and found.takes_basic and not found.names_itself
    assert not {"none", "HS256", "HS384", "HS512"} & ALGORITHMS
    for name in endpoints:
        with pytest.raises(Away, match=name):
            Discovery.read(said | {name: "http://127.0.0.1:8200/v1"}, issuer)


async def test_who_does_not_answer_is_waited_for_so_long_and_by_everybody_at_once() -> None:
    async with forging() as forger, Wire(patience=0.3) as wire:
        forger.held = asyncio.Event()
        provider = OpenId(Entry.read(forger.entry), wire)
        refused = await asyncio.gather(*(provider.begin(PAGE, "a") for _ in range(50)), return_exceptions=True)
        assert all(isinstance(each, Away) for each in refused) and len(forger.asked) == 1


async def test_what_was_told_is_asked_again_when_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    clock = [1_000.0]
    monkeypatch.setattr("storage.identities.kept.time.monotonic", lambda: clock[0])

    async def ask() -> int:
        asked.append(1)
        if len(asked) == 2:
            raise Away("once")
        return len(asked)

    kept = Kept(ask)
    assert [await kept.get(), await kept.get(), await kept.newer()] == [1, 1, 1]
    clock[0] += 3_600
    for _ in range(2):
        with pytest.raises(Away, match="once"):
            await kept.get()
    clock[0] += 5
    assert [await kept.get(), await kept.get(), len(asked)] == [3, 3, 3]


GOOD = {
    "name": "school",
    "issuer": "https://login.example/realms/school/",
    "client_id": "books",
    "client_secret": "s" * 9,
}


def test_a_provider_is_named_in_json_or_in_a_file(tmp_path: Path) -> None:
    [entry] = entries_of(json.dumps([GOOD]))
    assert entry.issuer == "https://login.example/realms/school" and entry.label == "school"
    assert entry.scopes == ("openid", "profile", "email") and not entry.trusts_email and "s" * 9 not in repr(entry)
    file = tmp_path / "providers.json"
    file.write_text(json.dumps([GOOD | {"label": "Our school", "scopes": "email", "trusts_email": True}]))
    [entry] = entries_of(str(file))
    assert entry.label == "Our school" and entry.scopes == ("openid", "email") and entry.trusts_email


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("[", r"no JSON \(line 1, column 2\)"),
        ("/nowhere/at/all.json", "it is a list in JSON or the name of a file, and /nowhere/at/all.json cannot be read"),
        ("[7]", "an object with name"),
        ([GOOD | {"secret": "a"}], "unknown key secret"),
        ([{"name": "school"}], "client_id, issuer missing"),
        ([GOOD | {"name": "Our School"}], "small letters"),
        ([GOOD | {"issuer": "http://login.example"}], "school: the issuer is an https"),
        ([GOOD | {"issuer": "https://login.example/?a=b"}], "school: the issuer is an https"),
        ([GOOD | {"issuer": "https://us:er@login.example/"}], "school: the issuer is an https"),
        ([GOOD | {"issuer": "https://"}], "school: the issuer is an https"),
        ([GOOD | {"client_secret": ""}], "client_secret is a text"),
        ([GOOD | {"client_secret": "a\nb"}], "client_secret is a text"),
        ([GOOD | {"trusts_email": "yes"}], "school: trusts_email is true or false"),
        ([GOOD | {"scopes": ["a b"]}], "scopes are"),
        ([GOOD, GOOD], "two providers have the name school"),
        ([GOOD, GOOD | {"name": "other"}], "two providers have the issuer https://login.example/realms/school"),
        ([GOOD] * 101, "at most 100"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_is_refused_in_one_line(
    given: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = given if isinstance(given, str) else json.dumps(given)
    with pytest.raises(SettingsRefused, match=f"^IDENTITY_PROVIDERS: .*{said}") as refused:
        read(identity_providers=text)
    assert "\n" not in str(refused.value) and "s" * 9 not in str(refused.value)


@pytest.mark.parametrize("uri", ["javascript:alert(1)", "/signed-in", "org.example.books:/back#a", "a b"])
def test_an_app_has_an_address_of_its_own(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read(identity_redirects="org.example.books:/back, a.b:/c").identity_redirects[1] == "a.b:/c"
    with pytest.raises(SettingsRefused, match=r"^IDENTITY_REDIRECTS: an address of an app"):
        read(identity_redirects=uri)


async def test_the_doctor_says_which_provider_answers(settings: Settings) -> None:
    async with forging() as forger:
        away = {**forger.entry, "name": "away", "issuer": "http://127.0.0.1:9", "label": "Nobody"}
        for entries, well, said in (
            ([forger.entry], True, "Logins of forger: its discovery and its keys answer."),
            ([forger.entry, away], False, "Logins of Nobody: http://127.0.0.1:9 does not answer"),
        ):
            out = Console(record=True, width=300, quiet=False, file=io.StringIO())
            named = settings.model_copy(update={"identity_providers": json.dumps(entries)})
            assert await examine(named, out) is well
            text = out.export_text()
            assert said in text and SECRET not in text
