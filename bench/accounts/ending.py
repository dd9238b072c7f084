"""How fast a session is over: ended by its user, or by a refresh token that came twice (FAULTS.md, T8 and T9)."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from bench.accounts.asking import REFRESH, REVOKE, VIEWER, Asker, Signed
from bench.accounts.figures import median
from bench.accounts.house import House, Program
from bench.machine import Unfit
from bench.report import Answer

#: Seconds that anything of this may take before we give up, and those that it must not take.
_PATIENCE: Final = 15.0
_MOST: Final = 1.0
_SUCCESSORS: Final = 1
_HEADS: Final = ("from asking on", "median", "most", "at most", "")


async def endings(house: House, rounds: int, parallel: int) -> Answer:
    """`parallel` is how many refresh with one token at a time, half of them at each program."""
    revoked, reused = [], []
    for _ in range(rounds):
        revoked.append(await _revoked(house))
        reused.append(await _reused(house, parallel))
    named = {
        "revokeSession: the process that was asked refuses, ms": [one[0] for one in revoked],
        "revokeSession: the other process refuses, ms": [one[1] for one in revoked],
        "revokeSession: the socket at the first is closed, ms": [one[2] for one in revoked],
        "revokeSession: the socket at the other is closed, ms": [one[3] for one in revoked],
        "a refresh token used again: the socket at the first is closed, ms": [one[1] for one in reused],
        "a refresh token used again: the socket at the other is closed, ms": [one[2] for one in reused],
    }
    successors = [one[0] for one in reused]
    rows = [
        [name, f"{median(each) * 1e3:.1f}", f"{max(each) * 1e3:.1f}", f"{_MOST * 1e3:.0f}", _verdict(max(each) > _MOST)]
        for name, each in named.items()
    ]
    counted = [f"{median(successors):.0f}", f"{max(successors)}", f"{_SUCCESSORS}"]
    rows.append([f"successors of a token used {parallel} times at once", *counted, _verdict({*successors} != {1})])
    return Answer(f"Sessions that end, two processes, {rounds} times", _HEADS, rows)


def _verdict(is_missed: bool) -> str:
    return "missed" if is_missed else ""


async def _revoked(house: House) -> tuple[float, float, float, float]:
    """Somebody ends one of their sessions from another of theirs."""
    email, (first, other) = house.email(), house.programs
    one, two = await house.asker().session(email), await house.asker().session(email)
    async with _following(first, two) as here, _following(other, two) as there:
        began = time.perf_counter()
        watching = asyncio.gather(
            _refuses(house.asker(first), two, began),
            _refuses(house.asker(other), two, began),
            _closed(here, began),
            _closed(there, began),
        )
        answer = await house.asker(first).ask(REVOKE, {"id": two.id}, one.access_token)
        if answer.codes:
            raise Unfit(f"A session could not be revoked: {answer.codes}")
        return await watching


async def _reused(house: House, parallel: int) -> tuple[int, float, float]:
    """All at once get the same successor; once that was used, the first one comes once more, and ends the session."""
    signed, (first, other) = await house.asker().session(house.email()), house.programs
    async with _following(first, signed) as here, _following(other, signed) as there:
        asked = (
            house.asker(house.programs[number % 2]).ask(REFRESH, {"token": signed.refresh_token})
            for number in range(parallel)
        )
        answers = await asyncio.gather(*asked)
        refused = [code for answer in answers for code in answer.codes]
        if refused:
            raise Unfit(f"{len(refused)} of {parallel} refreshes at once were refused: {refused[0]}")
        successors = {answer.it["tokens"]["refreshToken"] for answer in answers}
        next_ = await house.asker(first).ask(REFRESH, {"token": successors.pop()})
        if next_.codes:
            raise Unfit(f"The successor was refused: {next_.codes}")
        began = time.perf_counter()
        watching = asyncio.gather(_closed(here, began), _closed(there, began))
        again = await house.asker(first).ask(REFRESH, {"token": signed.refresh_token})
        if again.codes != ["EXPIRED"]:
            raise Unfit(f"A token that was used was answered {again.codes}")
        return len(successors) + 1, *(await watching)


@asynccontextmanager
async def _following(program: Program, signed: Signed) -> AsyncIterator[ClientConnection]:
    url = program.url.replace("http://", "ws://") + "/graphql"
    async with AsyncExitStack() as stack:
        socket = await stack.enter_async_context(connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]))
        init = {"type": "connection_init", "payload": {"authorization": f"Bearer {signed.access_token}"}}
        await socket.send(orjson.dumps(init).decode())
        if b"connection_ack" not in await asyncio.wait_for(socket.recv(decode=False), _PATIENCE):
            raise Unfit("A socket was not let in.")
        yield socket


async def _closed(socket: ClientConnection, began: float) -> float:
    """Seconds until we hear that it is over."""
    try:
        async with asyncio.timeout(_PATIENCE):
            while True:
                await socket.recv()
    except ConnectionClosed:
        return time.perf_counter() - began


async def _refuses(asker: Asker, signed: Signed, began: float) -> float:
    """Seconds until it refuses the session's token, which is asked with again and again."""
    async with asyncio.timeout(_PATIENCE):
        while "UNAUTHENTICATED" not in (await asker.ask(VIEWER, token=signed.access_token)).codes:
            pass
    return time.perf_counter() - began
