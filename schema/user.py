"""People, and the caller among them."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import models
from models.user import Language
from resolvers import invitation, member, session
from resolvers.user import Self
from schema.base import Info, Node, id_of, shows
from schema.session import Session

if TYPE_CHECKING:
    from schema.invitation import Invitation
    from schema.member import Member


@strawberry.type(description="A person, as others see them.")
class User(Node):
    id: strawberry.ID = id_of("us")
    name: str = shows("1 to 100 characters.")
    is_guest: bool = shows("Whether they have no account yet.")

    @classmethod
    def is_type_of(cls, obj: Any, info: Info) -> bool:
        return isinstance(obj, models.User)


@strawberry.type(description="The caller, with what only they may see.")
class Viewer(Node):
    id: strawberry.ID = id_of("vw")

    @classmethod
    def is_type_of(cls, obj: Any, info: Info) -> bool:
        return isinstance(obj, Self)

    @strawberry.field(description="As others see them.")
    def user(root: strawberry.Parent[Self]) -> User:
        return root.user  # type: ignore[return-value]

    @strawberry.field(description="As it was given, with its capitals.")
    def email(root: strawberry.Parent[Self]) -> str | None:
        return root.user.email

    @strawberry.field(description="The language of mails and sentences.")
    def language(root: strawberry.Parent[Self]) -> Language:
        return Language(root.user.language)

    @strawberry.field(description="The one that this request came with.")
    async def session(self, info: Info) -> Session:
        return await session.current(info.context)  # type: ignore[return-value]

    @strawberry.field(description="All that have not ended, newest first.")
    async def sessions(self, info: Info) -> list[Session]:
        return await session.mine(info.context)  # type: ignore[return-value]

    @strawberry.field(description="Their place in each of their books, newest first.")
    async def memberships(self, info: Info) -> list[Annotated["Member", strawberry.lazy("schema.member")]]:
        return await member.memberships(info.context)  # type: ignore[return-value]

    @strawberry.field(description="Open invitations to their address, newest first.")
    async def invitations(self, info: Info) -> list[Annotated["Invitation", strawberry.lazy("schema.invitation")]]:
        return await invitation.mine(info.context)  # type: ignore[return-value]
