"""What tests of identities ask, and somebody at a browser who signs in at a real provider."""

import asyncio
import json
import re
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from tests.client import Answer, Client
from tests.node import node

NPM = Path(__file__).parents[1] / "npm"
PAGE = "https://books.example.org/signed-in"
SECRET = "a secret of tests/+%"
BEGIN = """
mutation Begin($provider: String!, $uri: String!, $password: String) {
  beginIdentitySignIn(provider: $provider, redirectUri: $uri, password: $password) {
    authorizationUrl userErrors { code message path }
  }
}
"""
COMPLETE = """
mutation Complete($input: CompleteIdentityInput!) {
  completeIdentitySignIn(input: $input) {
    tokens { accessToken refreshToken }
    viewer { id email emailVerified language user { id name isGuest } identities { id provider label createdAt } }
    challenge { kind challengeToken }
    userErrors { code message path }
  }
}
"""
UNLINK = """
mutation Unlink($id: ID!, $password: String) {
  unlinkIdentity(id: $id, password: $password) { ok userErrors { code message path } }
}
"""
IDENTITIES = "{ viewer { identities { id provider label } } }"
_STEPS = 20


async def begin(client: Client, provider: str, uri: str = PAGE, password: str | None = None) -> Answer:
    return await client.ask(BEGIN, provider=provider, uri=uri, password=password)


async def complete(client: Client, provider: str, response: Any, **more: Any) -> Answer:
    return await client.ask(COMPLETE, input={"provider": provider, "response": response, **more})


async def there(client: Client, provider: str, person: dict[str, Any]) -> dict[str, str]:
    """What the browser comes back with from a real provider."""
    return await visit((await begin(client, provider)).it["authorizationUrl"], person)


async def entered(client: Client, provider: str, person: dict[str, Any], **more: Any) -> Answer:
    return await complete(client, provider, await there(client, provider, person), **more)


async def visit(url: str, person: dict[str, Any] | None) -> dict[str, str]:
    """Signs in there as one of whom the provider says this, and agrees to all; nobody goes back at once."""
    async with httpx.AsyncClient(timeout=30) as browser:
        await browser.put(urljoin(url, "/people"), json=person or {})
        page = await browser.get(url)
        for _ in range(_STEPS):
            if page.is_redirect:
                to = urljoin(str(page.url), page.headers["location"])
                if to.startswith(PAGE):
                    return dict(parse_qsl(urlsplit(to).query))
                page = await browser.get(to)
                continue
            assert page.status_code == 200, page.text
            if person is None:
                page = await browser.get(f"{page.url}/abort")
                continue
            [prompt] = re.findall(r'name="prompt" value="(\w+)"', page.text)
            [action] = re.findall(r'action="([^"]+)"', page.text)
            page = await browser.post(action, data={"prompt": prompt, "login": person["sub"], "password": "x"})
    raise AssertionError("it never came back")


@dataclass(frozen=True)
class RealProviders:
    """npm's oidc-provider, twice: `root`, and `realm`, whose issuer has a path."""

    root: str
    realm: str

    def entries(self, **more: dict[str, Any]) -> str:
        """The setting that names them."""
        entries = []
        for name, issuer in (("root", self.root), ("realm", f"{self.realm}/")):
            entry = {"name": name, "issuer": issuer, "client_id": "leporello", "client_secret": SECRET}
            entries.append({**entry, "label": name.title(), **more.get(name, {})})
        return json.dumps(entries)


@asynccontextmanager
async def real_providers() -> AsyncIterator[RealProviders]:
    # Installs what is not there yet.
    await node(NPM, "--version")
    words = ("node", "identities.mjs", PAGE, SECRET)
    process = await asyncio.create_subprocess_exec(*words, cwd=NPM, stdout=PIPE, stderr=DEVNULL)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            url = f"http://127.0.0.1:{int(await process.stdout.readline())}"
        yield RealProviders(url, f"{url}/realms/house")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
