"""The bytes of one photo: copied to where they are served, verified there, and developed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from models import Image, StoredObject
from models.object import Part, key_of
from models.refusal import TooLarge, Unavailable
from resolvers.context import Parts
from storage.objects import NoSuchObject
from storage.picture import Developed, NotAPicture

#: What lies under a key never changes.
_SERVED: Final = {"content_disposition": "attachment", "cache_control": "private, max-age=31536000, immutable"}
_LONGER: Final = "The file is longer than declared."


class Unusable(Exception):
    """It will never be a photo; the message is for its uploader."""


@dataclass(frozen=True, slots=True)
class Development:
    """What was made of the bytes that were verified; its files are there while it is open."""

    image: Image
    made: Developed

    @classmethod
    @asynccontextmanager
    async def of(cls, parts: Parts, image: Image) -> AsyncIterator["Development"]:
        """What is made of what `take_in` took in. Raises Unusable for undeclared bytes."""
        with TemporaryDirectory(prefix="leporello-") as name:
            folder = Path(name)
            original = folder / "original"
            await _fetch(parts, image, original)
            try:
                made = await parts.pictures.develop(original, image.content_type, folder)
            except NotAPicture as refused:
                raise Unusable(refused.reason) from None
            yield cls(image, made)

    async def keep(self, parts: Parts) -> None:
        """Puts what was made where it is served; as often as one likes."""
        made = {
            Part.THUMBNAIL: self.made.thumbnail,
            Part.PREVIEW: self.made.preview,
            Part.STRIPPED: self.made.stripped,
        }
        for part, picture in made.items():
            with picture.path.open("rb") as file:
                await parts.objects.store(
                    key_of(self.image.object_id, part), file, content_type=picture.content_type, **_SERVED
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


async def take_in(parts: Parts, image: Image) -> None:
    """Copies what was put to where it will be served, once and before it is verified: no ticket can change it there.

    Raises Unusable for a file of another length, Unavailable for one that was put anew meanwhile.
    """
    found = await parts.objects.head(image.upload_key)
    # An earlier try has emptied the quarantine, or nothing has come: what lies there already is looked at.
    if found is None:
        return
    if found.size == image.size:
        try:
            if await parts.objects.copy(found, image.key, content_type=image.content_type, **_SERVED):
                return
        except NoSuchObject:
            raise Unavailable from None
    # What was taken in before counts, whatever was put since.
    if await parts.objects.head(image.key) is None:
        _check_length(image, found.size)
        raise Unavailable


def _check_length(image: Image, size: int) -> None:
    if size > image.size:
        raise Unusable(_LONGER)
    if size < image.size:
        raise Unusable("The file is not as long as declared.")


async def _fetch(parts: Parts, image: Image, path: Path) -> None:
    try:
        with path.open("wb") as file:
            received = await parts.objects.read_into(image.key, file, limit=image.size)
    except NoSuchObject:
        raise Unusable("The bytes are gone from the bucket.") from None
    except TooLarge:
        raise Unusable(_LONGER) from None
    _check_length(image, received.size)
    if received.sha256 != image.sha256:
        raise Unusable("The bytes are not those declared: their SHA-256 is another.")
