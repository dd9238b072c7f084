"""OpenID Connect: the code flow with PKCE (RFC 7636), a nonce, and the ID token fetched from the provider itself."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from storage.identities.claims import person_of
from storage.identities.discovery import Discovery
from storage.identities.entry import Entry
from storage.identities.id_token import UNTRUSTED, Expected, Key, UnknownKey, verified
from storage.identities.kept import Kept
from storage.identities.provider import Away, Denied, Departure, Person, Senseless
from storage.identities.tokens import fetch
from storage.identities.wire import Wire

#: Bytes of a nonce and of a verifier.
_RANDOM: Final = 32
#: Keys that are looked at.
_KEYS: Final = 100
#: Characters of the words that a provider refuses with.
_WORDS: Final = 200
_REFUSED: Final = {
    "access_denied",
    "login_required",
    "interaction_required",
    "consent_required",
    "account_selection_required",
}
_AWAY: Final = {"server_error", "temporarily_unavailable"}


class OpenId:
    """One provider."""

    state_name = "state"

    def __init__(self, entry: Entry, wire: Wire) -> None:
        self._entry = entry
        self._wire = wire
        self._discovery = Kept(lambda: Discovery.ask(wire, entry.issuer))
        self._keys = Kept(self._ask_keys)

    @property
    def name(self) -> str:
        return self._entry.name

    @property
    def label(self) -> str:
        return self._entry.label

    @property
    def trusts_email(self) -> bool:
        return self._entry.trusts_email

    async def ready(self) -> None:
        await self._discovery.get()
        await self._keys.get()

    async def begin(self, redirect_uri: str, state: str) -> Departure:
        discovery = await self._discovery.get()
        nonce, verifier = secrets.token_urlsafe(_RANDOM), secrets.token_urlsafe(_RANDOM)
        asked = {
            "response_type": "code",
            "client_id": self._entry.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._entry.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": _unpadded(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in discovery.authorization_endpoint else "?"
        url = f"{discovery.authorization_endpoint}{joint}{urlencode(asked)}"
        return Departure(url, json.dumps([nonce, verifier]).encode())

    async def complete(self, response: Mapping[str, str], redirect_uri: str, secrets: bytes) -> Person:
        discovery = await self._discovery.get()
        # Before anything of the answer is used: it may be another provider's (RFC 9207).
        issuer = response.get("iss")
        if (issuer is None and discovery.names_itself) or (issuer is not None and issuer != discovery.issuer):
            raise Denied(UNTRUSTED)
        if "error" in response:
            raise _refusal(response)
        if "code" not in response:
            raise Senseless("The answer has neither a code nor an error.")
        nonce, verifier = json.loads(secrets)
        tokens = await fetch(self._wire, discovery, self._entry, response["code"], redirect_uri, verifier)
        access_token = tokens.get("access_token")
        access_token = access_token if isinstance(access_token, str) else None
        expected = Expected(discovery, self._entry.client_id, nonce, access_token)
        claims = await self._claims(str(tokens.get("id_token", "")), expected)
        if "email" not in claims and access_token is not None:
            # Of an address, and of whether it was verified, both are said at the same place.
            claims.pop("email_verified", None)
            claims = await self._userinfo(discovery, access_token, claims["sub"]) | claims
        return person_of(discovery.issuer, claims)

    async def _claims(self, token: str, expected: Expected) -> dict[str, Any]:
        try:
            return verified(token, await self._keys.get(), expected, datetime.now(UTC))
        except UnknownKey:
            pass
        try:
            return verified(token, await self._keys.newer(), expected, datetime.now(UTC))
        except UnknownKey:
            raise Denied(UNTRUSTED) from None

    async def _userinfo(self, discovery: Discovery, access_token: str, subject: str) -> dict[str, Any]:
        """What is not said in the ID token, of the same person."""
        if discovery.userinfo_endpoint is None:
            return {}
        told = await self._wire.get(discovery.userinfo_endpoint, {"authorization": f"Bearer {access_token}"})
        if not isinstance(told, dict) or not hmac.compare_digest(str(told.get("sub")).encode(), subject.encode()):
            raise Denied(UNTRUSTED)
        return told

    async def _ask_keys(self) -> list[Key]:
        told = await self._wire.get((await self._discovery.get()).jwks_uri)
        keys = told.get("keys") if isinstance(told, dict) else None
        if not isinstance(keys, list):
            raise Away("its keys are no list")
        return [key for key in keys[:_KEYS] if isinstance(key, dict)]


def _refusal(response: Mapping[str, str]) -> Exception:
    error, words = response["error"], response.get("error_description", "")[:_WORDS]
    if error in _AWAY:
        return Away("it answered so itself")
    if error in _REFUSED:
        return Denied(f"The provider has not let you in: {words or error[:_WORDS]}")
    return Senseless(f"The provider has refused: {words or error[:_WORDS]}")


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
