"""How much may be kept."""

from dataclasses import dataclass
from typing import Final

from models.image import IMAGES_LIMIT

GB: Final = 10**9


@dataclass(frozen=True, slots=True)
class Quotas:
    """Of a book, and of a person over all books: photos, and bytes of their files, each file counted once."""

    book_images: int = IMAGES_LIMIT
    book_bytes: int = 50 * GB
    user_bytes: int = 100 * GB
