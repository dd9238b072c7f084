"""Passkeys as a page uses them: Chromium's own WebAuthn, with an authenticator that it simulates."""

from pathlib import Path

import pytest

from server.app import App
from tests.accounts.passkey_holder import mine, page_of
from tests.browser.passkeys import BROWSER_LIMIT, use_passkeys
from tests.client import Client
from tests.node import INSTALL_LIMIT
from tests.people import somebody


@pytest.mark.timeout(BROWSER_LIMIT + INSTALL_LIMIT + 30)
async def test_a_page_adds_a_passkey_and_signs_in_with_it(app: App, client: Client, tmp_path: Path) -> None:
    ada = await somebody(app, client, "Ada")
    seen = await use_passkeys(tmp_path, base=page_of(client), token=str(ada.token), email=ada.email)
    shown = seen["shown"]
    assert shown["added"] == {"passkey": {"name": "Chromium"}, "userErrors": []}
    # It is excluded by what the first one was registered as.
    assert shown["again"] == {"refused": "InvalidStateError"}
    for way in ("signedIn", "byAddress"):
        assert shown[way]["viewer"] == {"email": ada.email} and shown[way]["tokens"]["accessToken"]
    # Nobody has the passkey that was made up, nor can it be used by whoever is not verified.
    assert (shown["byAnother"], shown["unverified"]) == ("NotAllowedError", "NotAllowedError")
    assert shown["counted"] > 2
    assert shown["copied"]["tokens"] is None
    assert shown["copied"]["userErrors"] == [{"code": "FORBIDDEN", "path": ["credential"]}]
    [passkey] = await mine(ada)
    assert (passkey["name"], passkey["suspended"]) == ("Chromium", True)
    assert seen["violations"] == []
