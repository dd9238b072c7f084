"""A provider that says whatever a test wants it to say."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import time
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import uuid4

import httpx
import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from server.app import App
from server.settings import Settings
from tests.accounts.identities import SECRET, begin, complete
from tests.client import Answer, Client
from tests.conftest import CLONED
from tests.databases import made
from tests.running import served

CLIENT_ID = "leporello"


@dataclass
class Forger:
    """`claims` and `header` go on top of what is right, None leaves one out; the other parts replace an answer."""

    url: str
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    discovery: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    token: str | None = None
    userinfo: Any = None
    answer: web.Response | None = None
    #: Set, and what is asked waits for it.
    held: asyncio.Event | None = None
    asked: list[tuple[str, dict[str, str], str | None]] = field(default_factory=list)
    key: Any = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    published: list[dict[str, Any]] = field(default_factory=list)

    def publish(self, *names: str) -> None:
        """Its key, under each of these names."""
        whole = RSAAlgorithm if isinstance(self.key, rsa.RSAPrivateKey) else ECAlgorithm
        self.published = [{**whole.to_jwk(self.key.public_key(), as_dict=True), "kid": name} for name in names]

    def ec(self) -> None:
        self.key, self.algorithm = ec.generate_private_key(ec.SECP256R1()), "ES256"

    @property
    def entry(self) -> dict[str, Any]:
        return {"name": "forger", "issuer": self.url, "client_id": CLIENT_ID, "client_secret": SECRET}

    async def set_out(self, client: Client, name: str = "forger") -> dict[str, str]:
        """What a browser would come back with; the nonce is the one that was sent."""
        asked = dict(parse_qsl(urlsplit((await begin(client, name)).it["authorizationUrl"]).query))
        self.claims.setdefault("nonce", asked["nonce"])
        return {"code": "one", "state": asked["state"]}

    def signed(self) -> str:
        """Its ID token."""
        claims = {"iss": self.url, "sub": "ada", "aud": CLIENT_ID, "iat": int(time()), "exp": int(time()) + 60}
        claims |= self.claims
        plain = {name: value for name, value in claims.items() if value is not None}
        secret = "a secret that everybody has, of thirty-two bytes"
        key: Any = {"HS256": secret, "none": None}.get(self.algorithm, self.key)
        header = {name: value for name, value in {"kid": "one", **self.header}.items() if value is not None}
        return jwt.encode(plain, key, self.algorithm, headers=header)

    def renew(self) -> None:
        """As it was at first, for somebody else."""
        self.claims, self.header, self.algorithm = {"sub": uuid4().hex}, {}, "RS256"
        self.token = self.answer = self.held = None
        self.asked.clear()

    def _discovery(self) -> dict[str, Any]:
        endpoints = {name: f"{self.url}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
        said = {"issuer": self.url, **endpoints}
        if self.userinfo is not None:
            said["userinfo_endpoint"] = f"{self.url}/userinfo"
        return {**said, "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"], **self.discovery}

    async def serve(self, request: web.Request) -> web.Response:
        form = {name: values[0] for name, values in parse_qs(await request.text()).items()}
        self.asked.append((request.path, form, request.headers.get("authorization")))
        if self.held is not None:
            await self.held.wait()
        if request.path == "/.well-known/openid-configuration":
            return web.json_response(self._discovery())
        if request.path == "/jwks_uri":
            return web.json_response({"keys": self.published})
        if request.path == "/userinfo":
            return web.json_response(self.userinfo)
        if self.answer is not None:
            return self.answer
        tokens = {"id_token": self.token or self.signed(), "access_token": "access", "token_type": "Bearer"}
        return web.Response(text=json.dumps(tokens), content_type="application/json")


@asynccontextmanager
async def forging() -> AsyncIterator[Forger]:
    forger = Forger("")
    forger.publish("one")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", forger.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    forger.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield forger
    finally:
        if forger.held is not None:
            forger.held.set()
        await runner.cleanup()


@asynccontextmanager
async def trusting(base: Settings, forger: Forger, **more: Any) -> AsyncIterator[tuple[App, Client]]:
    changed = {"public_url": "https://books.example.org", "identity_providers": json.dumps([forger.entry | more])}
    async with (
        made(base.model_copy(update=changed), CLONED) as settings,
        served(settings) as (app, url),
        httpx.AsyncClient(timeout=30) as http,
    ):
        yield app, Client(http, url)


async def come_in(forger: Forger, client: Client) -> Answer:
    return await complete(client, forger.entry["name"], await forger.set_out(client))
