"""The few words in which this program says no."""

from types import TracebackType
from typing import Any, ClassVar, Final
from uuid import UUID


class Refusal(Exception):
    """An expected no, in a sentence the client may show.

    With a `path` (the input field at fault, outermost first) it is about a part of the input.
    """

    code: ClassVar[str]
    #: Whether it is told as a top-level error, whatever the path.
    outermost: ClassVar[bool] = False

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.message = message
        self.path = tuple(str(step) for step in path)

    @property
    def is_top_level(self) -> bool:
        """Whether the contract wants it among the errors of the answer rather than in `userErrors`."""
        return self.outermost

    @property
    def extensions(self) -> dict[str, Any]:
        return {"code": self.code}


class Refusals(Exception):
    """Several refusals of one input, told together."""

    def __init__(self, each: list[Refusal]) -> None:
        super().__init__("; ".join(refusal.message for refusal in each))
        self.each = each


class Checks:
    """Several checks of one input, each in a `with` of its own: `done` tells all that they refused together."""

    def __init__(self) -> None:
        self.refused: list[Refusal] = []

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if not isinstance(error, Refusal) or error.is_top_level:
            return False
        self.refused.append(error)
        return True

    def done(self) -> None:
        """Raises Refusals."""
        if self.refused:
            raise Refusals(self.refused)


class Invalid(Refusal):
    code = "INVALID"


class Required(Refusal):
    code = "REQUIRED"


class Taken(Refusal):
    code = "TAKEN"


class Conflict(Refusal):
    code = "CONFLICT"


class Gone(Refusal):
    code = "GONE"


class LimitReached(Refusal):
    code = "LIMIT_REACHED"


class TooLarge(Refusal):
    code = "TOO_LARGE"


class UnsupportedType(Refusal):
    code = "UNSUPPORTED_TYPE"


class WrongCredentials(Refusal):
    code = "WRONG_CREDENTIALS"


class Expired(Refusal):
    code = "EXPIRED"


class Locked(Refusal):
    """Too many wrong tries; it ends by itself."""

    code = "LOCKED"


class EmailNotVerified(Refusal):
    code = "EMAIL_NOT_VERIFIED"


class _Subject(Refusal):
    """Top-level when the operation is about it; a user error when a reference in the input is at fault."""

    @property
    def is_top_level(self) -> bool:
        return not self.path


class NotFound(_Subject):
    code = "NOT_FOUND"

    def __init__(self, message: str = "There is no such thing, or you may not see it.", *path: str | int) -> None:
        super().__init__(message, *path)


class Forbidden(_Subject):
    code = "FORBIDDEN"


SESSION_ENDED: Final = "The session has ended. Sign in again."
ACCOUNT_GONE: Final = "There is no such account any more."


class Unauthenticated(Refusal):
    """`user_id` is whose token it was, where it was ours and is good no more."""

    code = "UNAUTHENTICATED"
    outermost = True

    def __init__(self, message: str = "Sign in first.", user_id: UUID | None = None) -> None:
        super().__init__(message)
        self.user_id = user_id


class BadUserInput(Refusal):
    code = "BAD_USER_INPUT"
    outermost = True


class TooCostly(Refusal):
    """More objects could come back than are answered at once."""

    code = "TOO_COSTLY"
    outermost = True

    def __init__(self, cost: int, limit: int) -> None:
        super().__init__(
            f"This could return {cost:,} objects, and at most {limit:,} are answered. Ask for less, with `first`."
        )
        self.cost = cost
        self.limit = limit

    @property
    def extensions(self) -> dict[str, Any]:
        return {"code": self.code, "cost": self.cost, "limit": self.limit}


class RateLimited(Refusal):
    """Too many in too little time; `retry_after` is in seconds."""

    code = "RATE_LIMITED"
    outermost = True

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    @property
    def extensions(self) -> dict[str, Any]:
        return {"code": self.code, "retryAfter": self.retry_after}


class Unavailable(Refusal):
    code = "UNAVAILABLE"
    outermost = True

    def __init__(self, message: str = "A part of the service is away. Try again in a moment.") -> None:
        super().__init__(message)
