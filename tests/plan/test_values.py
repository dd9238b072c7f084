"""What is answered is what the tables hold, for those who may see it: reckoned here anew, in Python."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
import pytest_asyncio

from tests.plan.conftest import Library
from tests.plan.ways import answered

PEOPLE = ("owner", "viewer", "second", "guest", "stranger", "nobody")
TABLES = ("users", "sessions", "books", "members", "pages", "images", "elements", "invitations")
#: Of each type the fields that are columns, by the names of both.
_COMMON = "pageId:page_id x y width height scaleX:scale_x scaleY:scale_y angle opacity orderKey:order_key locked seq"
_ELEMENT = f"{_COMMON} createdAt:created_at updatedAt:updated_at"
_LINE = "stroke strokeWidth:stroke_width"
OWN = {
    "Book": "title description visibility seq epoch createdAt:created_at updatedAt:updated_at deletedAt:deleted_at",
    "Page": "name orderKey:order_key width height background",
    "Image": (
        "status failureReason:failure_reason filename contentType:content_type size sha256 width height"
        " thumbhash takenAt:taken_at caption createdAt:created_at deletedAt:deleted_at"
    ),
    "Member": "role joinedAt:joined_at",
    "Invitation": "bookId:book_id email role createdAt:created_at expiresAt:expires_at",
    "Session": (
        "ipAddress:ip_address userAgent:user_agent createdAt:created_at lastSeenAt:last_seen_at expiresAt:expires_at"
    ),
    "User": "name isGuest:is_guest",
    "Viewer": "email language",
    "ImageElement": f"{_ELEMENT} imageId:image_id cornerRadius:corner_radius crop",
    "TextElement": f"{_ELEMENT} content fontSize:font_size fontFamily:font_family color align",
    "RectangleElement": f"{_ELEMENT} fill {_LINE} cornerRadius:corner_radius",
    "CircleElement": f"{_ELEMENT} fill {_LINE}",
    "DrawingElement": f"{_ELEMENT} {_LINE} points",
}
_BELOW = {"crop": " { x y width height }", "points": " { x y }"}
_PREFIXES = {"pageId": "pg", "imageId": "im", "bookId": "bk"}
Rows = list[Mapping[str, Any]]


def pairs(type_: str) -> list[tuple[str, str]]:
    return [(name, column or name) for name, _, column in (each.partition(":") for each in OWN[type_].split())]


def nodes_document() -> str:
    """Keys that carry the type: the same name is of several."""
    parts = []
    for type_ in OWN:
        fields = " ".join(f"{type_}_{name}: {name}{_BELOW.get(name, '')}" for name, _ in pairs(type_))
        parts.append(f"... on {type_} {{ id {fields} }}")
    return f"query Nodes($ids: [ID!]!) {{ nodes(ids: $ids) {{ __typename {' '.join(parts)} }} }}"


@dataclass(frozen=True)
class Tables:
    """All rows, and what may be seen of them."""

    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    now: datetime

    def where(self, table: str, **values: Any) -> Rows:
        return [row for row in self.rows[table] if all(row[name] == value for name, value in values.items())]

    def role(self, me: UUID | None, book_id: UUID) -> str | None:
        return next((row["role"] for row in self.where("members", user_id=me, book_id=book_id)), None)

    def sees_book(self, me: UUID | None, book_id: UUID) -> bool:
        [book] = self.where("books", id=book_id)
        return bool(self.role(me, book_id)) or (book["visibility"] == "PUBLIC" and book["deleted_at"] is None)

    def sees_image(self, me: UUID | None, image: Mapping[str, Any]) -> bool:
        listed = image["status"] != "PENDING" or (me is not None and image["uploader_id"] == me)
        return image["deleted_at"] is None and listed and self.sees_book(me, image["book_id"])

    def is_open(self, invitation: Mapping[str, Any]) -> bool:
        return invitation["accepted_at"] is None and invitation["expires_at"] > self.now

    def sees_invitation(self, me: UUID | None, invitation: Mapping[str, Any]) -> bool:
        [book] = self.where("books", id=invitation["book_id"])
        emails = [row["email"].casefold() for row in self.where("users", id=me)]
        is_mine = invitation["email"].casefold() in emails and book["deleted_at"] is None
        return self.is_open(invitation) and (self.role(me, book["id"]) == "OWNER" or is_mine)

    def sees_user(self, me: UUID | None, user: Mapping[str, Any]) -> bool:
        if self.where("users", id=me, is_administrator=True):
            return True
        for member in self.where("members", user_id=user["id"]):
            [book] = self.where("books", id=member["book_id"])
            shown = member["role"] == "OWNER" and book["visibility"] == "PUBLIC" and book["deleted_at"] is None
            if shown or self.role(me, book["id"]):
                return True
        return bool(user["id"] == me)

    def seen(self, me: UUID | None) -> dict[str, tuple[str, Mapping[str, Any]]]:
        """By its id, the type and the row of all that they see."""
        is_kept: Callable[[Any], bool] = lambda row: row["deleted_at"] is None and self.sees_book(me, row["book_id"])  # noqa: E731
        found = [
            *(("bk", "Book", row) for row in self.rows["books"] if self.sees_book(me, row["id"])),
            *(("pg", "Page", row) for row in self.rows["pages"] if is_kept(row)),
            *(("el", f"{row['kind'].title()}Element", row) for row in self.rows["elements"] if is_kept(row)),
            *(("im", "Image", row) for row in self.rows["images"] if self.sees_image(me, row)),
            *(("mb", "Member", row) for row in self.rows["members"] if self.role(me, row["book_id"])),
            *(("in", "Invitation", row) for row in self.rows["invitations"] if self.sees_invitation(me, row)),
            *(
                ("se", "Session", row)
                for row in self.where("sessions", user_id=me, revoked_at=None)
                if row["expires_at"] > self.now
            ),
            *(("us", "User", row) for row in self.rows["users"] if self.sees_user(me, row)),
            *(("vw", "Viewer", row) for row in self.where("users", id=me)),
        ]
        return {f"{prefix}_{row['id']}": (type_, row) for prefix, type_, row in found}

    def elements(self, book_id: UUID) -> list[str]:
        pages = {row["id"]: row for row in self.rows["pages"]}
        live = self.where("elements", book_id=book_id, deleted_at=None)
        order = sorted(live, key=lambda row: (*_place(pages[row["page_id"]]), *_place(row)))
        return [f"el_{row['id']}" for row in order]


def _place(row: Mapping[str, Any]) -> tuple[str, bytes]:
    return row["order_key"], row["id"].bytes


@pytest_asyncio.fixture(scope="module")
async def tables(library: Library) -> Tables:
    async with library.app.parts.database.connection() as connection:
        rows = {table: [dict(row) for row in await connection.rows(f"SELECT * FROM {table}")] for table in TABLES}
    return Tables(rows, datetime.now(UTC))


def me_of(library: Library, name: str) -> UUID | None:
    return None if name == "nobody" else library.shelves.users[name].id


async def ask(library: Library, name: str, text: str, **variables: Any) -> Any:
    answer = await answered(library.ways.direct, text, variables, library.shelves.tokens[name])
    assert not answer.errors, answer.errors
    [value] = orjson.loads(answer.text)["data"].values()
    return value


def shown(name: str, value: Any) -> Any:
    """How the contract writes what the column holds."""
    if isinstance(value, UUID):
        return f"{_PREFIXES[name]}_{value}"
    if name in _BELOW and isinstance(value, str):
        return orjson.loads(value)
    return value


def read(value: Any, like: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(like, datetime) and value is not None else value


@pytest.mark.parametrize("name", PEOPLE)
async def test_every_row_is_seen_as_it_is_by_those_who_may_and_is_nothing_to_others(
    library: Library, tables: Tables, name: str
) -> None:
    seen = tables.seen(me_of(library, name))
    ids = [id for each in library.shelves.ids.values() for id in each]
    assert {*seen} <= {*ids} and len(seen) > (20 if name == "nobody" else 40)
    for start in range(0, len(ids), 100):
        asked = ids[start : start + 100]
        for id, node in zip(asked, await ask(library, name, nodes_document(), ids=asked), strict=True):
            if id not in seen:
                assert node is None, (id, node)
                continue
            type_, row = seen[id]
            expected = {f"{type_}_{field}": shown(field, row[column]) for field, column in pairs(type_)}
            if type_ == "Image" and not tables.role(me_of(library, name), row["book_id"]):
                expected |= {"Image_filename": "photo", "Image_size": 0, "Image_sha256": ""}
            assert node is not None, (id, type_)
            got = {key: read(node[key], expected[key]) for key in expected}
            assert got == expected
            assert (node["__typename"], node["id"], len(node)) == (type_, id, len(expected) + 2)


def test_all_own_fields_are_compared(library: Library) -> None:
    built = library.app.endpoint.means.schema._schema
    elsewhere = {"id", "url", "device", "current", "placementCount", "elementCount", "memberCount", "viewerRole"}
    # Of other tables than the account's own, or no column's: tests/accounts.
    elsewhere |= {"emailVerified", "twoFactorEnabled", "recoveryCodesLeft", "permissions"}
    for type_ in OWN:
        fields: Mapping[str, Any] = built.type_map[type_].fields  # type: ignore[attr-defined]
        plain = {name for name, each in fields.items() if not hasattr(_bare(each.type), "fields")} - elsewhere
        if type_ in ("Member", "Invitation"):
            plain -= {"email", "bookTitle"} if type_ == "Member" else {"bookTitle"}
        assert plain <= {name for name, _ in pairs(type_)}, type_


def _bare(type_: Any) -> Any:
    while hasattr(type_, "of_type"):
        type_ = type_.of_type
    return type_


BOOK = """
query Book($id: ID!) {
  book(id: $id) {
    viewerRole owner { id } cover { id } elementCount memberCount
    pages { id elements { id page { id } book { id } createdBy { id } updatedBy { id } } }
    elements { id ... on ImageElement { image { id } } }
    members { id email user { id } book { id } }
    invitations { id bookTitle book { id } invitedBy { id } }
    images(first: 100) { totalCount nodes { id placementCount uploader { id } url } }
    mine: images(first: 100, uploader: VIEWER) { totalCount nodes { id } }
    anyone: images(uploader: ANYONE) { totalCount }
    trashed: images(first: 100, trashed: true) { totalCount nodes { id } }
  }
}
"""


def one(prefix: str, id: Any) -> dict[str, str] | None:
    return None if id is None else {"id": f"{prefix}_{id}"}


@pytest.mark.parametrize("name", PEOPLE)
async def test_what_hangs_on_a_book_is_what_the_viewer_may_see_of_it_in_its_order(
    library: Library, tables: Tables, name: str
) -> None:
    me = me_of(library, name)
    seen = [row for row in tables.rows["books"] if tables.sees_book(me, row["id"])]
    assert seen
    for book in seen:
        got = await ask(library, name, BOOK, id=f"bk_{book['id']}")
        role, here = tables.role(me, book["id"]), {"book_id": book["id"]}
        members = tables.where("members", **here)
        owners = tables.where("members", **here, role="OWNER")
        owners.sort(key=lambda row: (row["owner_since"], row["id"].bytes))
        assert (got["viewerRole"], got["owner"]) == (role, one("us", owners[0]["user_id"]))
        images = {row["id"]: row for row in tables.where("images", **here)}
        live = {id: row for id, row in images.items() if row["deleted_at"] is None}
        assert got["cover"] == one("im", book["cover_image_id"] if book["cover_image_id"] in live else None)

        pages = sorted(tables.where("pages", **here, deleted_at=None), key=_place)
        assert [page["id"] for page in got["pages"]] == [f"pg_{row['id']}" for row in pages]
        elements = {f"el_{row['id']}": row for row in tables.where("elements", **here, deleted_at=None)}
        assert [each["id"] for each in got["elements"]] == tables.elements(book["id"])
        assert got["elementCount"] == len(elements)
        for each in got["elements"]:
            if "image" in each:
                image_id = elements[each["id"]]["image_id"]
                assert each["image"] == one("im", image_id if image_id in live else None)
        for page in got["pages"]:
            laid = sorted(tables.where("elements", page_id=UUID(page["id"][3:]), deleted_at=None), key=_place)
            assert page["elements"] == [
                {
                    "id": f"el_{row['id']}",
                    "page": {"id": page["id"]},
                    "book": one("bk", book["id"]),
                    "createdBy": one("us", row["created_by"]),
                    "updatedBy": one("us", row["updated_by"]),
                }
                for row in laid
            ]

        emails = {row["id"]: row["email"] for row in tables.rows["users"]}
        shown_members = sorted(members, key=lambda row: (row["joined_at"], row["id"].bytes)) if role else []
        assert got["memberCount"] == len(shown_members)
        assert got["members"] == [
            {
                "id": f"mb_{row['id']}",
                "email": emails[row["user_id"]] if role == "OWNER" or row["user_id"] == me else None,
                "user": one("us", row["user_id"]),
                "book": one("bk", book["id"]),
            }
            for row in shown_members
        ]
        invitations = [row for row in tables.where("invitations", **here) if tables.is_open(row) and role == "OWNER"]
        invitations.sort(key=lambda row: (-row["created_at"].timestamp(), row["id"].bytes))
        assert got["invitations"] == [
            {
                "id": f"in_{row['id']}",
                "bookTitle": book["title"],
                "book": one("bk", book["id"]),
                "invitedBy": one("us", row["invited_by"]),
            }
            for row in invitations
        ]

        is_mine: Callable[[Any], bool] = lambda row: me is not None and row["uploader_id"] == me  # noqa: E731
        listed = [row for row in images.values() if row["status"] != "PENDING" or is_mine(row)]
        listed.sort(key=lambda row: row["id"].bytes, reverse=True)
        shown_images = [row for row in listed if row["deleted_at"] is None]
        trash = [row for row in listed if row["deleted_at"] is not None and role]
        assert [each["id"] for each in got["images"]["nodes"]] == [f"im_{row['id']}" for row in shown_images]
        for each, row in zip(got["images"]["nodes"], shown_images, strict=True):
            placed = [each for each in elements.values() if each["image_id"] == row["id"]]
            assert (each["placementCount"], each["uploader"]) == (len(placed), one("us", row["uploader_id"]))
            assert (each["url"] is not None) == (row["status"] == "READY")
            assert each["url"] is None or str(row["id"]) in each["url"]
        mine = [row for row in shown_images if is_mine(row)]
        assert got["mine"] == {"totalCount": len(mine), "nodes": [one("im", row["id"]) for row in mine]}
        assert got["trashed"] == {"totalCount": len(trash), "nodes": [one("im", row["id"]) for row in trash]}
        assert got["images"]["totalCount"] == got["anyone"]["totalCount"] == len(shown_images)


VIEWER = """
{ viewer {
  id user { id } session { id current } sessions { id current device { name platform } }
  memberships { id book { id } } invitations { id book { id } }
} }
"""


@pytest.mark.parametrize("name", PEOPLE[:-1])
async def test_the_caller_sees_what_is_theirs(library: Library, tables: Tables, name: str) -> None:
    me = me_of(library, name)
    got = await ask(library, name, VIEWER)
    assert (got["id"], got["user"]) == (f"vw_{me}", one("us", me))
    live = {row["id"] for row in tables.rows["books"] if row["deleted_at"] is None}
    sessions = [row for row in tables.where("sessions", user_id=me, revoked_at=None) if row["expires_at"] > tables.now]
    sessions.sort(key=lambda row: row["id"].bytes, reverse=True)
    current = got["session"]["id"]
    assert got["session"]["current"] is True
    assert got["sessions"] == [
        {
            "id": f"se_{row['id']}",
            "current": f"se_{row['id']}" == current,
            "device": {"name": row["device_name"], "platform": row["device_platform"]}
            if row["device_name"] is not None and row["device_platform"] is not None
            else None,
        }
        for row in sessions
    ]
    memberships = [row for row in tables.where("members", user_id=me) if row["book_id"] in live]
    memberships.sort(key=lambda row: (-row["joined_at"].timestamp(), row["id"].bytes))
    assert got["memberships"] == [{"id": f"mb_{row['id']}", "book": one("bk", row["book_id"])} for row in memberships]
    [email] = [row["email"].casefold() for row in tables.where("users", id=me)]
    invited = [
        row
        for row in tables.rows["invitations"]
        if row["email"].casefold() == email and tables.is_open(row) and row["book_id"] in live
    ]
    invited.sort(key=lambda row: (-row["created_at"].timestamp(), row["id"].bytes))
    assert got["invitations"] == [
        {"id": f"in_{row['id']}", "book": one("bk", row["book_id"]) if tables.sees_book(me, row["book_id"]) else None}
        for row in invited
    ]


SLICE = """
query Slice($after: String, $first: Int, $role: Role, $trashed: Boolean) {
  books(after: $after, first: $first, role: $role, trashed: $trashed) {
    totalCount
    edges { cursor node { id } }
    nodes { id }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


@pytest.mark.parametrize("first", [1, 2, 100])
@pytest.mark.parametrize("name", ["owner", "viewer", "stranger"])
@pytest.mark.parametrize("filters", [{}, {"role": "OWNER"}, {"role": "EDITOR"}, {"trashed": True}, {"trashed": False}])
async def test_a_list_read_by_slices_is_the_list(
    library: Library, tables: Tables, name: str, filters: dict[str, Any], first: int
) -> None:
    me = me_of(library, name)
    books = [
        row
        for row in tables.rows["books"]
        if (role := tables.role(me, row["id"]))
        and filters.get("role", role) == role
        and (row["deleted_at"] is not None) is filters.get("trashed", False)
    ]
    books.sort(key=lambda row: (row["updated_at"], row["id"].bytes), reverse=True)
    expected = [f"bk_{row['id']}" for row in books]
    after, found = None, []
    for _ in range(len(books) + 1):
        got = await ask(library, name, SLICE, after=after, first=first, **filters)
        info, edges = got["pageInfo"], got["edges"]
        found += [edge["node"]["id"] for edge in edges]
        assert got["nodes"] == [edge["node"] for edge in edges]
        assert (got["totalCount"], len(edges)) == (len(books), min(first, len(books) - len(found) + len(edges)))
        assert info["hasPreviousPage"] is (after is not None and bool(edges))
        assert info["hasNextPage"] is (len(found) < len(books))
        cursors = [edge["cursor"] for edge in edges]
        assert (info["startCursor"], info["endCursor"]) == ((cursors[0], cursors[-1]) if cursors else (None, None))
        for cursor, edge in zip(cursors, edges, strict=True):
            moment, id = orjson.loads(base64.urlsafe_b64decode(cursor))
            [book] = tables.where("books", id=UUID(id))
            assert (datetime.fromisoformat(moment), edge["node"]["id"]) == (book["updated_at"], f"bk_{id}")
        if not info["hasNextPage"]:
            break
        after = info["endCursor"]
    assert found == expected
