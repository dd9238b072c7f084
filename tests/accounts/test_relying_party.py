"""Whom passkeys are for: a domain, and the pages and apps that may use them."""

from pathlib import Path
from typing import Any

import pytest

from models.relying_party import RelyingParty
from server.settings import Settings, SettingsRefused, read
from tests.accounts.passkey_holder import COMPLETE, SIGN_IN, asked, begun
from tests.accounts.software_key import SoftwareKey
from tests.client import Client
from tests.people import somebody
from tests.running import served

APP = "android:apk-key-hash:" + "a" * 43


@pytest.mark.parametrize(
    ("address", "more", "domain", "origins"),
    [
        ("https://Books.example.org", {}, "books.example.org", ["https://books.example.org"]),
        ("https://books.example.org:443", {}, "books.example.org", ["https://books.example.org"]),
        ("https://books.example.org:8443", {}, "books.example.org", ["https://books.example.org:8443"]),
        ("http://127.0.0.1:8000", {}, "localhost", ["http://localhost:8000"]),
        ("http://[::1]:8000", {}, "localhost", ["http://localhost:8000"]),
        (
            "http://localhost",
            {"allowed": ["http://localhost:5173"]},
            "localhost",
            ["http://localhost", "http://localhost:5173"],
        ),
        # Of other pages only what a browser would let use this domain.
        (
            "https://example.org",
            {"allowed": ["https://app.example.org", "https://evilexample.org", "https://example.org.evil.org"]},
            "example.org",
            ["https://example.org", "https://app.example.org"],
        ),
        (
            "https://api.example.org",
            {"domain": "example.org", "allowed": ["https://www.example.org"]},
            "example.org",
            ["https://api.example.org", "https://www.example.org"],
        ),
        (
            "https://api.example.net",
            {"domain": "example.org", "allowed": ["https://example.org"]},
            "example.org",
            ["https://example.org"],
        ),
        ("https://example.org", {"also": [APP]}, "example.org", ["https://example.org", APP]),
    ],
)
def test_its_domain_and_origins(address: str, more: dict[str, Any], domain: str, origins: list[str]) -> None:
    assert RelyingParty.at(address, **more) == RelyingParty(domain, tuple(origins))


def test_settings_that_cannot_be_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, bad in (
        ("passkey_domain", "https://example.org"),
        ("passkey_domain", "Example.org"),
        ("passkey_domain", "192.0.2.1"),
        ("passkey_origins", "android:apk-key-hash:short"),
        ("passkey_origins", "https://example.org/"),
        ("allowed_origins", APP),
    ):
        with pytest.raises(SettingsRefused, match=name.upper()):
            read(**{name: bad})
    good = read(passkey_domain="books.example.org", passkey_origins=f"https://example.com, {APP}")
    assert (good.passkey_domain, good.passkey_origins) == ("books.example.org", ["https://example.com", APP])


async def test_an_app_and_a_page_of_the_domain_use_the_same_passkey(settings: Settings, client: Client) -> None:
    own = settings.model_copy(
        update={
            "passkey_domain": "example.org",
            "passkey_origins": [APP],
            "allowed_origins": ["https://www.example.org"],
        }
    )
    async with served(own) as (app, url):
        nobody = client.at(url)
        ada = await somebody(app, nobody, "Ada")
        key = SoftwareKey(APP)
        options = await begun(ada)
        assert options["rp"]["id"] == "example.org"
        assert (await ada.ask(COMPLETE, name="Phone", credential=key.create(options))).it["passkey"]
        for origin, code in (
            (APP, None),
            ("https://www.example.org", None),
            (f"{APP[:-1]}b", "WRONG_CREDENTIALS"),
            (nobody.url.replace("127.0.0.1", "localhost"), "WRONG_CREDENTIALS"),
        ):
            answer = await nobody.ask(SIGN_IN, credential=key.get(await asked(nobody), origin=origin))
            assert answer.code == code
