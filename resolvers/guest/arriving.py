"""How a guest comes in: with nothing."""

from datetime import timedelta
from typing import Final

from models import Proof, User
from models.user import Language, checked_name
from resolvers import attempts
from resolvers.attempts import Allowance
from resolvers.context import Context
from resolvers.session import Device
from resolvers.sign_in import Outcome, begin, check_token

#: What a guest is called who does not say.
NAMES: Final = {Language.EN: "Guest", Language.FR: "Invité", Language.NL: "Gast", Language.TH: "ผู้เยี่ยมชม"}
#: Of one IP address: a class of a school comes at once.
GUESTS: Final = Allowance(
    "guest", 120, timedelta(hours=1), "Too many guests have come from here. Try again in {minutes}."
)


async def arrive(context: Context, *, name: str | None, language: Language | None, device: Device | None) -> Outcome:
    """A new guest, and their first session. Raises Invalid for a bad name, Locked where too many come."""
    await check_token(context)
    language = language or Language.EN
    guest = User(
        name=NAMES[language] if name is None else checked_name(name, "input", "name"), language=language, is_guest=True
    )
    # Counted also when it goes well: it is the going well that there is to be no end of.
    await attempts.take(context, GUESTS, attempts.neighbourhood(context.ip_address))
    async with context.work() as work:
        return await begin(context, work, guest, Proof.GUEST, device)
