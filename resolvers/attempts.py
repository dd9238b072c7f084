"""Tries that are counted in Postgres: nothing that is emptied or away lets anybody try for ever."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, LargeBinary, Uuid, any_, bindparam, delete, func, insert
from sqlmodel import col

from models import Attempt
from models.id import new_id
from models.refusal import Locked
from resolvers.context import Context
from resolvers.neighbourhood import neighbourhood as neighbourhood
from resolvers.work import Work
from storage.statement import compiled

#: Seconds that a try waits to be counted before it is refused, and was none.
PATIENCE: Final = 5.0

#: One at a time of the same (the first argument); it is a function of ours, made with the tables.
_TAKE: Final = "SELECT free, seconds FROM take_tries($1, $2, $3, $4, $5)"
_ADD: Final = compiled(
    insert(Attempt).values(
        id=bindparam("new_id", type_=Uuid()), key=bindparam("its_key", type_=LargeBinary()), at=func.clock_timestamp()
    )
)
_GIVEN_BACK: Final = delete(Attempt).where(col(Attempt.id) == any_(bindparam("tries", type_=ARRAY(Uuid()))))
_GIVE_BACK: Final = compiled(_GIVEN_BACK)
#: As `give_back` in a work, beside what else one of its statements does: that is given their ids as `tries`.
GIVEN_BACK: Final = _GIVEN_BACK.cte("given_back")


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most `limit` in any `window` (sliding), of what is tried under this name."""

    name: str
    limit: int
    window: timedelta
    #: What whoever is over it is told; `{minutes}` is when they may try again.
    message: str

    def refusal(self, seconds: float, *path: str) -> Locked:
        """Of one more, which may be tried again after so long."""
        minutes = max(1, -int(-seconds // 60))
        return Locked(self.message.format(minutes=f"{minutes} minute{'s' if minutes > 1 else ''}"), *path)


@dataclass(frozen=True, slots=True)
class Try:
    """One that is counted, under each of its allowances."""

    ids: tuple[UUID, ...]
    #: Whether the first of them allows no more after it.
    is_last: bool


Counted = tuple[Allowance, tuple[str, ...]]


async def take(context: Context, allowance: Allowance, *of: str) -> Try:
    """Counts one try of these together (an account and an address, say), before it is known how it ends.

    It holds whatever becomes of the request; `give_back` undoes it for one that was right. Raises Locked.
    """
    return await take_all(context, (allowance, of))


async def take_all(context: Context, *counted: Counted, of_wrong: Sequence[Counted] = ()) -> Try:
    """Counts one try under several allowances: under all of them, or under none where one is used up.

    Those `of_wrong` have to be free too, and are taken by `add` once it was wrong: what is under way is none of theirs.
    """
    asked = (*counted, *of_wrong)
    tried = Try(tuple(new_id() for _ in counted), is_last=False)
    ids = [*tried.ids, *(None for _ in of_wrong)]
    keys = [key_of(context, allowance, of) for allowance, of in asked]
    spans, limits = [each.window for each, _ in asked], [each.limit for each, _ in asked]
    try:
        async with (
            asyncio.timeout(PATIENCE),
            context.parts.counting,
            context.parts.database.connection() as connection,
        ):
            # In one order, so that nobody waits in a circle.
            held = sorted(int.from_bytes(key[:8], signed=True) for key in keys[: len(counted)])
            found = await connection.rows(_TAKE, [held, ids, keys, spans, limits])
    except (asyncio.CancelledError, TimeoutError):
        # It may have been written all the same.
        await give_back(context, tried)
        raise
    for (allowance, _), row in zip(asked, found, strict=True):
        if row["free"] <= 0:
            raise allowance.refusal(row["seconds"], "input")
    return replace(tried, is_last=found[0]["free"] == 1)


async def add(context: Context, work: Work, allowance: Allowance, *of: str) -> None:
    """Counts one that was wrong, in this work."""
    await work.run(_ADD, {"new_id": new_id(), "its_key": key_of(context, allowance, of)})


async def give_back(context: Context, tried: Try, work: Work | None = None) -> None:
    """In this work, where there is one: then it counts as long as that has not held. Else also for who is cancelled."""
    taken = {"tries": list(tried.ids)}
    if work is not None:
        await work.run(_GIVE_BACK, taken)
        return

    async def give() -> None:
        async with context.work() as own:
            await own.run(_GIVE_BACK, taken)

    giving = asyncio.ensure_future(give())
    try:
        await asyncio.shield(giving)
    finally:
        await asyncio.wait([giving])


def key_of(context: Context, allowance: Allowance, of: tuple[str, ...]) -> bytes:
    """What the tries of these together are written under."""
    return context.parts.keyring.hash(f"attempt {allowance.name}", "\n".join(of))


def asker(context: Context) -> str:
    """Where a caller is, as a job may carry it that counts later what was asked: of the address it has no more."""
    return context.parts.keyring.hash("asker", neighbourhood(context.ip_address)).hex()
