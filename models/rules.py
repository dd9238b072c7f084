"""The rules of a house, which its settings make."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Self

from models.relying_party import RelyingParty
from models.session import REFRESH_LIFETIME, SESSION_LIFETIME, DevicePlatform

#: The longest that can be asked for, in days.
_LONGEST: Final = 3_650


@dataclass(frozen=True, slots=True)
class Days:
    """How long something lasts, by the platform of a session's device."""

    usual: timedelta
    of: Mapping[str, timedelta] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def read(cls, text: str) -> Self:
        """From `60`, or `60,APPLE=90`. Raises ValueError."""
        usual, *others = (part.strip() for part in text.split(","))
        of = {}
        for other in others:
            platform, _, days = other.partition("=")
            of[DevicePlatform(platform.strip()).value] = _days(days)
        return cls(_days(usual), MappingProxyType(of))

    def on(self, platform: str | None) -> timedelta:
        return self.of.get(platform, self.usual) if platform else self.usual


def _days(text: str) -> timedelta:
    if not text.isdecimal() or not 1 <= int(text) <= _LONGEST:
        raise ValueError(f"a number of days, 1 to {_LONGEST}, and others by platform: 60,APPLE=90")
    return timedelta(days=int(text))


@dataclass(frozen=True, slots=True)
class AccountRules:
    """`verified_to_sign_in`: whether an address has to be confirmed before its owner gets in.

    A session ends when its tokens were not refreshed for `session_days`, and `session_max_days` after it began.
    """

    verified_to_sign_in: bool = False
    session_days: Days = field(default_factory=lambda: Days(REFRESH_LIFETIME))
    session_max_days: Days = field(default_factory=lambda: Days(SESSION_LIFETIME))
    #: What multiplies how many wrong tries there may be of one IP address, as it does all rates.
    rate_factor: float = 1.0
    #: Whom passkeys are for.
    relying_party: RelyingParty = field(default_factory=lambda: RelyingParty.at("http://localhost"))

    def session_ends(self, platform: str | None, begun_at: datetime, seen_at: datetime) -> datetime:
        return min(seen_at + self.session_days.on(platform), begun_at + self.session_max_days.on(platform))
