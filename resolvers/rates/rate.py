"""The rates that mutations name: what is counted together, and how much of it there may be.

A class of thirty, or a school of three hundred, comes from one address: these are for them, and still no way to try
passwords or to fill a house.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from storage.rates import Limit


class By(Enum):
    """Whose hits are counted together."""

    #: The user; where nobody is signed in, the address that they come from.
    PERSON = "person"
    #: The address that they come from (IPv6: its /64).
    PLACE = "place"
    #: The e-mail address that it is about, from one place: nobody can use up the tries of its owner elsewhere.
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Rate:
    """Kept to exactly. `what` is what there was too much of, in the sentence that a client may show."""

    name: str
    what: str
    limits: tuple[tuple[By, Limit], ...]


_5_MIN: Final = 300
_HOUR: Final = 3_600

SIGN_IN: Final = Rate("sign_in", "sign-ins", ((By.PLACE, Limit(600, _5_MIN)), (By.ACCOUNT, Limit(30, _5_MIN))))
SIGN_UP: Final = Rate("sign_up", "new accounts", ((By.PLACE, Limit(300, _HOUR)),))
GUEST: Final = Rate("guest", "new guests", ((By.PLACE, Limit(600, _HOUR)),))
REFRESH: Final = Rate("refresh", "refreshed sessions", ((By.PLACE, Limit(6_000, _5_MIN)),))
START: Final = Rate("start", "sign-ins that were begun", ((By.PLACE, Limit(600, _5_MIN)),))
MAIL: Final = Rate("mail", "requests for mail", ((By.PLACE, Limit(120, _HOUR)), (By.ACCOUNT, Limit(10, _HOUR))))
LINK: Final = Rate("link", "links", ((By.PLACE, Limit(300, _5_MIN)),))
FACTOR: Final = Rate("factor", "changes of how you sign in", ((By.PERSON, Limit(30, _5_MIN)),))
CHANGE: Final = Rate("change", "changes of your account", ((By.PERSON, Limit(60, _5_MIN)),))
ADMINISTER: Final = Rate("administer", "changes of others' accounts", ((By.PERSON, Limit(300, _5_MIN)),))
INVITE: Final = Rate("invite", "invitations", ((By.PERSON, Limit(300, _HOUR)), (By.PLACE, Limit(600, _HOUR))))
UPLOAD: Final = Rate("upload", "requested uploads", ((By.PERSON, Limit(20_000, _HOUR)),))

RATES: Final = (SIGN_IN, SIGN_UP, GUEST, REFRESH, START, MAIL, LINK, FACTOR, CHANGE, ADMINISTER, INVITE, UPLOAD)
