"""The cookie in which a browser keeps its refresh token, out of reach of the scripts of any page."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class RefreshCookie:
    """What came in it, and what it is to hold from now on; the last word on that counts."""

    given: str | None = field(default=None, repr=False)
    #: None where it stays as it is, an empty one where it is to go.
    kept: str | None = field(default=None, repr=False)
    until: datetime | None = None

    def keep(self, token: str, until: datetime) -> None:
        self.kept, self.until = token, until

    def clear(self) -> None:
        self.kept, self.until = "", None
