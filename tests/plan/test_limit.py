"""What a plan may come to, and what is refused before anything is done."""

from server.app import App
from tests.canvas import PaintedBook, statuses
from tests.client import Client


async def test_fragments_that_multiply_are_refused_rather_than_written_out(client: Client) -> None:
    """Each of eight levels is spread twice in the one above: a cheap document, and SQL without end."""
    levels = 8
    spread = [
        f"fragment F{n} on Book {{ cover {{ book {{ ...F{n + 1} }} }} owner {{ id }} images(first: 1) "
        f"{{ nodes {{ book {{ ...F{n + 1} }} }} }} }}"
        for n in range(levels)
    ]
    text = " ".join(['{ book(id: "x") { ...F0 } }', *spread, f"fragment F{levels} on Book {{ id title }}"])
    answer = await client.ask(text)
    assert answer.code == "BAD_USER_INPUT"
    assert "fields" in answer.errors[0]["message"]


async def test_what_an_answer_cannot_show_is_refused_before_anything_is_done(client: Client) -> None:
    ada = await client.sign_up("Ada")
    create = 'mutation { createBook(input: {title: "A"}) { book { images(first: 1000) { totalCount } } } }'
    assert (await ada.ask(create)).code == "BAD_USER_INPUT"
    assert (await ada.ask("{ books { totalCount } }")).it == {"totalCount": 0}
    assert (await ada.ask(create.replace("1000", "10"))).it == {"book": {"images": {"totalCount": 0}}}


async def test_arguments_that_only_the_ordinary_way_can_refuse_leave_the_others_their_answers(
    app: App, client: Client
) -> None:
    ada = await client.sign_up("Ada")
    text = """
    mutation($title: String = "x") {
      a: createBook(input: {title: "A"}) { book { title } }
      b: createBook(input: {title: $title}) { book { title } }
    }
    """
    answer = await ada.ask(text, title=None)
    assert answer.data is not None
    assert answer.data["a"] == {"book": {"title": "A"}}
    assert answer.data["b"] is None


async def test_a_page_that_an_event_tells_of_knows_its_book(book: PaintedBook) -> None:
    followed = """
    subscription($id: ID!) {
      bookEvents(bookId: $id, after: 0) { seq ... on CanvasChanged { pages { id book { id } } } }
    }
    """
    assert statuses(await book.do({"createPage": {"name": "Two"}})) == ["APPLIED"]
    async with book.owner.follow(followed, id=book.id) as events:
        event = await events.until(lambda each: bool(each.get("pages")))
    assert [each["book"] for each in event[-1]["pages"]] == [{"id": book.id}]
