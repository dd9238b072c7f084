"""Passwords: argon2id, off the event loop, by a bounded number of hands."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from models.refusal import Unavailable
from models.user import checked_password
from resolvers.password import choice

T = TypeVar("T")

#: RFC 9106's second recommendation is 64 MiB, 3 passes and 4 lanes. One lane is as much work for whoever guesses, and
#: for us one thread a hash where there would be four: a hundred sign-ins at once are then no crowd beside the loop.
LANES: Final = 1
#: How many may wait for a hash; each costs a tenth of a second and 64 MiB.
WAITING_LIMIT: Final = 200
#: By how much the hands give way to the loop where there are too few cores for all: a hash takes all of one.
NICENESS: Final = 10


class Passwords:
    """Argon2id with 64 MiB and 3 passes, unless said otherwise. Hashes of other parameters are good until their owner
    signs in."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(parallelism=LANES)
        # Half of the cores: the other half is for those who are in.
        hands = max(1, (os.cpu_count() or 1) // 2)
        self._hands = ThreadPoolExecutor(hands, thread_name_prefix="argon2", initializer=_give_way)
        self._waiting = 0
        # Of a password that nobody has, so that an unknown address takes as long as a known one.
        self._nobody = self._hasher.hash(os.urandom(16).hex())

    async def hash(self, password: str) -> str:
        """Raises Unavailable when too many wait."""
        return await self._run(self._hasher.hash, password)

    async def choose(self, password: str, unlike: Sequence[str | None], *path: str) -> str:
        """The hash of a password that somebody chooses.

        Raises Invalid for one that is too short or long, among the commonest, or the owner's name or address.
        """
        checked_password(password, *path)

        def chosen() -> str:
            choice.check(password, unlike, *path)
            return self._hasher.hash(password)

        return await self._run(chosen)

    async def check(self, password: str, unlike: Sequence[str | None], *path: str) -> None:
        """Raises what `choose` raises for it, and makes no hash."""
        checked_password(password, *path)
        await self._run(lambda: choice.check(password, unlike, *path))

    async def match(self, password: str, hash: str | None) -> bool:
        """Whether it is the password; takes alike when there is no hash. Raises Unavailable when too many wait."""
        return await self._run(self._verify, password, hash or self._nobody) and hash is not None

    def is_weak(self, hash: str) -> bool:
        """Whether it was made with other parameters than those of now."""
        return self._hasher.check_needs_rehash(hash)

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


def _give_way() -> None:
    """Of the thread alone, as Linux has it: elsewhere it would be the whole process."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
