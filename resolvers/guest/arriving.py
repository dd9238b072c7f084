"""How a guest comes in: with nothing."""

from datetime import timedelta
from typing import Final

from sqlmodel import col, select

from models import Proof, User
from models.refusal import Checks, Conflict
from models.user import Language, checked_name
from resolvers import attempts
from resolvers.attempts import Allowance
from resolvers.context import Context, Viewer
from resolvers.session import Device
from resolvers.sign_in import Outcome, begin, check_token

#: What a guest is called who does not say.
NAMES: Final = {Language.EN: "Guest", Language.FR: "Invité", Language.NL: "Gast", Language.TH: "ผู้เยี่ยมชม"}
#: Of one IP address: a class of a school comes at once.
GUESTS: Final = Allowance(
    "guest", 120, timedelta(hours=1), "Too many guests have come from here. Try again in {minutes}."
)


async def arrive(
    context: Context, *, name: str | None, language: Language | None, device: Device | None, checks: Checks
) -> Outcome:
    """A new guest, and their first session; `checks` are what was looked at before.

    Raises Refusals of all bad values, Conflict for a guest, Locked where too many come.
    """
    await check_token(context)
    await _is_none_yet(context)
    language = language or Language.EN
    called = NAMES[language]
    with checks:
        if name is not None:
            called = checked_name(name, "input", "name")
    checks.done()
    guest = User(name=called, language=language, is_guest=True)
    # Counted also when it goes well: it is the going well that there is to be no end of.
    await attempts.take(context, GUESTS, attempts.neighbourhood(context.ip_address))
    async with context.work() as work:
        return await begin(context, work, guest, Proof.GUEST, device)


async def _is_none_yet(context: Context) -> None:
    """Nobody becomes another guest over the only way back to what they have. Nor do they get one more session of the
    same: whoever has found a token that is good for minutes would have one that is good for weeks.
    """
    if not isinstance(context.caller, Viewer):
        return
    async with context.reading() as rows:
        guest = select(col(User.id)).where(col(User.id) == context.caller.user_id, col(User.is_guest))
        if await rows.scalar(guest) is not None:
            raise Conflict(
                "You are a guest already. Go on with the tokens that you have; to begin as another guest, send none.",
                "input",
            )
