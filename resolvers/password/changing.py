"""A password that its owner changes."""

from typing import Final

from models import SecurityEventKind, User
from models.refusal import Invalid
from resolvers.context import Context
from resolvers.password import setting
from resolvers.reauthentication import prove

_CURRENT: Final = ("input", "currentPassword")
_NEW: Final = ("input", "newPassword")


async def change(context: Context, current: str, new: str) -> None:
    """This session goes on, all others end. Raises Invalid, Conflict, and what proving who it is raises."""
    proven = await prove(context, current, *_CURRENT)
    async with context.reading() as reading:
        user = await reading.get_one(User, proven.viewer.user_id)
    if proven.has_password and new == current:
        raise Invalid("This is the password that you have. Choose another.", *_NEW)
    hash = await context.parts.passwords.choose(new, (user.name, user.email), *_NEW)
    async with context.work() as work:
        user = await proven.user(work)
        kind = SecurityEventKind.PASSWORD_CHANGED
        await setting.put(context, work, user, hash, kind, session_id=context.viewer.session_id)
        await work.session.flush()
