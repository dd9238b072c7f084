"""Books, their members and invitations."""

from typing import Annotated, Any, cast

import strawberry

import models
from models import Role, Visibility
from models.id import inside
from models.refusal import Required
from resolvers import book, invitation, member, rates
from schema.base import Info, given, sent
from schema.book import Book
from schema.error import Payload, mutation
from schema.invitation import Invitation
from schema.member import Member


@strawberry.input
class CreateBookInput:
    client_id: str | None = strawberry.field(
        default=strawberry.UNSET, description="A UUID in lower case; the same one again gives the first book."
    )
    title: str = strawberry.field(description="1 to 100 characters.")
    description: str | None = strawberry.field(default=strawberry.UNSET, description="At most 2,000 characters.")
    visibility: Visibility | None = strawberry.field(default=strawberry.UNSET, description="PRIVATE unless said.")


@strawberry.input(description="Only the fields that are sent change.")
class UpdateBookInput:
    id: strawberry.ID
    title: str | None = strawberry.UNSET
    description: str | None = strawberry.UNSET
    visibility: Visibility | None = strawberry.field(default=strawberry.UNSET, description="For owners.")
    cover_image_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="A photo of this book."
    )


@strawberry.type
class BookPayload(Payload):
    book: Book | None = None
    seq: int | None = None

    @classmethod
    def of(cls, row: models.Book) -> "BookPayload":
        return cls(book=cast(Any, row), seq=row.seq)


@strawberry.input
class InviteMemberInput:
    book_id: strawberry.ID
    email: str
    role: Role = Role.VIEWER


@strawberry.type(
    description="The same whether the address belongs to a user or not: they find it in `viewer.invitations`, or get "
    "it by mail."
)
class InviteMemberPayload(Payload):
    invitation: Invitation | None = None


@strawberry.input
class UpdateMemberInput:
    book_id: strawberry.ID
    user_id: strawberry.ID
    role: Role


@strawberry.type
class MemberPayload(Payload):
    member: Member | None = None
    seq: int | None = None


@strawberry.type
class AcknowledgePayload(Payload):
    ok: bool = False
    book: Book | None = strawberry.field(default=None, description="Where it was a change of a book.")
    seq: int | None = None


@strawberry.type
class BookMutation:
    @mutation("A book with one infinite page, which the caller owns.")
    async def create_book(self, info: Info, input: CreateBookInput) -> BookPayload | None:
        made = await book.create(
            info.context,
            title=input.title,
            description=sent(input.description),
            visibility=sent(input.visibility),
            client_id=sent(input.client_id),
        )
        return BookPayload.of(made)

    @mutation("Title, description and cover, for editors; visibility, for owners.")
    async def update_book(self, info: Info, input: UpdateBookInput) -> BookPayload | None:
        changes = given(input)
        book_id = inside("bk", changes.pop("id"))
        return BookPayload.of(await book.update(info.context, book_id, changes))

    @mutation("Into the trash, for 30 days: its members still read it, and nobody changes it. For owners.")
    async def delete_book(self, info: Info, id: strawberry.ID) -> BookPayload | None:
        return BookPayload.of(await book.delete(info.context, inside("bk", id)))

    @mutation("Back from the trash, for 30 days. For owners.")
    async def restore_book(self, info: Info, id: strawberry.ID) -> BookPayload | None:
        return BookPayload.of(await book.restore(info.context, inside("bk", id)))

    @mutation(
        "A private copy with the same pages, elements and photos, which the caller owns; photos that are not READY "
        "stay behind, and leave empty slots. For owners."
    )
    async def duplicate_book(
        self,
        info: Info,
        id: strawberry.ID,
        title: Annotated[
            str | None, strawberry.argument(description="1 to 100 characters; the same title unless said.")
        ] = strawberry.UNSET,
        client_id: Annotated[
            str | None,
            strawberry.argument(description="A UUID in lower case; the same one again gives the first copy."),
        ] = strawberry.UNSET,
    ) -> BookPayload | None:
        made = await book.duplicate(info.context, inside("bk", id), title=sent(title), client_id=sent(client_id))
        return BookPayload.of(made)

    @mutation(
        "Offers an address a place in the book, for 14 days; again is a new role and term. For owners.",
        rate=rates.INVITE,
    )
    async def invite_member(self, info: Info, input: InviteMemberInput) -> InviteMemberPayload | None:
        sent_ = await invitation.invite(
            info.context, book_id=inside("bk", input.book_id), email=input.email, role=input.role
        )
        return InviteMemberPayload(invitation=cast(Any, sent_))

    @mutation("Takes an open invitation back. For owners.")
    async def revoke_invitation(self, info: Info, id: strawberry.ID) -> AcknowledgePayload | None:
        of = await invitation.revoke(info.context, inside("in", id))
        return AcknowledgePayload(ok=True, book=cast(Any, of), seq=of.seq)

    @mutation("Makes the caller a member, if the invitation is to their address. It can be repeated.")
    async def accept_invitation(
        self,
        info: Info,
        token: Annotated[str | None, strawberry.argument(description="From a mail.")] = strawberry.UNSET,
        id: Annotated[
            strawberry.ID | None, strawberry.argument(description="From `viewer.invitations`.")
        ] = strawberry.UNSET,
    ) -> BookPayload | None:
        if sent(token):
            return BookPayload.of(await invitation.accept(info.context, None, token))
        if not sent(id):
            raise Required("Which one? Its id says it, or the token of its mail.", "id")
        return BookPayload.of(await invitation.accept(info.context, inside("in", id or "")))

    @mutation("Removes an invitation to the caller.")
    async def decline_invitation(self, info: Info, id: strawberry.ID) -> AcknowledgePayload | None:
        await invitation.decline(info.context, inside("in", id))
        return AcknowledgePayload(ok=True)

    @mutation("Gives a member another role. For owners; the last owner stays one: CONFLICT.")
    async def update_member(self, info: Info, input: UpdateMemberInput) -> MemberPayload | None:
        of, changed = await member.update(
            info.context,
            book_id=inside("bk", input.book_id),
            user_id=inside("us", input.user_id),
            role=input.role,
        )
        return MemberPayload(member=cast(Any, changed), seq=of.seq)

    @mutation("Ends a membership: for owners, and one's own. The last owner stays: CONFLICT.")
    async def remove_member(
        self, info: Info, book_id: strawberry.ID, user_id: strawberry.ID
    ) -> AcknowledgePayload | None:
        of = await member.remove(info.context, book_id=inside("bk", book_id), user_id=inside("us", user_id))
        return AcknowledgePayload(ok=True, book=cast(Any, of), seq=of.seq)

    @mutation("Ends the caller's own membership. The last owner stays: CONFLICT.")
    async def leave_book(self, info: Info, id: strawberry.ID) -> AcknowledgePayload | None:
        of = await member.leave(info.context, inside("bk", id))
        return AcknowledgePayload(ok=True, book=cast(Any, of), seq=of.seq)
