"""Photos, and the tickets to put them into the bucket."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import strawberry
from sqlalchemy import case, func, select
from sqlalchemy.orm import aliased

import models
from models import ImageStatus, ImageVariant
from resolvers import access
from resolvers.image import Upload, address, filename, is_served, served
from schema.base import Node, book_of, id_of, person, shows
from schema.plan.source import Argument, Asked, Computed, Late, Row, declared, stands_for
from schema.user import User

if TYPE_CHECKING:
    from schema.book import Book


def _placements(image: Any, asked: Asked) -> Any:
    element: Any = aliased(models.Element)
    shown = select(func.count()).where(element.image_id == image.id, element.deleted_at.is_(None))
    return shown.correlate_except(element).scalar_subquery()


def _for_members(column: str, otherwise: Any) -> Callable[[Any, Asked], Any]:
    """What is said of the file as it was uploaded, by which others could know it again."""
    return lambda image, asked: case(
        (access.is_member(asked.insider_id, image.book_id), getattr(image, column)), else_=otherwise
    )


@stands_for(
    Row(
        models.Image,
        "im",
        lambda image, asked: access.image_is_seen(asked.viewer_id, image),
        # Who throws one away sees that it is in the trash.
        is_shown=lambda image, asked: access.image_is_kept(asked.viewer_id, image),
    )
)
@strawberry.type(
    description="A photo of a book, apart from its placements. Listed for its uploader alone while PENDING."
)
class Image(Node):
    id: strawberry.ID = id_of("im")
    status: ImageStatus
    failure_reason: str | None = shows("Why it was refused, in a sentence that can be shown.")
    filename: str = declared(
        Computed(lambda image, asked: filename(image, asked)),
        "As the uploader called it; to be shown, at most 255 characters. To who is no member it is `photo`.",
    )
    content_type: str
    size: int = declared(Computed(_for_members("size", 0)), "Bytes, as uploaded. For members; 0 for others.")
    sha256: str = declared(
        Computed(_for_members("sha256", "")), "Of the bytes, in lower-case hex. For members; empty for others."
    )
    width: int | None = shows("As shown, after its EXIF orientation; null until READY.")
    height: int | None = shows("As shown, after its EXIF orientation; null until READY.")
    thumbhash: str | None = shows("Base64; what to paint while it loads. Null until READY.")
    taken_at: datetime | None = shows("When it was taken, as the camera says.")
    caption: str | None = shows("At most 2,000 characters.")
    created_at: datetime
    deleted_at: datetime | None = shows("Since when it is in the trash, where it stays for 30 days.")

    book: Annotated["Book", strawberry.lazy("schema.book")] = book_of()
    uploader: User | None = person("uploader_id")
    url: str | None = declared(
        Late(lambda image, asked: served(image, asked.steers("variant"), asked), is_served, address),
        "A presigned GET of the bucket; null until READY. Valid for at least 2 minutes after the answer, and the "
        "same for a while so that it can be cached; on 403 ask again. ORIGINAL is a download: the file as uploaded "
        "for its uploader and the book's owners, a copy without metadata for others. The smaller ones have none.",
        arguments={"variant": Argument(ImageVariant, default=ImageVariant.PREVIEW)},
    )
    placement_count: int = declared(Computed(_placements), "How many elements show it.")


@strawberry.type
class FormField:
    name: str
    value: str


@strawberry.type(
    description=(
        "Permission to put one file straight into the bucket, and nowhere else, for 15 minutes. Asking again for a "
        "digest that is still PENDING gives the same image a new ticket."
    )
)
class UploadTicket:
    image: Image
    duplicate: bool = strawberry.field(
        description="True when this book already holds these bytes: nothing to upload, `image` is the one it has."
    )
    url: str | None
    method: str | None = strawberry.field(
        description=(
            "POST: a multipart form with `fields` first and the file last, named `file`; PUT: the file alone, with "
            "`fields` as headers."
        )
    )
    fields: list[FormField] = strawberry.field(
        description="For POST those of the form, in their order; for PUT the headers to send besides Content-Length."
    )
    expires_at: datetime | None

    @classmethod
    def of(cls, upload: Upload) -> "UploadTicket":
        ticket = upload.ticket
        return cls(
            image=cast(Any, upload.image),
            duplicate=ticket is None,
            url=ticket.url if ticket else None,
            method=ticket.method if ticket else None,
            fields=[FormField(name=name, value=value) for name, value in ticket.fields.items()] if ticket else [],
            expires_at=ticket.expires_at if ticket else None,
        )
