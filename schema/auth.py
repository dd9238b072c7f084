"""How somebody comes in: what they run on, and what they get."""

from datetime import datetime
from typing import Any

import strawberry

from models.refusal import Checks
from models.session import DevicePlatform
from models.sign_in import ChallengeKind
from models.user import checked_name
from resolvers import session, user
from resolvers.sign_in import Challenge, Outcome
from schema.base import Info
from schema.error import Payload
from schema.session import SessionTokens
from schema.user import Viewer


@strawberry.input(description="What the session runs on, as its user would call it.")
class DeviceInput:
    name: str = strawberry.field(description="1 to 100 characters.")
    platform: DevicePlatform

    def checked(self, *path: str) -> session.Device:
        """The path is where it stands: in the input, unless it is said."""
        return session.Device(checked_name(self.name, *(path or ("input", "device")), "name"), self.platform)


def checked_device(given: DeviceInput | None, checks: Checks) -> session.Device | None:
    """For an input of which all that is wrong is told together."""
    with checks:
        return given.checked() if given else None
    return None


@strawberry.type(description="What is due before there is a session.")
class SignInChallenge:
    kind: ChallengeKind
    challenge_token: str = strawberry.field(description="For `completeChallenge`; good for one step.")
    expires_at: datetime


@strawberry.type
class AuthPayload(Payload):
    tokens: SessionTokens | None = None
    viewer: Viewer | None = None
    challenge: SignInChallenge | None = strawberry.field(
        default=None, description="Set, and tokens null, when another step is due: `completeChallenge`."
    )

    @classmethod
    async def of(cls, info: Info, outcome: Outcome) -> "AuthPayload":
        """With tokens, the answer reads as the one who has just come in."""
        if isinstance(outcome, Challenge):
            challenge = SignInChallenge(kind=outcome.kind, challenge_token=outcome.token, expires_at=outcome.expires_at)
            return cls(challenge=challenge)
        tokens, cookie = outcome, info.context.cookie
        if cookie:
            cookie.keep(tokens.refresh_token, tokens.refresh_token_expires_at)
        viewer: Any = await user.enter(info.context, tokens)
        return cls(
            tokens=SessionTokens(
                access_token=tokens.access_token,
                access_token_expires_at=tokens.access_token_expires_at,
                refresh_token=None if cookie else tokens.refresh_token,
                refresh_token_expires_at=tokens.refresh_token_expires_at,
            ),
            viewer=viewer,
        )
