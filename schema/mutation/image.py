"""Photos."""

from typing import Any, cast

import strawberry

from models.id import inside
from models.image import FILES_LIMIT
from resolvers import image
from schema.base import Info
from schema.error import Payload, mutation
from schema.image import Image, UploadTicket
from schema.plan.source import capped


@strawberry.input(description="A file, as it will be put: other bytes are refused.")
class UploadFileInput:
    filename: str = strawberry.field(description="1 to 255 characters.")
    content_type: str = strawberry.field(
        description="image/jpeg, image/png, image/webp, image/gif, image/avif, image/heic."
    )
    size: int = strawberry.field(description="Bytes, at most the server's limit (50 MiB unless configured).")
    sha256: str = strawberry.field(description="Lower-case hex of the bytes.")


@strawberry.input
class RequestUploadsInput:
    book_id: strawberry.ID
    files: list[UploadFileInput] = strawberry.field(description="1 to 100.")


@strawberry.type
class RequestUploadsPayload(Payload):
    tickets: list[UploadTicket] | None = strawberry.field(
        default=None,
        description="One for each file, in their order; null when userErrors is not empty.",
        metadata=capped(FILES_LIMIT, "book"),
    )


@strawberry.type
class ImagesPayload(Payload):
    images: list[Image] | None = strawberry.field(default=None, metadata=capped(FILES_LIMIT, "book"))
    seq: int | None = None


@strawberry.type
class ImageMutation:
    @mutation("Tickets to put files straight into the bucket, for 15 minutes each. For contributors.")
    async def request_uploads(self, info: Info, input: RequestUploadsInput) -> RequestUploadsPayload | None:
        uploads = await image.request(
            info.context,
            book_id=inside("bk", input.book_id),
            files=[image.File(file.filename, file.content_type, file.size, file.sha256) for file in input.files],
        )
        return RequestUploadsPayload(tickets=[UploadTicket.of(upload) for upload in uploads])

    @mutation(
        "Says that the bytes are there. They are checked; each image ends READY or FAILED. All of one book, else "
        "INVALID; at most 100. It can be repeated."
    )
    async def complete_uploads(self, info: Info, image_ids: list[strawberry.ID]) -> ImagesPayload | None:
        images, seq = await image.complete(info.context, [*image_ids])
        return ImagesPayload(images=cast(Any, images), seq=seq)
