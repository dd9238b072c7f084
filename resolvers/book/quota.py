"""Room for books: how many somebody has made, and what is in these."""

from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from models import Book, User
from models.quota import GIB, Quotas
from models.refusal import LimitReached
from resolvers.work import Work

_SUM: Final = func.coalesce(func.sum(col(Book.weight)), 0)


async def hold(work: Work, user_id: UUID, quotas: Quotas, *path: str) -> None:
    """Raises LimitReached where somebody has made more books than they may, or heavier ones, this work included.

    By who made them: nobody can give somebody else a book that they have no room for. What is in the trash counts.
    """
    # Whoever makes another one at this moment waits here; and nobody who writes a row that names them.
    await work.session.execute(select(col(User.id)).where(col(User.id) == user_id).with_for_update(key_share=True))
    await work.session.flush()
    made = select(func.count(), _SUM).select_from(Book).where(col(Book.created_by) == user_id)
    books, weight = (await work.session.execute(made)).one()
    if books > quotas.user_books:
        raise LimitReached(f"You have room for {quotas.user_books:,} books, those in the trash included.", *path)
    if weight > quotas.user_weight:
        room = f"{quotas.user_weight / GIB:,g} GiB"
        raise LimitReached(f"You have room for {room} of texts and drawings in all your books.", *path)
