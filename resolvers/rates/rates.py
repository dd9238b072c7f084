"""Holding to the rates."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from models.refusal import RateLimited
from resolvers.keyring import Keyring
from resolvers.neighbourhood import neighbourhood
from resolvers.rates.rate import By, Rate
from storage.rates import Budget, Budgets, Limit, Windows

#: What an operation counts for at the least, in objects.
LEAST: Final = 100


@dataclass(frozen=True, slots=True)
class Counted:
    """Who is counted: `person` is a user's id, or None; `ip_address` the peer's."""

    person: str | None
    ip_address: str | None


@dataclass(frozen=True, slots=True)
class Allowed:
    """What everything together may cost in a minute, in objects, of one user and of one address without a user.

    `factor` multiplies these and every rate.
    """

    objects: int
    objects_of_address: int
    factor: float = 1.0


class Rates:
    """Raises RateLimited before anything was done."""

    def __init__(self, windows: Windows, budgets: Budgets, keyring: Keyring, allowed: Allowed) -> None:
        self._windows = windows
        self._budgets = budgets
        self._keyring = keyring
        self._factor = allowed.factor
        self._of_person = Budget("objects of person", Limit(allowed.objects, 60).times(allowed.factor))
        self._of_place = Budget("objects of place", Limit(allowed.objects_of_address, 60).times(allowed.factor))
        #: Refusals, by the name of the rate.
        self.refused: Counter[str] = Counter()

    def spend(self, caller: Counted, cost: int) -> None:
        """Charges an operation by the objects that it could return. Takes no time."""
        budget = self._of_person if caller.person else self._of_place
        wait = self._budgets.charge(budget, caller.person or neighbourhood(caller.ip_address), max(cost, LEAST))
        if wait is not None:
            self._refuse(budget.name, "You have asked for too much in a minute.", wait)

    async def hit(self, rate: Rate, caller: Counted, arguments: Mapping[str, Any], cost: int = 1) -> None:
        """Counts one field of a mutation, wherever in a document it stands."""
        for by, limit in rate.limits:
            who = self._counted(by, caller, arguments)
            if who is None:
                continue
            limit = limit.times(self._factor)
            wait = await self._windows.exactly(limit, rate.name, by.value, who, cost=min(cost, limit.amount))
            if wait is not None:
                self._refuse(rate.name, f"Too many {rate.what} in a short time.", wait)

    def _refuse(self, name: str, message: str, wait: float) -> None:
        self.refused[name] += 1
        seconds = ceil(wait)
        raise RateLimited(f"{message} Try again in {seconds} second{'s' if seconds > 1 else ''}.", seconds)

    def _counted(self, by: By, caller: Counted, arguments: Mapping[str, Any]) -> str | None:
        place = neighbourhood(caller.ip_address)
        if by is By.PERSON:
            return caller.person or place
        if by is By.PLACE:
            return place
        email = _email(arguments)
        return email and f"{self._keyring.hash('rates', email.casefold().strip()).hex()[:32]} {place}"


def _email(arguments: Mapping[str, Any]) -> str | None:
    """The address that a mutation is about, where it has one."""
    given = arguments.get("email") or getattr(arguments.get("input"), "email", None)
    return given if isinstance(given, str) else None
