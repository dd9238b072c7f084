"""A schema as small as can be in which everything that a cost depends on occurs, and a world that fills it."""

from collections.abc import AsyncGenerator
from itertools import cycle, islice
from typing import Annotated, Any, Generic, TypeVar, Union

import strawberry

from tests.served import Info

T = TypeVar("T")
PAGES, ELEMENTS, TAGS, NOTES, RESULTS, IDS = 4, 9, 3, 5, 7, 10


def many(cap: int, once_a: str | None = None, by: str | None = None, resolver: Any = None) -> Any:
    return strawberry.field(resolver=resolver, metadata={"cap": cap, "once_a": once_a, "by": by})


@strawberry.interface
class Node:
    id: strawberry.ID


@strawberry.type
class Tag(Node):
    book: "Book"


@strawberry.type
class PageInfo:
    has_next_page: bool = False


@strawberry.type
class Edge(Generic[T]):
    cursor: str
    node: T


@strawberry.type
class Connection(Generic[T]):
    nodes: list[T]
    edges: list[Edge[T]]
    page_info: PageInfo
    total_count: int


def connected(kind: Any, rows: list[Any], first: int | None) -> Any:
    taken = list(islice(cycle(rows), 20 if first is None else first))
    return kind(
        nodes=taken, edges=[Edge(cursor="c", node=row) for row in taken], page_info=PageInfo(), total_count=len(rows)
    )


@strawberry.type
class Image(Node):
    book: "Book"


@strawberry.type
class ImageConnection(Connection[Image]):
    pass


@strawberry.type
class Crop:
    x: float = 0


@strawberry.interface
class Element(Node):
    book: "Book"
    page: "Page"
    tags: list[Tag] = many(TAGS, "book")


@strawberry.type
class Picture(Element):
    image: Image
    crops: list[Crop]


@strawberry.type
class Words(Element):
    notes: list[Tag] = many(NOTES, "book")


@strawberry.type
class Page(Node):
    book: "Book"
    elements: list[Element] = many(ELEMENTS, "book")


@strawberry.type
class Book(Node):
    cover: Image | None = None
    pages: list[Page] = many(PAGES, "book")
    elements: list[Element] = many(ELEMENTS, "book")

    @strawberry.field
    def images(self, first: int | None = None) -> ImageConnection:
        slice: ImageConnection = connected(ImageConnection, [self.cover], first)
        return slice


@strawberry.type
class BookConnection(Connection[Book]):
    pass


@strawberry.type
class Result:
    """Something on the way to rows that is none itself."""

    element: Element | None
    page: Page | None


@strawberry.type
class Payload:
    results: list[Result] = many(RESULTS)


@strawberry.interface
class Event:
    seq: int


@strawberry.type
class Painted(Event):
    elements: list[Element] = many(ELEMENTS, "book")


@strawberry.type
class Covered(Event):
    book: Book


Found = Annotated[Union[Book, Image], strawberry.union("Found")]  # noqa: UP007


def painted() -> Book:
    """A book as full as its caps allow, with its elements on one page, which is what costs most."""
    book = Book(id=strawberry.ID("book"), pages=[], elements=[])
    book.cover = Image(id=strawberry.ID("image"), book=book)
    book.pages = [Page(id=strawberry.ID(f"page {number}"), book=book, elements=[]) for number in range(PAGES)]
    words = Words(id=strawberry.ID("words"), book=book, page=book.pages[0], tags=[], notes=[])
    words.notes = [Tag(id=strawberry.ID("note"), book=book)] * NOTES
    pictures = [
        Picture(id=strawberry.ID("picture"), book=book, page=book.pages[0], image=book.cover, crops=[Crop()], tags=[])
        for _ in range(ELEMENTS - 1)
    ]
    pictures[0].tags = [Tag(id=strawberry.ID("tag"), book=book)] * TAGS
    book.elements = book.pages[0].elements = [*pictures, words]
    return book


def several(ids: list[strawberry.ID]) -> list[Node]:
    return [painted() for _ in ids]


@strawberry.type
class Query:
    @strawberry.field
    def book(self, info: Info) -> Book | None:
        if info.context:
            info.context.story.notes.append("read")
        return painted()

    @strawberry.field
    def books(self, first: int | None = None) -> BookConnection:
        slice: BookConnection = connected(BookConnection, [painted()], first)
        return slice

    nodes: list[Node] = many(IDS, by="ids", resolver=several)

    @strawberry.field
    def node(self) -> Node:
        return painted()

    @strawberry.field
    def found(self) -> Found:
        return painted()


@strawberry.type
class Mutation:
    @strawberry.mutation
    def apply(self, info: Info) -> Payload:
        info.context.story.notes.append("applied")
        return Payload(results=[])


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def events(self, info: Info) -> AsyncGenerator[Event, None]:
        info.context.story.notes.append("listened")
        yield Painted(seq=1, elements=[])


schema = strawberry.Schema(Query, Mutation, Subscription, types=[Picture, Words, Tag, Painted, Covered])
