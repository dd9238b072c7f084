"""The token endpoint: a code and its verifier, for what the provider says of whoever got the code."""

import base64
from typing import Any
from urllib.parse import quote_plus

from storage.identities.discovery import Discovery
from storage.identities.entry import Entry
from storage.identities.provider import Away, Denied, Unknown
from storage.identities.wire import Wire


async def fetch(
    wire: Wire, discovery: Discovery, entry: Entry, code: str, redirect_uri: str, verifier: str
) -> dict[str, Any]:
    """Raises Denied for a code that is no good, Away."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    headers = {}
    if entry.client_secret is not None and discovery.takes_basic:
        # As forms are encoded, before it is put together (RFC 6749, section 2.3.1).
        pair = f"{quote_plus(entry.client_id)}:{quote_plus(entry.client_secret)}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    elif entry.client_secret is not None:
        form |= {"client_id": entry.client_id, "client_secret": entry.client_secret}
    else:
        form["client_id"] = entry.client_id
    status, tokens = await wire.post(discovery.token_endpoint, form, headers)
    if not isinstance(tokens, dict):
        raise Away("its tokens are no object")
    if status == 400 and tokens.get("error") == "invalid_grant":
        raise Denied("The provider's answer is over, or was used already. Begin anew.")
    if status == 401 or tokens.get("error") in {"invalid_client", "unauthorized_client"}:
        raise Unknown(f"status {status} for tokens, {_plain(tokens.get('error'))}")
    if status != 200:
        raise Away(f"status {status} for tokens, {_plain(tokens.get('error'))}")
    return tokens


def _plain(error: Any) -> str:
    """The code of an error, which is one of a few words (RFC 6749, section 5.2)."""
    return error if isinstance(error, str) and error.isascii() and error.isidentifier() and len(error) < 50 else "?"
