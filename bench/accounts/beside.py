"""A sign-in beside argon2id: what it takes over HTTP, less what the hash takes in it."""

from collections.abc import Sequence
from typing import Final

from bench.accounts.figures import median, percentile
from bench.accounts.house import House
from bench.machine import Unfit
from bench.report import Answer

_HEADS: Final = (
    "ms",
    "median",
    "p95",
    "argon2id in it",
    "argon2id alone",
    "beside, median",
    "beside, p95",
    "at most",
    "",
)
_MOST: Final = 10.0
_RIGHT, _WRONG, _UNKNOWN = "right password", "wrong password", "address that nobody has"


async def beside(house: House, times: int) -> Answer:
    """Each way in turn, one after the other."""
    whole: dict[str, list[float]] = {_RIGHT: [], _WRONG: [], _UNKNOWN: []}
    hash: dict[str, list[float]] = {name: [] for name in whole}
    alone: list[float] = []
    for time in range(times + 1):
        for name in whole:
            email = "nobody@example.org" if name is _UNKNOWN else house.email()
            if name is _RIGHT:
                seconds = (await house.asker().sign_in(email)).seconds
            else:
                answer = await house.asker().sign_in(email, "another password")
                if answer.codes != ["WRONG_CREDENTIALS"]:
                    raise Unfit(f"{name} was answered {answer.codes}")
                seconds = answer.seconds
            [took] = await house.hashed()
            # The first of each prepares its statements.
            if time:
                whole[name].append(seconds)
                hash[name].append(took)
        alone.append(await house.alone())
    return Answer(
        f"A sign-in beside argon2id, {times} of each",
        _HEADS,
        [_row(name, whole[name], hash[name], alone) for name in whole],
    )


def _row(name: str, whole: Sequence[float], hash: Sequence[float], alone: Sequence[float]) -> list[str]:
    rest = [one - of_it for one, of_it in zip(whole, hash, strict=True)]
    figures = (median(whole), percentile(whole, 95), median(hash), median(alone), median(rest), percentile(rest, 95))
    missed = "missed" if median(rest) * 1e3 > _MOST else ""
    return [name, *(f"{seconds * 1e3:.1f}" for seconds in figures), f"{_MOST:.0f}", missed]
