"""Books: made, copied, changed, listed, thrown away and brought back."""

from resolvers.book.copying import duplicate
from resolvers.book.keeping import create, newest_change, update
from resolvers.book.trash import delete, restore

__all__ = ["create", "delete", "duplicate", "newest_change", "restore", "update"]
