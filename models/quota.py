"""How much may be kept."""

from dataclasses import dataclass
from typing import Final

from models.image import IMAGES_LIMIT

GB: Final = 10**9
GIB: Final = 2**30


@dataclass(frozen=True, slots=True)
class Quotas:
    """Of a book, and of a person over all books: photos, and bytes of what they have in the bucket, counted once.

    The last two are of the books that a person has made: how many there may be, and what their elements weigh together.
    """

    book_images: int = IMAGES_LIMIT
    book_bytes: int = 50 * GB
    user_bytes: int = 100 * GB
    user_books: int = 1_000
    user_weight: int = GIB
