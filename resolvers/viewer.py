"""The viewer's own settings."""

from typing import Any

from models import User
from models.refusal import ACCOUNT_GONE, Checks, Invalid, Unauthenticated
from models.user import Language, checked_name
from resolvers.context import Context
from resolvers.user import Self


async def update(context: Context, changes: dict[str, Any]) -> Self:
    """Changes the fields that are given. Raises Refusals of those that are to be empty, and of a bad name."""
    checked, checks = dict(changes), Checks()
    with checks:
        if "name" in changes:
            if changes["name"] is None:
                raise Invalid("Everybody has a name.", "input", "name")
            checked["name"] = checked_name(changes["name"], "input", "name")
    with checks:
        if "language" in changes:
            if changes["language"] is None:
                raise Invalid("There is always a language: EN, FR, NL or TH.", "input", "language")
            checked["language"] = Language(changes["language"])
    checks.done()
    viewer_id = context.viewer.user_id
    async with context.work() as work:
        user = await work.session.get(User, viewer_id, with_for_update={"key_share": True})
        if user is None:
            raise Unauthenticated(ACCOUNT_GONE)
        for name, value in checked.items():
            setattr(user, name, value)
        await work.show({"vw": [viewer_id]})
    return Self(viewer_id)
