"""Photos."""

from typing import Annotated, Any, cast

import strawberry

from models.id import inside
from models.image import FILES_LIMIT
from resolvers import image, rates
from schema.base import Info, given, sent
from schema.error import Payload, mutation
from schema.image import Image, UploadTicket
from schema.plan.source import capped


@strawberry.input(description="A file, as it will be put: other bytes are refused.")
class UploadFileInput:
    filename: str = strawberry.field(description="1 to 255 characters.")
    content_type: str = strawberry.field(
        description="image/jpeg, image/png, image/webp, image/gif, image/avif, image/heic. "
        "image/jpg and image/heif are other names of the first and the last."
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


@strawberry.input(description="Only the fields that are sent change.")
class UpdateImageInput:
    id: strawberry.ID
    caption: str | None = strawberry.field(
        default=strawberry.UNSET, description="At most 2,000 characters; null takes it away."
    )


@strawberry.type
class ImagesPayload(Payload):
    images: list[Image] | None = strawberry.field(default=None, metadata=capped(FILES_LIMIT, "book"))
    seq: int | None = None


@strawberry.type
class ImageMutation:
    @mutation(
        "Tickets to put files straight into the bucket, for 15 minutes each. For contributors.",
        rate=rates.UPLOAD,
        weigh=lambda given: len(given["input"].files),
    )
    async def request_uploads(self, info: Info, input: RequestUploadsInput) -> RequestUploadsPayload | None:
        uploads = await image.request(
            info.context,
            book_id=inside("bk", input.book_id),
            files=[image.File(file.filename, file.content_type, file.size, file.sha256) for file in input.files],
        )
        return RequestUploadsPayload(tickets=[UploadTicket.of(upload) for upload in uploads])

    @mutation(
        "Says that the bytes are there. Each image is PROCESSING from then on and ends READY or FAILED, of which "
        "`bookEvents` tells. All of one book, else INVALID; at most 100. It can be repeated."
    )
    async def complete_uploads(self, info: Info, image_ids: list[strawberry.ID]) -> ImagesPayload | None:
        images, seq = await image.complete(info.context, [*image_ids])
        return ImagesPayload(images=cast(Any, images), seq=seq)

    @mutation("Changes a caption: contributors of their own photos, editors of any.")
    async def update_image(self, info: Info, input: UpdateImageInput) -> ImagesPayload | None:
        changes = given(input)
        changed, seq = await image.change(info.context, inside("im", changes.pop("id")), changes)
        return ImagesPayload(images=cast(Any, [changed]), seq=seq)

    @mutation(
        "Into the trash, for 30 days; their placements go with them, in the same event. At most 100, all of one book, "
        "else INVALID. Contributors throw away their own, editors any. `images` is empty: they are in "
        "`Book.images(trashed: true)` now."
    )
    async def delete_images(
        self,
        info: Info,
        ids: list[strawberry.ID],
        batch_id: Annotated[
            str | None, strawberry.argument(description="1 to 100 characters; the same one again has one effect.")
        ] = strawberry.UNSET,
    ) -> ImagesPayload | None:
        images, seq = await image.delete(info.context, [*ids], sent(batch_id))
        return ImagesPayload(images=cast(Any, images), seq=seq)

    @mutation(
        "Back from the trash, for 30 days, with the placements that went with them and whose pages are still there. At "
        "most 100, all of one book, else INVALID. It can be repeated."
    )
    async def restore_images(self, info: Info, ids: list[strawberry.ID]) -> ImagesPayload | None:
        images, seq = await image.restore(info.context, [*ids])
        return ImagesPayload(images=cast(Any, images), seq=seq)
