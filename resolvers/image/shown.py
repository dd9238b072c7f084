"""How photos are listed, and where they are read."""

from typing import Any, Literal, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import aliased

from models import ImageStatus, ImageVariant, StoredObject
from models.image import EXTENSIONS
from models.object import Part, key_of
from resolvers import access
from resolvers.connection import Keyset
from resolvers.context import Context
from storage.objects import disposition

#: What the worker makes of every photo.
_SMALLER = {ImageVariant.THUMBNAIL: Part.THUMBNAIL, ImageVariant.PREVIEW: Part.PREVIEW}
_WEBP = "image/webp"
#: Of a photo that its reader may not know by its own.
_SOME_NAME = "photo"
_SUFFIXES = {suffix: content_type for content_type, suffix in EXTENSIONS.items()} | {
    "jpeg": "image/jpeg",
    "heif": "image/heic",
}


class Asker(Protocol):
    @property
    def viewer_id(self) -> Any: ...
    @property
    def insider_id(self) -> Any: ...


def newest(image: Any) -> Keyset:
    """The order of a book's images; ids grow with time."""
    return Keyset((image.id,), (UUID,))


def is_served(image: Any) -> ColumnElement[bool]:
    """That something of it is there."""
    return and_(image.status == ImageStatus.READY, image.deleted_at.is_(None))


def served(image: Any, variant: ImageVariant, asker: Asker) -> tuple[Any, ...]:
    """What its address depends on; of the originals alone also on who asks."""
    # An event of an older program tells of no object: the image's own id was its.
    object_id = func.coalesce(image.object_id, image.id)
    if variant in _SMALLER:
        # The thumbhash comes with them, and spares a look at the object.
        return object_id, filename(image, asker), case((image.thumbhash.is_not(None), _WEBP))
    stored: Any = aliased(StoredObject)
    stripped = select(stored.stripped_type).where(stored.id == object_id).correlate_except(stored)
    as_uploaded = case((access.original_is_given(asker.viewer_id, image), image.content_type))
    return object_id, filename(image, asker), as_uploaded, stripped.scalar_subquery()


def filename(image: Any, asker: Asker) -> Any:
    """As its uploader called it, which is for those who make the book with them."""
    return case((access.is_member(asker.insider_id, image.book_id), image.filename), else_=_SOME_NAME)


def address(
    context: Context,
    variant: ImageVariant,
    object_id: str,
    filename: str,
    content_type: str | None,
    stripped: str | None = None,
) -> tuple[str | None, float]:
    """A presigned GET, and the Unix time at which it changes; of an original under its type, or of its copy."""
    kind: Literal["attachment", "inline"] = "inline" if variant in _SMALLER else "attachment"
    part = _SMALLER.get(variant) or (Part.ORIGINAL if content_type else Part.STRIPPED)
    content_type = content_type or stripped
    objects, key, now = context.parts.objects, key_of(object_id, part), context.now
    until = objects.turns(key, now)
    if content_type is None:
        return None, until
    header = disposition(kind, _named(filename, content_type))
    return objects.url(key, now=now, content_type=content_type, disposition=header), until


def _named(filename: str, content_type: str) -> str:
    """With the ending of its type: whoever opens what they were sent opens a picture."""
    stem, _, suffix = filename.rpartition(".")
    if _SUFFIXES.get(suffix.lower()) == content_type:
        return filename
    return f"{stem if stem and suffix.lower() in _SUFFIXES else filename}.{EXTENSIONS[content_type]}"
