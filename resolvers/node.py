"""Anything that has an id, found by it; what may not be seen is not found."""

from collections import defaultdict
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models import Book, Element, Image, Invitation, Member, Page, Session, User
from models.id import inside, kind_of
from models.refusal import BadUserInput
from resolvers import access
from resolvers.context import Context
from resolvers.user import Self

IDS_LIMIT: Final = 100
_DOORS: Final[dict[str, tuple[Any, Any]]] = {
    "bk": (Book, lambda viewer, at: access.book_is_seen(viewer)),
    "pg": (Page, lambda viewer, at: access.page_is_seen(viewer)),
    "el": (Element, lambda viewer, at: access.element_is_seen(viewer)),
    "im": (Image, lambda viewer, at: access.image_is_seen(viewer)),
    "mb": (Member, lambda viewer, at: access.member_is_seen(viewer)),
    "in": (Invitation, access.invitation_is_seen),
    "se": (Session, access.session_is_seen),
    "us": (User, lambda viewer, at: access.user_is_seen(viewer)),
    "vw": (User, lambda viewer, at: col(User.id) == viewer),
}


async def several(context: Context, ids: list[str]) -> list[Any]:
    """What the ids stand for, in their order, None where the viewer sees nothing. Raises BadUserInput over 100."""
    if len(ids) > IDS_LIMIT:
        raise BadUserInput(f"At most {IDS_LIMIT} ids at once.")
    viewer_id = context.viewer_id
    wanted: dict[str, list[UUID]] = defaultdict(list)
    for id in ids:
        kind = kind_of(id)
        if kind in _DOORS and (row_id := inside(kind, id)) is not None:
            wanted[kind].append(row_id)
    found: dict[str, Any] = {}
    async with context.reading() as session:
        for kind, row_ids in wanted.items():
            model, is_seen = _DOORS[kind]
            rows = await session.scalars(
                select(model).where(col(model.id).in_(row_ids), is_seen(viewer_id, context.now))
            )
            found.update((f"{kind}_{row.id}", Self(row) if kind == "vw" else row) for row in rows)
    return [found.get(id) for id in ids]
