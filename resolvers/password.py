"""Passwords: argon2id, off the event loop, by a bounded number of hands."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from models.refusal import Unavailable

T = TypeVar("T")

#: How many may wait for a hash; each costs tens of milliseconds and 64 MiB.
WAITING_LIMIT: Final = 200


class Passwords:
    """Argon2id with the parameters of RFC 9106, second recommendation (64 MiB, 3 passes, 4 lanes)."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._hands = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="argon2")
        self._waiting = 0
        self._nobody = _hash_of_nobody()

    async def hash(self, password: str) -> str:
        """Raises Unavailable when too many wait."""
        return await self._run(self._hasher.hash, password)

    async def match(self, password: str, hash: str | None) -> bool:
        """Whether it is the password; takes alike when there is no hash. Raises Unavailable when too many wait."""
        return await self._run(self._verify, password, hash or self._nobody) and hash is not None

    def close(self) -> None:
        self._hands.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password: str, hash: str) -> bool:
        try:
            return self._hasher.verify(hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[..., T], *arguments: str) -> T:
        if self._waiting >= WAITING_LIMIT:
            raise Unavailable("Too many people are signing in. Try again in a moment.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._hands, work, *arguments)
        finally:
            self._waiting -= 1


@cache
def _hash_of_nobody() -> str:
    """Of a password that nobody has, so that an unknown address takes as long as a known one."""
    return PasswordHasher().hash(os.urandom(16).hex())
