"""Anything that has an id, found by it, and by nobody who may not see it."""

from dataclasses import replace
from uuid import uuid4

from models.id import new_id
from tests.client import Client, apply, placed
from tests.people import INVITE, People, made_book, uuid_of

NODE = "query Node($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query Nodes($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
SESSION = "{ viewer { id session { id } } }"
MEMBERS = "query M($id: ID!) { book(id: $id) { pages { id } members { id user { id } } } }"

#: Who sees what of a private book, and of the people around it.
EVERYBODY = ("owner", "editor", "contributor", "viewer", "invited", "stranger", "nobody")
MEMBERS_ALONE = ("owner", "editor", "contributor", "viewer")
SEEN_BY = {
    "Book": MEMBERS_ALONE,
    "Page": MEMBERS_ALONE,
    "CircleElement": MEMBERS_ALONE,
    "Image": MEMBERS_ALONE,
    "Image that waits": ("contributor",),
    "Member": MEMBERS_ALONE,
    "Invitation": ("owner", "invited"),
    "Session": ("viewer",),
    "Viewer": ("viewer",),
    "User": MEMBERS_ALONE,
}
#: The same once the book is public: what is for its members stays so. The owner is seen by all.
PUBLIC_TO_ALL = {"Book", "Page", "CircleElement", "Image"}


async def of_each_kind(people: People) -> dict[str, str]:
    """An id of each kind of thing; the session, the viewer and the user are those of the book's viewer."""
    drawn = {"createCircle": {"placement": placed()}}
    [made] = (await apply(people.editor, people.book_id, "one", drawn)).it["results"]
    viewer = (await people.viewer.ask(SESSION)).it
    book = (await people.owner.ask(MEMBERS, id=people.book_id)).it
    return {
        "Book": people.book_id,
        "Page": book["pages"][0]["id"],
        "CircleElement": made["element"]["id"],
        "Image": await people.image(of=people.contributor),
        "Image that waits": await people.image("PENDING", of=people.contributor),
        "Member": book["members"][1]["id"],
        "Invitation": people.invitation_id,
        "Session": viewer["session"]["id"],
        "Viewer": viewer["id"],
        "User": people.viewer.user_id,
    }


async def seen(ids: dict[str, str], by: Client) -> set[str]:
    """The kinds of which they see the one."""
    together = (await by.ask(NODES, ids=list(ids.values()))).it
    for (kind, id), node in zip(ids.items(), together, strict=True):
        assert node in (None, {"__typename": kind.split()[0], "id": id})
    return {kind for kind, node in zip(ids, together, strict=True) if node}


async def test_each_thing_is_found_by_those_who_may_see_it(people: People) -> None:
    ids = await of_each_kind(people)
    for name in EVERYBODY:
        expected = {kind for kind, names in SEEN_BY.items() if name in names}
        assert await seen(ids, getattr(people, name)) == expected, name
        # Asked for one by one, it is the same.
        alone = [kind for kind, id in ids.items() if (await getattr(people, name).ask(NODE, id=id)).it]
        assert set(alone) == expected, name
    await people.sql("UPDATE books SET visibility = 'PUBLIC' WHERE id = $1", uuid_of(people.book_id))
    for name in EVERYBODY:
        expected = {kind for kind, names in SEEN_BY.items() if name in names or kind in PUBLIC_TO_ALL}
        assert await seen(ids, getattr(people, name)) == expected, name
        assert (await getattr(people, name).ask(NODE, id=people.owner.user_id)).it["id"] == people.owner.user_id
    await people.trash()
    for name in EVERYBODY:
        # Those who are invited to what lies in the trash see nothing of it.
        expected = {kind for kind, names in SEEN_BY.items() if name in names and name != "invited"}
        assert await seen(ids, getattr(people, name)) == expected, name
    assert (await people.nobody.ask(NODE, id=people.owner.user_id)).it is None


async def test_an_id_that_is_none_is_answered_like_one_of_what_may_not_be_seen(people: People) -> None:
    id = uuid_of(people.book_id)
    strange = [
        people.book_id,
        f"bk_{uuid4()}",
        f"bk_{new_id()}",
        f"bk_{id.upper()}",
        f"bk_{id.replace('-', '')}",
        f"bk_{id}\n",
        f" bk_{id}",
        f"pg_{id}",
        f"zz_{id}",
        f"BK_{id}",
        id,
        "bk_",
        "",
        "' OR 1=1 --",
        "\U0001f4d6" * 1000,
        "0",
    ]
    one_by_one = [await people.stranger.ask(NODE, id=each) for each in strange]
    assert {(answer.status, str(answer.data), str(answer.errors)) for answer in one_by_one} == {
        (200, "{'node': None}", "[]")
    }
    assert (await people.stranger.ask(NODES, ids=strange)).it == [None] * len(strange)
    book = "query Book($id: ID!) { book(id: $id) { id } }"
    told = [await people.stranger.ask(book, id=each) for each in strange]
    assert {(answer.status, str(answer.data), str(answer.errors)) for answer in told} == {
        (200, "{'book': None}", str(told[0].errors))
    }
    assert told[0].code == "NOT_FOUND"


async def test_at_most_a_hundred_ids_at_once(people: People) -> None:
    hundred = [people.book_id, "nonsense"] * 50
    nodes = (await people.viewer.ask(NODES, ids=hundred)).it
    assert nodes == [{"__typename": "Book", "id": people.book_id}, None] * 50
    refused = await people.viewer.ask(NODES, ids=[*hundred, people.book_id])
    assert (refused.code, refused.data) == ("BAD_USER_INPUT", None)
    assert (await people.viewer.ask(NODES, ids=[])).it == []


async def test_what_hangs_on_another_book_stays_there(people: People) -> None:
    elsewhere = await made_book(people.stranger)
    [page] = (await people.stranger.ask(MEMBERS, id=elsewhere)).it["pages"]
    document = "query P($book: ID!, $page: ID!) { book(id: $book) { id page(id: $page) { id } } }"
    for id in (page["id"], f"pg_{uuid4()}", "nonsense", people.book_id):
        answer = await people.viewer.ask(document, book=people.book_id, page=id)
        assert (answer.code, answer.data) == ("NOT_FOUND", {"book": {"id": people.book_id, "page": None}})
    given = {"bookId": elsewhere, "email": people.viewer.email}
    assert (await people.stranger.ask(INVITE, input=given)).code is None
    # Being invited elsewhere does not show the owner who invites.
    assert (await people.viewer.ask(NODE, id=people.stranger.user_id)).it is None


async def test_a_bad_token_is_refused_where_nobody_would_be_answered(people: People) -> None:
    forged = replace(people.viewer, token=f"{people.viewer.token}x")
    answer = await forged.ask(NODE, id=people.book_id)
    assert (answer.code, answer.data) == ("UNAUTHENTICATED", {"node": None})
