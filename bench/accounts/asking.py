"""What is asked, and how long it took."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

from bench import seed
from bench.machine import Unfit
from models.id import outside

PASSWORD: Final = "a password of this benchmark"
_TOKENS: Final = "tokens { accessToken refreshToken } viewer { session { id } } userErrors { code message path }"
SIGN_IN: Final = f"mutation($input: SignInInput!) {{ signIn(input: $input) {{ {_TOKENS} }} }}"
REFRESH: Final = f"mutation($token: String) {{ refreshSession(refreshToken: $token) {{ {_TOKENS} }} }}"
RESET: Final = (
    "mutation($email: String!) { requestPasswordReset(email: $email) { ok userErrors { code message path } } }"
)
REVOKE: Final = "mutation($id: ID!) { revokeSession(id: $id) { revokedSessionIds userErrors { code } } }"
VIEWER: Final = "{ viewer { id } }"
BOOK: Final = " ".join((Path(__file__).parents[1] / "documents" / "book.graphql").read_text().split())
BOOK_ID: Final = outside("bk", seed.BOOKS[0])


@dataclass(frozen=True)
class Answer:
    """`seconds` are from before it was asked until all of it was there."""

    seconds: float
    status: int
    text: bytes

    @property
    def it(self) -> Any:
        """The one root field. Raises Unfit where there is none."""
        data = orjson.loads(self.text).get("data") or {}
        [value] = data.values() or [None]
        if value is None:
            raise Unfit(f"It answered {self.text[:500].decode(errors='replace')}")
        return value

    @property
    def codes(self) -> list[str]:
        """Why it was refused."""
        answer = orjson.loads(self.text)
        values = [value for value in (answer.get("data") or {}).values() if value]
        return [
            *(error["extensions"]["code"] for error in answer.get("errors", ())),
            *(error["code"] for value in values for error in value.get("userErrors", ())),
        ]


@dataclass(frozen=True)
class Asker:
    """A client at this IP address, as a proxy would tell it."""

    http: aiohttp.ClientSession
    url: str
    place: str

    async def ask(self, document: str, variables: Any = None, token: str | None = None) -> Answer:
        body = orjson.dumps({"query": document, "variables": variables or {}})
        headers = {"content-type": "application/json", "x-forwarded-for": self.place}
        if token:
            headers["authorization"] = f"Bearer {token}"
        began = time.perf_counter()
        async with self.http.post(f"{self.url}/graphql", data=body, headers=headers) as answer:
            text = await answer.read()
            return Answer(time.perf_counter() - began, answer.status, text)

    async def sign_in(self, email: str, password: str = PASSWORD) -> Answer:
        return await self.ask(SIGN_IN, {"input": {"email": email, "password": password}})

    async def session(self, email: str) -> "Signed":
        """Raises Unfit where the password is refused."""
        answer = await self.sign_in(email)
        if answer.codes:
            raise Unfit(f"Signing in was refused: {answer.codes}")
        tokens = answer.it["tokens"]
        return Signed(answer.it["viewer"]["session"]["id"], tokens["accessToken"], tokens["refreshToken"])


@dataclass(frozen=True)
class Signed:
    """What somebody has who is in."""

    id: str
    access_token: str
    refresh_token: str
