"""The rows of the seed, by table, in an order in which foreign keys hold."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from bench.seed import elements
from models import Element
from models.order import spread

USERS: Final = 1_000
BOOKS: Final = 200
ELEMENTS: Final = 100
IMAGES: Final = 20
MEMBERS: Final = 10
#: Every so many books the viewer is an editor too: 40 books.
_VIEWER_EVERY: Final = 5
#: Elements of the big book, and characters of their texts: 10 MB.
_BIG_ELEMENTS: Final = 10_000
_BIG_TEXT: Final = 840
_BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_TABLES: Final = ("users", "sessions", "books", "pages", "elements", "images", "members")
Row = dict[str, Any]

NEWEST_OF_VIEWER: Final = range(BOOKS - _VIEWER_EVERY, BOOKS - 1 - 21 * _VIEWER_EVERY, -_VIEWER_EVERY)[:20]


def id_of(table: str, number: int) -> UUID:
    """A UUID of version 7 whose time is the row's number, so that later rows sort later."""
    moment = int((_BEGAN + timedelta(seconds=number)).timestamp() * 1000)
    return UUID(int=moment << 80 | 0x7 << 76 | 0x2 << 62 | _TABLES.index(table) << 32 | number)


def all_tables() -> Iterator[tuple[str, list[Row]]]:
    yield "users", [_user(number) for number in range(USERS)]
    yield "books", [_book(number) for number in range(BOOKS + 1)]
    yield "pages", [_page(number) for number in range(BOOKS + 1)]
    yield "images", [_image(book, place) for book in range(BOOKS) for place in range(IMAGES)]
    yield "elements", [*_elements()]
    yield "members", [*_members()]


def _at(number: int) -> datetime:
    return _BEGAN + timedelta(minutes=number)


def _user(number: int) -> Row:
    return {
        "id": id_of("users", number),
        "name": f"Reader {number}",
        "email": f"reader{number}@example.org",
        "language": "EN",
        "is_guest": False,
        "created_at": _BEGAN,
    }


def _book(number: int) -> Row:
    # The big one changed first, and so comes last in the viewer's list.
    at = _at(number) if number < BOOKS else _BEGAN - timedelta(days=1)
    return {
        "id": id_of("books", number),
        "title": f"Our summer, volume {number}",
        "description": "What we saw on the way to the sea, and what the sea said.",
        "visibility": "PRIVATE",
        "seq": 0,
        "weight": ELEMENTS * 600,
        "epoch": f"{number:032x}",
        "created_by": id_of("users", _member(number, 0)),
        "created_at": _BEGAN,
        "updated_at": at,
    }


def _page(book: int) -> Row:
    return {
        "id": id_of("pages", book),
        "book_id": id_of("books", book),
        "order_key": spread(None, None, 1)[0],
        "created_at": _BEGAN,
    }


def _image(book: int, place: int) -> Row:
    number = book * IMAGES + place
    return {
        "id": id_of("images", number),
        "book_id": id_of("books", book),
        "uploader_id": id_of("users", _member(book, 0)),
        "status": "READY",
        "status_at": _BEGAN,
        "filename": f"IMG_{number:04}.jpg",
        "content_type": "image/jpeg",
        "size": 1_000_000 + number,
        "sha256": sha256(str(number).encode()).hexdigest(),
        "width": 4032,
        "height": 3024,
        "thumbhash": "1QcSHQRnh493V4dIh4eXh1h4kJUI",
        "created_at": _BEGAN,
    }


def _elements() -> Iterator[Row]:
    keys = spread(None, None, _BIG_ELEMENTS)
    for book in range(BOOKS):
        for place in range(ELEMENTS):
            image = id_of("images", book * IMAGES + place % IMAGES)
            yield _element(book, book * ELEMENTS + place, keys[place], elements.mixed(place, image))
    for place in range(_BIG_ELEMENTS):
        yield _element(BOOKS, BOOKS * ELEMENTS + place, keys[place], elements.text("so it went on and on ", _BIG_TEXT))


def _element(book: int, number: int, key: str, fields: Row) -> Row:
    found = Element(
        id=id_of("elements", number),
        book_id=id_of("books", book),
        page_id=id_of("pages", book),
        order_key=key,
        created_by=id_of("users", _member(book, 0)),
        updated_by=id_of("users", _member(book, 0)),
        created_at=_BEGAN,
        updated_at=_BEGAN,
        **elements.placement(number),
    )
    return found.model_dump(exclude={"deleted_at"}) | fields


def _members() -> Iterator[Row]:
    number = 0
    for book in range(BOOKS + 1):
        people = [_member(book, place) for place in range(MEMBERS)]
        if book % _VIEWER_EVERY == 0 and 0 not in people:
            people.append(0)
        for place, user in enumerate(people):
            yield {
                "id": id_of("members", number),
                "book_id": id_of("books", book),
                "user_id": id_of("users", user),
                "role": "OWNER" if place == 0 else "EDITOR" if user == 0 or place < 3 else "VIEWER",
                "owner_since": _BEGAN if place == 0 else None,
                "joined_at": _at(place),
            }
            number += 1


def _member(book: int, place: int) -> int:
    """Everyone is in two books: with the same people never twice."""
    half = USERS // MEMBERS
    return (book * MEMBERS + place) % USERS if book < half else (book - half + place * half) % USERS
