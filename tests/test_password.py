"""Passwords: hashed off the event loop, by few hands, with a limit to those who wait for one."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import argon2
import pytest

from models.refusal import Unavailable
from resolvers.password import Passwords, hashing


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    passwords = Passwords()
    yield passwords
    passwords.close()


@contextmanager
def busy(passwords: Passwords) -> Iterator[None]:
    """No hand is free until this is left."""
    done = threading.Event()
    for _ in range(passwords._hands._max_workers):
        passwords._hands.submit(done.wait)
    try:
        yield
    finally:
        done.set()


async def test_a_hash_is_argon2id_and_matches_its_password_alone(passwords: Passwords) -> None:
    hash = await passwords.hash("correct horse")
    # RFC 9106, section 4, second recommendation.
    assert hash.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert hash != await passwords.hash("correct horse")
    assert await passwords.match("correct horse", hash)
    assert not await passwords.match("correct horse ", hash)
    assert not await passwords.match("correct horse\0", hash)


async def test_without_a_hash_that_can_be_read_nothing_matches(passwords: Passwords) -> None:
    for hash in (None, "", "plain", "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$", "$2b$12$bcrypt"):
        assert not await passwords.match("", hash)
        assert not await passwords.match("correct horse", hash)


async def test_it_is_hashed_by_a_hand_and_not_by_the_loop(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    hash = argon2.PasswordHasher.hash

    def noticed(hasher: argon2.PasswordHasher, password: str) -> str:
        threads.append(threading.current_thread().name)
        return hash(hasher, password)

    monkeypatch.setattr(argon2.PasswordHasher, "hash", noticed)
    await passwords.hash("correct horse")
    [thread] = threads
    assert thread.startswith("argon2") and threading.current_thread().name != thread


async def test_over_the_limit_nobody_waits_and_those_who_do_are_served(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "WAITING_LIMIT", 3)
    with busy(passwords):
        waiting = [asyncio.create_task(passwords.hash("correct horse")) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await passwords.hash("correct horse")
        with pytest.raises(Unavailable):
            await passwords.match("correct horse", None)
        # One who leaves makes room for one more.
        waiting[0].cancel()
        await asyncio.wait([waiting[0]])
        later = asyncio.create_task(passwords.match("correct horse", None))
        await asyncio.sleep(0)
        assert not later.done()
    assert all([await each for each in waiting[1:]])
    assert await later is False
    assert await passwords.hash("correct horse")
