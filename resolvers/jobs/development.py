"""The bytes of one photo: verified, developed, and put where they are served."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from models import Image, StoredObject
from models.object import Part, key_of
from models.refusal import TooLarge
from resolvers.context import Parts
from storage.objects import NoSuchObject
from storage.picture import Developed, NotAPicture

#: What lies under a key never changes.
_CACHING: Final = "private, max-age=31536000, immutable"


class Unusable(Exception):
    """It will never be a photo; the message is for its uploader."""


@dataclass(frozen=True, slots=True)
class Development:
    """The very bytes that were verified, and what was made of them; they are there while it is open."""

    image: Image
    original: Path
    made: Developed

    @classmethod
    @asynccontextmanager
    async def of(cls, parts: Parts, image: Image, *keys: str) -> AsyncIterator["Development"]:
        """What is made of the object under the first of these that is there. Raises Unusable for undeclared bytes."""
        with TemporaryDirectory(prefix="leporello-") as name:
            folder = Path(name)
            original = folder / "original"
            await _fetch(parts, image, keys, original)
            try:
                made = await parts.pictures.develop(original, image.content_type, folder)
            except NotAPicture as refused:
                raise Unusable(refused.reason) from None
            yield cls(image, original, made)

    async def keep(self, parts: Parts, *kept: Part) -> None:
        """Puts these of its files where they are served; as often as one likes."""
        # A copy within the bucket could be of what a ticket has put there since: its ETag is no more than an MD5.
        files = {
            Part.ORIGINAL: (self.original, self.image.content_type, self.image.sha256),
            Part.THUMBNAIL: (self.made.thumbnail.path, self.made.thumbnail.content_type, None),
            Part.PREVIEW: (self.made.preview.path, self.made.preview.content_type, None),
            Part.STRIPPED: (self.made.stripped.path, self.made.stripped.content_type, None),
        }
        for part in kept:
            path, content_type, sha256 = files[part]
            with path.open("rb") as file:
                await parts.objects.store(
                    key_of(self.image.object_id, part),
                    file,
                    content_type=content_type,
                    content_disposition="attachment",
                    cache_control=_CACHING,
                    sha256=sha256,
                )

    def note_on(self, stored: StoredObject, at: datetime) -> None:
        """Says of the object what lies there besides the original."""
        made = self.made.thumbnail, self.made.preview, self.made.stripped
        stored.developed_at, stored.stripped_type = at, self.made.stripped.content_type
        stored.made_bytes = sum(one.path.stat().st_size for one in made)

    def show_on(self, image: Image) -> None:
        """Says of the photo what was found out."""
        image.width, image.height = self.made.width, self.made.height
        image.thumbhash, image.taken_at = self.made.thumbhash, self.made.taken_at


async def _fetch(parts: Parts, image: Image, keys: Sequence[str], path: Path) -> None:
    received = None
    for key in keys:
        try:
            with path.open("wb") as file:
                received = await parts.objects.read_into(key, file, limit=image.size)
            break
        except NoSuchObject:
            continue
        except TooLarge:
            raise Unusable("The file is longer than declared.") from None
    if received is None:
        raise Unusable("The bytes are gone from the bucket.")
    if received.size != image.size:
        raise Unusable("The file is not as long as declared.")
    if received.sha256 != image.sha256:
        raise Unusable("The bytes are not those declared: their SHA-256 is another.")
