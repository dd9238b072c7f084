"""What people change of their own account."""

import pytest

from server.app import App
from tests.client import BOOK, Client
from tests.people import join, made_book, somebody

UPDATE = """
mutation Update($input: UpdateViewerInput!) {
  updateViewer(input: $input) { viewer { language user { id name } } userErrors { code message path } }
}
"""
VIEWER = "{ viewer { language user { id name } } }"
MEMBERS = "query Book($id: ID!) { book(id: $id) { members { user { id name } } } }"


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest.fixture
def client(town: tuple[App, Client]) -> Client:
    return town[1]


async def test_what_is_left_out_stays_and_others_see_the_rest(app: App, client: Client) -> None:
    ada, ben = await somebody(app, client, "Ada"), await somebody(app, client, "Ben")
    book_id = await made_book(ada)
    await join(ada, book_id, ben, "VIEWER")
    renamed = (await ada.ask(UPDATE, input={"name": "  Adah "})).it["viewer"]
    assert renamed == {"language": "EN", "user": {"id": ada.user_id, "name": "Adah"}}
    assert (await ada.ask(UPDATE, input={"language": "TH"})).it["viewer"] == {**renamed, "language": "TH"}
    assert (await ada.ask(UPDATE, input={})).it["viewer"] == (await ada.ask(VIEWER)).it == {**renamed, "language": "TH"}
    assert {"user": {"id": ada.user_id, "name": "Adah"}} in (await ben.ask(MEMBERS, id=book_id)).it["members"]
    # Of a name there is no event.
    assert (await ben.ask(BOOK, id=book_id)).it["seq"] == 1


@pytest.mark.parametrize(
    "given", [{"name": None}, {"name": " "}, {"name": "a" * 101}, {"name": "a\nb"}, {"language": None}]
)
async def test_nobody_is_without_a_name_or_a_language(app: App, client: Client, given: dict[str, str | None]) -> None:
    ada = await somebody(app, client, "Ada")
    other = {"language": "FR"} if "name" in given else {"name": "Adah"}
    refused = await ada.ask(UPDATE, input={**given, **other})
    assert refused.code == "INVALID" and refused.path == ["input", *given]
    assert (await ada.ask(VIEWER)).it == {"language": "EN", "user": {"id": ada.user_id, "name": "Ada"}}


async def test_all_that_is_wrong_is_told_at_once(app: App, client: Client) -> None:
    ada = await somebody(app, client, "Ada")
    refused = await ada.ask(UPDATE, input={"name": " ", "language": None})
    assert [error["path"] for error in refused.user_errors] == [["input", "name"], ["input", "language"]]


async def test_nobody_in_particular_has_no_settings(client: Client) -> None:
    assert (await client.ask(UPDATE, input={"name": "A"})).code == "UNAUTHENTICATED"
