"""The doors: each opened, then closed one condition at a time; and who may ask for what, all of it."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    build_schema,
    get_named_type,
)

from models import Book, Member, Page, Visibility
from models.columns import now
from resolvers.presence.room import PRESENT_LIMIT, key_of
from schema import EXPORTED
from storage.presence import State
from tests.client import Client
from tests.people import INVITE, ROLES, People, somebody, uuid_of

SCHEMA = build_schema(EXPORTED.read_text())
MATRIX: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("matrix.json").read_text())
NODE = "query Node($id: ID!) { node(id: $id) { id } }"
UPDATE = """
mutation Update($input: UpdateBookInput!) { updateBook(input: $input) { seq userErrors { code path } } }
"""


@pytest.mark.parametrize("kind", ["book", "page", "element", "image", "member", "invitation", "session", "user"])
async def test_each_condition_closes_its_door_by_itself(people: People, kind: str) -> None:
    """Each row: who asks, what takes one condition away, and what gives it back."""
    book, viewer, owner = (uuid_of(id) for id in (people.book_id, people.viewer.user_id, people.owner.user_id))
    [page] = await people.sql("SELECT id FROM pages WHERE book_id = $1", book)
    made = "mutation A($i: ApplyOperationsInput!) { applyOperations(input: $i) { results { element { id } } } }"
    placement = {"placement": {"x": 0, "y": 0, "width": 1, "height": 1}}
    drawn = {"bookId": people.book_id, "batchId": "one", "operations": [{"createCircle": placement}]}
    [result] = (await people.editor.ask(made, i=drawn)).it["results"]
    element = uuid_of(result["element"]["id"])
    image = uuid_of(await people.image(of=people.contributor))
    [member] = await people.sql("SELECT id FROM members WHERE book_id = $1 AND user_id = $2", book, owner)
    [session] = await people.sql("SELECT id FROM sessions WHERE user_id = $1", viewer)
    invitation = uuid_of(people.invitation_id)

    belongs = (
        f"UPDATE members SET user_id = '{uuid_of(people.stranger.user_id)}' WHERE book_id = '{book}'"
        f" AND user_id = '{viewer}'",
        f"UPDATE members SET user_id = '{viewer}' WHERE book_id = '{book}'"
        f" AND user_id = '{uuid_of(people.stranger.user_id)}'",
    )
    public = tuple(f"UPDATE books SET visibility = '{word}' WHERE id = '{book}'" for word in ("PRIVATE", "PUBLIC"))
    untrashed = tuple(f"UPDATE books SET deleted_at = {at} WHERE id = '{book}'" for at in ("now()", "NULL"))

    def set_(table: str, id: Any, shut: str, open_: str) -> tuple[str, str]:
        return (f"UPDATE {table} SET {shut} WHERE id = '{id}'", f"UPDATE {table} SET {open_} WHERE id = '{id}'")

    gone = ("deleted_at = now()", "deleted_at = NULL")
    book_doors: list[tuple[Client, tuple[str, ...]]] = [(people.viewer, belongs)]
    anyones: list[tuple[Client, tuple[str, ...]]] = [(people.nobody, public), (people.nobody, untrashed)]
    finished = set_("images", image, "status = 'PENDING'", "status = 'READY'")
    doors: dict[str, tuple[str, list[tuple[Client, tuple[str, ...]]]]] = {
        "book": (people.book_id, [*book_doors, *anyones]),
        "page": (f"pg_{page['id']}", [*book_doors, *anyones, (people.viewer, set_("pages", page["id"], *gone))]),
        "element": (f"el_{element}", [*book_doors, *anyones, (people.viewer, set_("elements", element, *gone))]),
        "image": (
            f"im_{image}",
            [*book_doors, *anyones, (people.viewer, set_("images", image, *gone)), (people.viewer, finished)],
        ),
        "member": (f"mb_{member['id']}", book_doors),
        "invitation": (
            people.invitation_id,
            [
                (people.owner, set_("members", member["id"], "role = 'EDITOR'", "role = 'OWNER'")),
                (people.owner, set_("invitations", invitation, "accepted_at = now()", "accepted_at = NULL")),
                (
                    people.owner,
                    set_("invitations", invitation, "expires_at = now()", "expires_at = now() + interval '1 day'"),
                ),
                (
                    people.invited,
                    set_("invitations", invitation, "email = 'x@example.org'", f"email = '{people.invited.email}'"),
                ),
                (people.invited, untrashed),
            ],
        ),
        "session": (
            f"se_{session['id']}",
            [
                (people.viewer, set_("sessions", session["id"], f"user_id = '{owner}'", f"user_id = '{viewer}'")),
                (people.viewer, set_("sessions", session["id"], "revoked_at = now()", "revoked_at = NULL")),
                (
                    people.viewer,
                    set_("sessions", session["id"], "expires_at = now()", "expires_at = now() + interval '1 day'"),
                ),
            ],
        ),
        "user": (
            people.owner.user_id,
            [
                *book_doors,
                *anyones,
                (people.nobody, set_("members", member["id"], "role = 'EDITOR'", "role = 'OWNER'")),
            ],
        ),
    }
    if kind in ("book", "page", "element", "image", "user"):
        await people.sql(public[1])
    id, conditions = doors[kind]
    for person, (shut, open_) in conditions:
        if (person, (shut, open_)) in book_doors:
            # A member's place is what counts where the book is not open to all.
            await people.sql(public[0])
        assert (await person.ask(NODE, id=id)).it == {"id": id}, f"closed without {shut}"
        await people.sql(shut)
        assert (await person.ask(NODE, id=id)).it is None, f"open in spite of {shut}"
        await people.sql(open_)
        if (person, (shut, open_)) in book_doors and kind != "member":
            await people.sql(public[1])


async def test_the_door_to_change_a_book_opens_to_enough_of_a_role(people: People) -> None:
    changes = {"VIEWER": (), "CONTRIBUTOR": (), "EDITOR": ("title",), "OWNER": ("title", "visibility")}
    values = {"title": "Another", "visibility": "PUBLIC"}
    member = people.viewer.user_id
    for role, allowed in changes.items():
        await people.sql(
            "UPDATE members SET role = $3 WHERE book_id = $1 AND user_id = $2",
            uuid_of(people.book_id),
            uuid_of(member),
            role,
        )
        for field, value in values.items():
            answer = await people.viewer.ask(UPDATE, input={"id": people.book_id, field: value})
            assert answer.code == (None if field in allowed else "FORBIDDEN"), (role, field)
    # It is public now: a stranger sees that they may not; nobody is asked who they are.
    given = {"id": people.book_id, "title": "No"}
    assert (await people.stranger.ask(UPDATE, input=given)).code == "FORBIDDEN"
    assert (await people.nobody.ask(UPDATE, input=given)).code == "UNAUTHENTICATED"
    await people.trash()
    assert (await people.owner.ask(UPDATE, input=given)).code == "GONE"
    assert (await people.stranger.ask(UPDATE, input=given)).code == "NOT_FOUND"


# ------------------------------------------------------------------ the matrix

WHO = ("nobody", "stranger", "VIEWER", "CONTRIBUTOR", "EDITOR", "OWNER", "nobody, public", "stranger, public")


class Cell:
    """Somebody in front of a book of its own, made for one question."""

    def __init__(self, people: People, who: str, me: Client) -> None:
        self.people = people
        self.who = who
        self.me = me
        self.book_id = ""

    async def prepare(self) -> None:
        public = self.who.endswith("public")
        book = Book(title="One", visibility=Visibility.PUBLIC if public else Visibility.PRIVATE)
        self.book_id = f"bk_{book.id}"
        places = {self.people.owner: "OWNER", self.people.viewer: "VIEWER"}
        if self.who in ROLES:
            places[self.me] = self.who
        async with self.people.app.parts.database.session.begin() as rows:
            rows.add(book)
            await rows.flush()
            rows.add(Page(book_id=book.id, order_key="a0"))
            for person, role in places.items():
                rows.add(Member(book_id=book.id, user_id=UUID(uuid_of(person.user_id)), role=role))

    async def invitation(self) -> str:
        """One to somebody else."""
        given = {"bookId": self.book_id, "email": "guest@example.org"}
        return str((await self.people.owner.ask(INVITE, input=given)).it["invitation"]["id"])


def _input(**fields: Any) -> dict[str, Any]:
    return {"input": fields}


async def _placed(cell: Cell) -> dict[str, Any]:
    placement = {"placement": {"x": 0, "y": 0, "width": 1, "height": 1}}
    return _input(bookId=cell.book_id, batchId="one", operations=[{"createCircle": placement}])


async def _file(cell: Cell) -> dict[str, Any]:
    file = {"filename": "a.jpg", "contentType": "image/jpeg", "size": 1, "sha256": "0" * 64}
    return _input(bookId=cell.book_id, files=[file])


async def _own_upload(cell: Cell) -> dict[str, Any]:
    """A photo that was refused: looked at again by its uploader, or by who would be it."""
    of = cell.me if cell.me.user_id else cell.people.owner
    return {"imageIds": [await cell.people.image("FAILED", of=of, book_id=cell.book_id)]}


async def _others_photo(cell: Cell) -> str:
    return await cell.people.image(of=cell.people.owner, book_id=cell.book_id)


async def _captioned(cell: Cell) -> dict[str, Any]:
    return _input(id=await _others_photo(cell), caption="The sea")


async def _photos(cell: Cell) -> dict[str, Any]:
    return {"ids": [await _others_photo(cell)]}


async def _others_session(cell: Cell) -> dict[str, Any]:
    owner = uuid_of(cell.people.owner.user_id)
    [session] = await cell.people.sql("SELECT id FROM sessions WHERE user_id = $1", owner)
    return {"id": f"se_{session['id']}"}


async def _others_invitation(cell: Cell) -> dict[str, Any]:
    return {"id": await cell.invitation()}


async def _present(cell: Cell) -> dict[str, Any]:
    """With a presence of their own, in some other process, for those who may have one."""
    client_id, parts = uuid4(), cell.people.app.parts
    if cell.me.token:
        claims = parts.tokens.verify(cell.me.token)
        state = State(uuid4(), claims.user_id, "VIEWER", now())
        await parts.presences.store.join(
            UUID(uuid_of(cell.book_id)), key_of(claims.session_id, client_id), state, PRESENT_LIMIT
        )
    return _input(bookId=cell.book_id, clientId=str(client_id), cursor={"x": 1, "y": 2})


def _at_once(arguments: Callable[[Cell], dict[str, Any]]) -> Callable[[Cell], Awaitable[dict[str, Any]]]:
    async def of(cell: Cell) -> dict[str, Any]:
        return arguments(cell)

    return of


#: What each field is asked with: the book, something of it, or what has nothing to do with it.
ASKED: dict[str, Callable[[Cell], Awaitable[dict[str, Any]]]] = {
    "Query.node": _at_once(lambda cell: {"id": cell.book_id}),
    "Query.nodes": _at_once(lambda cell: {"ids": [cell.book_id]}),
    "Query.viewer": _at_once(lambda cell: {}),
    "Query.book": _at_once(lambda cell: {"id": cell.book_id}),
    "Query.books": _at_once(lambda cell: {}),
    "Query.users": _at_once(lambda cell: {}),
    "Mutation.signUp": _at_once(
        lambda cell: _input(name="A", email=f"{cell.book_id}@example.org", password="by the sea 1843")
    ),
    "Mutation.signIn": _at_once(lambda cell: _input(email=f"{cell.book_id}@example.org", password="no such one")),
    "Mutation.refreshSession": _at_once(lambda cell: {"refreshToken": "no such one"}),
    "Mutation.renewConnection": _at_once(lambda cell: {"accessToken": str(cell.me.token)}),
    "Mutation.signOut": _at_once(lambda cell: {}),
    "Mutation.revokeSession": _others_session,
    "Mutation.revokeOtherSessions": _at_once(lambda cell: {}),
    "Mutation.signInAsGuest": _at_once(lambda cell: _input()),
    "Mutation.completeChallenge": _at_once(lambda cell: _input(challengeToken="no such one")),
    "Mutation.requestPasswordReset": _at_once(lambda cell: {"email": f"{cell.book_id}@example.org"}),
    "Mutation.resetPassword": _at_once(lambda cell: _input(token="no such one", newPassword="up the hill 1791")),
    "Mutation.changePassword": _at_once(
        lambda cell: _input(currentPassword="no such one", newPassword="up the hill 1791")
    ),
    "Mutation.changeEmail": _at_once(lambda cell: _input(password="no such one", newEmail="new@example.org")),
    "Mutation.requestEmailVerification": _at_once(lambda cell: {}),
    "Mutation.verifyEmail": _at_once(lambda cell: {"token": "no such one"}),
    "Mutation.beginTwoFactor": _at_once(lambda cell: {"password": "no such one"}),
    "Mutation.confirmTwoFactor": _at_once(lambda cell: {"code": "123456"}),
    "Mutation.disableTwoFactor": _at_once(lambda cell: _input(password="no such one", code="123456")),
    "Mutation.regenerateRecoveryCodes": _at_once(lambda cell: {"password": "no such one", "code": "123456"}),
    "Mutation.updateViewer": _at_once(lambda cell: _input(name="Me")),
    "Mutation.deleteViewer": _at_once(lambda cell: {"password": "no such one"}),
    "Mutation.setUserActive": _at_once(lambda cell: {"userId": cell.people.viewer.user_id, "active": False}),
    "Mutation.beginPasskeyRegistration": _at_once(lambda cell: {"password": "no such one"}),
    "Mutation.completePasskeyRegistration": _at_once(lambda cell: {"name": "Mine", "credential": {}}),
    "Mutation.deletePasskey": _at_once(lambda cell: {"id": f"pk_{uuid4()}", "password": "no such one"}),
    "Mutation.beginPasskeySignIn": _at_once(lambda cell: {}),
    "Mutation.completePasskeySignIn": _at_once(lambda cell: {"credential": {}}),
    "Mutation.beginIdentitySignIn": _at_once(lambda cell: {"provider": "none", "redirectUri": "http://a.example"}),
    "Mutation.completeIdentitySignIn": _at_once(lambda cell: _input(provider="none", response={})),
    "Mutation.unlinkIdentity": _at_once(lambda cell: {"id": f"io_{uuid4()}"}),
    "Mutation.createBook": _at_once(lambda cell: _input(title="Mine")),
    "Mutation.updateBook": _at_once(lambda cell: _input(id=cell.book_id, title="Ours")),
    "Mutation.deleteBook": _at_once(lambda cell: {"id": cell.book_id}),
    "Mutation.restoreBook": _at_once(lambda cell: {"id": cell.book_id}),
    "Mutation.duplicateBook": _at_once(lambda cell: {"id": cell.book_id}),
    "Mutation.inviteMember": _at_once(lambda cell: _input(bookId=cell.book_id, email="new@example.org")),
    "Mutation.revokeInvitation": _others_invitation,
    "Mutation.acceptInvitation": _others_invitation,
    "Mutation.declineInvitation": _others_invitation,
    "Mutation.updateMember": _at_once(
        lambda cell: _input(bookId=cell.book_id, userId=cell.people.viewer.user_id, role="EDITOR")
    ),
    "Mutation.removeMember": _at_once(
        lambda cell: {"bookId": cell.book_id, "userId": cell.people.viewer.user_id},
    ),
    "Mutation.leaveBook": _at_once(lambda cell: {"id": cell.book_id}),
    "Mutation.applyOperations": _placed,
    "Mutation.requestUploads": _file,
    "Mutation.completeUploads": _own_upload,
    "Mutation.updateImage": _captioned,
    "Mutation.deleteImages": _photos,
    "Mutation.restoreImages": _photos,
    "Mutation.updatePresence": _present,
}


def _fields() -> dict[str, GraphQLField]:
    """Every field that a client can begin with, but for the subscriptions: theirs are in test_event.py."""
    assert SCHEMA.query_type and SCHEMA.mutation_type
    return {
        f"{type_.name}.{name}": field
        for type_ in (SCHEMA.query_type, SCHEMA.mutation_type)
        for name, field in type_.fields.items()
    }


def _document(name: str, field: GraphQLField) -> str:
    """Asks for the field with all of its arguments, and for no more than whether it was done."""
    kind, _, field_name = name.partition(".")
    declared = ", ".join(f"${argument}: {of.type}" for argument, of in field.args.items())
    given = ", ".join(f"{argument}: ${argument}" for argument in field.args)
    shown = get_named_type(field.type)
    composite = isinstance(shown, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType)
    refuses = isinstance(shown, GraphQLObjectType) and "userErrors" in shown.fields
    selection = f"{{ __typename {'userErrors { code path message }' if refuses else ''} }}" if composite else ""
    head = f"{kind.lower()} Asked({declared})" if declared else f"{kind.lower()} Asked"
    return f"{head} {{ {field_name}{f'({given})' if given else ''} {selection} }}"


def test_every_field_has_its_row() -> None:
    assert set(ASKED) == set(_fields())
    assert set(MATRIX) == set(_fields())
    assert {tuple(row) for row in MATRIX.values()} == {WHO}


@pytest.mark.parametrize("who", WHO)
async def test_who_may_ask_for_what_is_as_the_matrix_says(people: People, who: str) -> None:
    """`ok` is done, `nothing` is null without an error, and the rest is the code of the refusal."""
    found = {}
    fields = _fields()
    # Last, since nobody asks for more once they have signed out.
    fields["Mutation.signOut"] = fields.pop("Mutation.signOut")
    me = people.nobody if who.startswith("nobody") else await somebody(people.app, people.nobody, "Me")
    for name, field in fields.items():
        cell = Cell(people, who, me)
        await cell.prepare()
        answer = await cell.me.ask(_document(name, field), **await ASKED[name](cell))
        assert answer.code not in ("INTERNAL", "UNAVAILABLE"), (name, answer)
        value = (answer.data or {}).get(name.partition(".")[2])
        found[name] = answer.code or ("nothing" if value in (None, [None]) else "ok")
    assert found == {name: row[who] for name, row in MATRIX.items()}
