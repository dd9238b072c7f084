"""Asking providers over HTTP: for so long, for so many bytes, and wherever they send us we do not go."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Self

import aiohttp
import orjson

from storage.identities.provider import Away

#: Seconds for one question.
PATIENCE: Final = 5.0
#: Bytes of an answer.
SIZE: Final = 256 * 1024
#: Questions at once, of all providers and of one.
_AT_ONCE: Final = 64
_AT_ONCE_OF_ONE: Final = 16


class Wire:
    """Of one process. No question follows a redirection, keeps a cookie, or is packed: a small answer stays small."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            # Connections are not kept: of one that ends at this moment nobody knows whether a code has been used.
            connector=aiohttp.TCPConnector(limit=_AT_ONCE, limit_per_host=_AT_ONCE_OF_ONE, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._patience),
            headers={"accept": "application/json", "accept-encoding": "identity"},
            auto_decompress=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON that is there. Raises Away."""
        status, body = await self._ask("GET", url, headers)
        if status != 200:
            raise Away(f"status {status}")
        return body

    async def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """The status, and the JSON of the answer. Raises Away."""
        return await self._ask("POST", url, headers, form)

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str] | None, form: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        try:
            async with self._session.request(method, url, headers=headers, data=form, allow_redirects=False) as answer:
                body = await _bounded(answer)
                return answer.status, orjson.loads(body)
        except orjson.JSONDecodeError:
            raise Away("no JSON") from None
        # What they say names the address, and may repeat what was sent.
        except (aiohttp.ClientError, OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            raise Away(type(error).__name__) from None


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in answer.content.iter_chunked(2**14):
        body += piece
        if len(body) > SIZE:
            raise Away("too long an answer")
    return bytes(body)
