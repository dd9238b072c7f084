"""What an answer tells of an address by the time that it took (FAULTS.md, S36): known and unknown ones, in turns."""

import random
from typing import Final
from uuid import uuid4

from bench.accounts.asking import RESET
from bench.accounts.asking import Answer as Said
from bench.accounts.figures import alike, median
from bench.accounts.house import House
from bench.machine import Unfit
from bench.report import Answer

_HEADS: Final = ("asked", "known, ms", "unknown, ms", "apart, us", "Mann-Whitney p", "more than", "")
_LEAST: Final = 0.01
_SIGN_IN, _RESET = "signIn, a wrong password", "requestPasswordReset"


async def told(house: House, times: int, seed: int) -> Answer:
    """Each asked by somebody else, one after the other; which comes first is drawn."""
    drawn, rows = random.Random(seed), []
    for name in (_SIGN_IN, _RESET):
        known: list[Said] = []
        unknown: list[Said] = []
        for _ in range(times):
            for kept, email in drawn.sample([(known, house.email()), (unknown, _other(house.email()))], 2):
                kept.append(await _asked(house, name, email))
        if len({(said.status, said.text) for said in known + unknown}) > 1:
            raise Unfit(f"{name}: not everybody was answered the same.")
        some, others = ([said.seconds for said in each] for each in (known, unknown))
        p, apart = alike(some, others), median(some) - median(others)
        rows.append(
            [
                name,
                f"{median(some) * 1e3:.2f}",
                f"{median(others) * 1e3:.2f}",
                f"{apart * 1e6:+.0f}",
                f"{p:.3f}",
                f"{_LEAST}",
                "" if p > _LEAST else "missed",
            ]
        )
    return Answer(f"Known and unknown addresses, {times} of each (drawn from {seed})", _HEADS, rows)


async def _asked(house: House, name: str, email: str) -> Said:
    if name is _RESET:
        return await house.asker().ask(RESET, {"email": email})
    return await house.asker().sign_in(email, "another password")


def _other(email: str) -> str:
    """As long, and nobody's."""
    name, _, host = email.partition("@")
    return f"{uuid4().hex[: len(name)]}@{host}"
