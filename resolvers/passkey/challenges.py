"""Challenges: what a passkey signs, asked once."""

import os
from hashlib import sha256
from typing import Final

from sqlalchemy import delete
from sqlmodel import col

from models import PasskeyChallenge
from models.passkey import CHALLENGE_LIFETIME
from models.refusal import Expired
from resolvers.context import Context, Viewer
from resolvers.work import Work

_LENGTH: Final = 32


async def make(work: Work, viewer: Viewer | None = None) -> bytes:
    """For this session of the viewer, in place of one that it had; or to sign in with, for whoever that will be."""
    if viewer is not None:
        mine = col(PasskeyChallenge.session_id) == viewer.session_id
        await work.session.execute(delete(PasskeyChallenge).where(mine))
    challenge = os.urandom(_LENGTH)
    work.session.add(
        PasskeyChallenge(
            hash=sha256(challenge).digest(),
            user_id=viewer.user_id if viewer else None,
            session_id=viewer.session_id if viewer else None,
            expires_at=work.now + CHALLENGE_LIFETIME,
        )
    )
    return challenge


async def take(context: Context, challenge: bytes, viewer: Viewer | None = None) -> None:
    """It is gone by that, whatever becomes of the answer. Raises Expired for one that is unknown, another's or over."""
    mine = (
        col(PasskeyChallenge.hash) == sha256(challenge).digest(),
        col(PasskeyChallenge.session_id).is_not_distinct_from(viewer and viewer.session_id),
    )
    async with context.work() as work:
        until = await work.session.scalar(
            delete(PasskeyChallenge).where(*mine).returning(col(PasskeyChallenge.expires_at))
        )
    if until is None or until <= context.now:
        raise Expired("That took too long, or was sent twice. Begin anew.", "credential")
