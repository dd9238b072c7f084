"""Books: made once, changed by those who may, read by those who may."""

import asyncio
from typing import Any
from uuid import uuid4

from tests.client import EVENTS, Client, apply, placed
from tests.operation.test_statements import statements
from tests.people import People, join, made_book, uuid_of

CREATE = """
mutation Create($input: CreateBookInput!) {
  createBook(input: $input) {
    book { id title description visibility viewerRole seq pages { id width height } owner { id } deletedAt }
    seq
    userErrors { code path }
  }
}
"""
UPDATE = """
mutation Update($input: UpdateBookInput!) {
  updateBook(input: $input) {
    book { title description visibility cover { id } seq }
    seq
    userErrors { code path }
  }
}
"""
READ = "query Book($id: ID!) { book(id: $id) { title description visibility cover { id } seq } }"
BOOKS = """
query Books($role: Role, $trashed: Boolean) {
  books(role: $role, trashed: $trashed) { nodes { id } totalCount }
}
"""
PUBLIC = """
query Book($id: ID!) {
  book(id: $id) {
    title description visibility viewerRole memberCount elementCount
    owner { id name }
    pages { id elements { __typename } }
    elements { __typename createdBy { name } }
    images { nodes { id status uploader { name } } totalCount }
    trashed: images(trashed: true) { totalCount }
    mine: images(uploader: VIEWER) { totalCount }
    members { id }
    invitations { id }
  }
}
"""


async def test_a_book_is_born_with_one_infinite_page_and_an_owner(people: People) -> None:
    made = (await people.stranger.ask(CREATE, input={"title": "  Überall  ", "description": "Hier"})).it["book"]
    [page] = made.pop("pages")
    assert (page["width"], page["height"]) == (None, None)
    assert made == {
        "id": made["id"],
        "title": "Überall",
        "description": "Hier",
        "visibility": "PRIVATE",
        "viewerRole": "OWNER",
        "seq": 0,
        "owner": {"id": people.stranger.user_id},
        "deletedAt": None,
    }


async def test_the_same_client_id_gives_the_first_book_also_to_twenty_at_once(people: People) -> None:
    given = {"title": "Once", "clientId": str(uuid4())}
    answers = await asyncio.gather(*(people.stranger.ask(CREATE, input=given) for _ in range(20)))
    assert len({answer.it["book"]["id"] for answer in answers}) == 1
    again = (await people.stranger.ask(CREATE, input={**given, "title": "Twice"})).it["book"]
    assert (again["id"], again["title"]) == (answers[0].it["book"]["id"], "Once")
    assert (await people.stranger.ask(BOOKS)).it["totalCount"] == 2
    # It counts for each person by themself.
    other = (await people.viewer.ask(CREATE, input=given)).it["book"]
    assert other["id"] != again["id"]

    # Who has left the book since cannot have it again, nor another one.
    await people.sql("DELETE FROM members WHERE book_id = $1", uuid_of(other["id"]))
    gone = await people.viewer.ask(CREATE, input=given)
    assert (gone.code, gone.path) == ("GONE", ["input", "clientId"])


async def test_what_is_no_book_is_not_made(people: People) -> None:
    person = people.invited
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"title": ""}, "title"),
        ({"title": " \n\t"}, "title"),
        ({"title": "x" * 101}, "title"),
        ({"title": "x", "description": "x" * 2001}, "description"),
        ({"title": "x", "clientId": ""}, "clientId"),
        ({"title": "x", "clientId": str(uuid4()).upper()}, "clientId"),
        ({"title": "x", "clientId": uuid4().hex}, "clientId"),
    ]
    for given, path in refusals:
        refused = await person.ask(CREATE, input=given)
        assert (refused.code, refused.path) == ("INVALID", ["input", path]), given
        assert refused.data == {"createBook": {"book": None, "seq": None, "userErrors": refused.user_errors}}
    assert (await people.nobody.ask(CREATE, input={"title": "x"})).code == "UNAUTHENTICATED"
    assert (await person.ask(BOOKS)).it == {"nodes": [], "totalCount": 0}
    widest = {"title": "x" * 100, "description": "\U0001f4d6" * 2000}
    assert (await person.ask(CREATE, input=widest)).it["book"]["description"] == widest["description"]


async def test_only_what_is_sent_changes_and_only_a_change_is_told(people: People) -> None:
    book = people.book_id
    image = await people.image()
    seq = await people.seq()
    async with people.viewer.follow(EVENTS, bookId=book, after=seq) as events:
        changed = (await people.editor.ask(UPDATE, input={"id": book, "description": "Waves"})).it
        assert changed["book"]["title"] == "By the sea"
        assert (changed["seq"], changed["book"]["seq"]) == (seq + 1, seq + 1)
        assert (await people.editor.ask(UPDATE, input={"id": book, "description": "Waves"})).it["seq"] == seq + 1
        covered = (await people.editor.ask(UPDATE, input={"id": book, "coverImageId": image})).it["book"]
        assert (covered["cover"], covered["description"]) == ({"id": image}, "Waves")
        same = (await people.editor.ask(UPDATE, input={"id": book, "coverImageId": image})).it
        assert same["seq"] == seq + 2
        cleared = {"id": book, "coverImageId": None, "description": None, "title": " The sea "}
        assert (await people.editor.ask(UPDATE, input=cleared)).it["book"] == {
            "title": "The sea",
            "description": None,
            "visibility": "PRIVATE",
            "cover": None,
            "seq": seq + 3,
        }
        told = await events.take(3)
        assert [(event["__typename"], event["seq"]) for event in told] == [
            ("BookChanged", seq + number) for number in (1, 2, 3)
        ]
    assert await people.seq() == seq + 3


async def test_a_change_that_is_refused_changes_nothing(people: People) -> None:
    book = people.book_id
    elsewhere = await made_book(people.stranger)
    foreign, failed = await people.image(book_id=elsewhere), await people.image("FAILED")
    trashed = await people.image(trashed=True)
    before = (await people.owner.ask(READ, id=book)).it
    refusals: list[tuple[Client, dict[str, Any], str, list[str] | None]] = [
        (people.editor, {"title": None}, "INVALID", ["input", "title"]),
        (people.editor, {"title": " "}, "INVALID", ["input", "title"]),
        (people.editor, {"description": "x" * 2001}, "INVALID", ["input", "description"]),
        (people.owner, {"visibility": None}, "INVALID", ["input", "visibility"]),
        (people.editor, {"title": "No", "coverImageId": foreign}, "NOT_FOUND", ["input", "coverImageId"]),
        (people.editor, {"title": "No", "coverImageId": failed}, "NOT_FOUND", ["input", "coverImageId"]),
        (people.editor, {"title": "No", "coverImageId": trashed}, "NOT_FOUND", ["input", "coverImageId"]),
        (people.editor, {"title": "No", "coverImageId": f"im_{uuid4()}"}, "NOT_FOUND", ["input", "coverImageId"]),
        (people.editor, {"title": "No", "coverImageId": "nonsense"}, "NOT_FOUND", ["input", "coverImageId"]),
        # Visibility is for owners, whatever else is sent with it.
        (people.editor, {"title": "No", "visibility": "PRIVATE"}, "FORBIDDEN", None),
        (people.contributor, {"title": "No"}, "FORBIDDEN", None),
        (people.stranger, {"title": "No"}, "NOT_FOUND", None),
    ]
    for person, changes, code, path in refusals:
        refused = await person.ask(UPDATE, input={"id": book, **changes})
        assert (refused.code, refused.path if path else None) == (code, path), changes
        assert bool(refused.errors) is (path is None)
    assert (await people.owner.ask(READ, id=book)).it == before


async def test_members_read_a_book_in_the_trash_and_nobody_changes_it(people: People) -> None:
    await people.trash()
    assert (await people.viewer.ask(READ, id=people.book_id)).it["title"] == "By the sea"
    for person in (people.owner, people.viewer):
        gone = await person.ask(UPDATE, input={"id": people.book_id, "title": "No"})
        assert (gone.code, gone.path) == ("GONE", ["input", "id"])
        assert (await person.ask(BOOKS)).it["totalCount"] == 0
        assert (await person.ask(BOOKS, trashed=True)).it["nodes"] == [{"id": people.book_id}]
    assert (await people.owner.ask(READ, id=people.book_id)).it["title"] == "By the sea"


async def test_books_are_listed_for_their_members_by_role(people: People) -> None:
    own = await made_book(people.editor, "Her own")
    assert (await people.editor.ask(BOOKS)).it["nodes"] == [{"id": own}, {"id": people.book_id}]
    assert (await people.editor.ask(BOOKS, role="EDITOR")).it["nodes"] == [{"id": people.book_id}]
    assert (await people.editor.ask(BOOKS, role="VIEWER")).it == {"nodes": [], "totalCount": 0}
    assert (await people.invited.ask(BOOKS)).it["totalCount"] == 0
    assert (await people.nobody.ask(BOOKS)).code == "UNAUTHENTICATED"


async def test_anyone_reads_of_a_public_book_what_is_public_and_no_more(people: People) -> None:
    book = people.book_id
    assert (await people.nobody.ask(PUBLIC, id=book)).code == "NOT_FOUND"
    drawn = {"createCircle": {"placement": placed()}}
    [made] = (await apply(people.editor, book, "one", drawn)).it["results"]
    image = await people.image(of=people.contributor)
    for uploader in (people.contributor, None):
        await people.image("PENDING", of=uploader)
    await people.image(of=people.contributor, trashed=True)
    assert (await people.owner.ask(UPDATE, input={"id": book, "visibility": "PUBLIC"})).code is None
    for person in (people.nobody, people.stranger):
        read = (await person.ask(PUBLIC, id=book)).it
        assert read == {
            "title": "By the sea",
            "description": None,
            "visibility": "PUBLIC",
            "viewerRole": None,
            "memberCount": 0,
            "elementCount": 1,
            "owner": {"id": people.owner.user_id, "name": "Olga"},
            "pages": [{"id": made["element"]["pageId"], "elements": [{"__typename": "CircleElement"}]}],
            "elements": [{"__typename": "CircleElement", "createdBy": {"name": "Edda"}}],
            "images": {
                "nodes": [{"id": image, "status": "READY", "uploader": {"name": "Cora"}}],
                "totalCount": 1,
            },
            "trashed": {"totalCount": 0},
            "mine": {"totalCount": 0},
            "members": [],
            "invitations": [],
        }
        assert (await person.ask(UPDATE, input={"id": book, "title": "No"})).code == (
            "UNAUTHENTICATED" if person is people.nobody else "FORBIDDEN"
        )
    mine = (await people.contributor.ask(PUBLIC, id=book)).it
    assert mine["memberCount"] == 4
    assert [mine[name]["totalCount"] for name in ("images", "mine", "trashed")] == [2, 2, 1]
    await people.trash()
    assert (await people.nobody.ask(PUBLIC, id=book)).code == "NOT_FOUND"
    assert (await people.stranger.ask(PUBLIC, id=book)).code == "NOT_FOUND"


async def test_the_owner_of_a_book_is_who_has_been_it_longest(people: People) -> None:
    second = await people.also("Otto", "OWNER")
    owner = "query Book($id: ID!) { book(id: $id) { owner { id } } }"
    assert (await second.ask(owner, id=people.book_id)).it == {"owner": {"id": people.owner.user_id}}
    step = {"bookId": people.book_id, "userId": people.owner.user_id}
    role = "mutation M($input: UpdateMemberInput!) { updateMember(input: $input) { userErrors { code path } } }"
    assert (await second.ask(role, input={**step, "role": "EDITOR"})).code is None
    assert (await second.ask(owner, id=people.book_id)).it == {"owner": {"id": second.user_id}}
    # Who is made an owner again stands at the end of the line.
    assert (await second.ask(role, input={**step, "role": "OWNER"})).code is None
    assert (await second.ask(owner, id=people.book_id)).it == {"owner": {"id": second.user_id}}


async def test_twenty_books_take_one_statement_as_two_do(people: People) -> None:
    # Without their elements, of which twenty books can have more than may be asked for at once.
    document = """
    query Books($first: Int) {
      books(first: $first) {
        nodes {
          id title viewerRole elementCount memberCount
          owner { id name }
          cover { id placementCount uploader { name } }
          pages { id }
          images(first: 2) { nodes { id placementCount uploader { name } } totalCount }
          members { role email user { name } book { title } }
          invitations { id bookTitle invitedBy { name } }
        }
        totalCount
      }
    }
    """
    for number in range(19):
        book = await made_book(people.owner, f"Book {number}")
        if number % 3 == 0:
            await join(people.owner, book, people.viewer, "VIEWER")
            await people.image(of=people.owner, book_id=book)
            await apply(people.owner, book, "one", {"createCircle": {"placement": placed()}})
    for first in (2, 20):
        with statements(people.app) as sent:
            read = (await people.owner.ask(document, first=first)).it
        assert (len(read["nodes"]), read["totalCount"], len(sent)) == (first, 20, 1)
    images = [image for book in read["nodes"] for image in book["images"]["nodes"]]
    assert [image["uploader"] for image in images] == [{"name": "Olga"}] * 7
