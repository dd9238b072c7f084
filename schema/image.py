"""Photos, and the tickets to put them into the bucket."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import strawberry

import models
from models import ImageStatus, ImageVariant
from resolvers import image
from resolvers.image import Upload
from schema.base import Info, Node, id_of, seen_book, shows
from schema.user import User

if TYPE_CHECKING:
    from schema.book import Book


@strawberry.type(
    description="A photo of a book, apart from its placements. Listed for its uploader alone while PENDING."
)
class Image(Node):
    id: strawberry.ID = id_of("im")
    status: ImageStatus
    failure_reason: str | None = shows("Why it was refused, in a sentence that can be shown.")
    filename: str = shows("As the uploader called it; to be shown, at most 255 characters.")
    content_type: str
    size: int = shows("Bytes.")
    sha256: str = shows("Of the bytes, in lower-case hex.")
    width: int | None = shows("As shown, after its EXIF orientation; null until READY.")
    height: int | None = shows("As shown, after its EXIF orientation; null until READY.")
    created_at: datetime
    deleted_at: datetime | None = shows("Since when it is in the trash.")

    @classmethod
    def is_type_of(cls, obj: Any, info: Info) -> bool:
        return isinstance(obj, models.Image)

    @strawberry.field
    async def book(
        root: strawberry.Parent[models.Image], info: Info
    ) -> Annotated["Book", strawberry.lazy("schema.book")]:
        return await seen_book(info, root.book_id)

    @strawberry.field(description="Null when they are gone.")
    async def uploader(root: strawberry.Parent[models.Image], info: Info) -> User | None:
        return await info.context.load.user(root.uploader_id) if root.uploader_id else None

    @strawberry.field(
        description=(
            "A presigned GET of the bucket; null until READY. Valid for at least 2 minutes after the answer, and the "
            "same for a while so that it can be cached; on 403 ask again. All variants are the original for now."
        )
    )
    def url(
        root: strawberry.Parent[models.Image],
        info: Info,
        variant: ImageVariant = ImageVariant.PREVIEW,
    ) -> str | None:
        return image.url(info.context, root, variant)

    @strawberry.field(description="How many elements show it.")
    async def placement_count(root: strawberry.Parent[models.Image], info: Info) -> int:
        return await info.context.load.placement_count(root.id)


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
        description="POST: a multipart form with `fields` first and the file last, named `file`."
    )
    fields: list[FormField]
    expires_at: datetime | None

    @classmethod
    def of(cls, upload: Upload) -> "UploadTicket":
        ticket = upload.ticket
        return cls(
            image=cast(Any, upload.image),
            duplicate=ticket is None,
            url=ticket.url if ticket else None,
            method="POST" if ticket else None,
            fields=[FormField(name=name, value=value) for name, value in ticket.fields.items()] if ticket else [],
            expires_at=ticket.expires_at if ticket else None,
        )
