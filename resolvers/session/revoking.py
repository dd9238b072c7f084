"""The rows of sessions that end."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlmodel import col

from models import Session, User
from resolvers.work import Work


async def hold(work: Work, user_id: UUID) -> datetime | None:
    """Has the user's sessions begin and end one after the other, and returns since when the user is disabled.

    The row is taken before those of sessions, always: whoever took them the other way round would wait for ever.
    """
    # Not FOR UPDATE, which would hold up whatever is written that refers to the user.
    held = select(col(User.disabled_at)).where(col(User.id) == user_id).with_for_update(key_share=True)
    return await work.session.scalar(held)


async def revoke_where(work: Work, *conditions: ColumnElement[bool]) -> list[UUID]:
    """Ends the sessions of which all this holds, at a moment of the database's clock, which all processes look at.

    It is told once the work has held.
    """
    ended = await work.session.scalars(
        update(Session)
        .where(*conditions, col(Session.revoked_at).is_(None))
        .values(revoked_at=func.now())
        .returning(col(Session.id))
        .execution_options(synchronize_session=False)
    )
    ids = list(ended)
    work.revoked += ids
    return ids
