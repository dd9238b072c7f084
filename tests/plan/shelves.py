"""A library to read in: books in every state, with all that can lie in them, and the people around them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any, Self
from uuid import UUID

from sqlmodel import SQLModel

from models import Book, Element, Image, Invitation, Member, Page, Session, StoredObject, User
from models.columns import now
from models.element import OWN_FIELDS, ElementKind
from server.app import App

#: What has to survive its way through SQL and JSON.
TEXTS = (
    "plain",
    'a "quote", a \\ and a /',
    "\x01",
    '\x010["a"]\x01',
    "\x01!\x01 \x01?0\x01",
    "\\u0001 \\ud800 \\",
    "\u00e9\u0301 \U0001f4d6 \u2028\u2029 \x7f \ufeff \uffff",
    "it's $1 :name %s %(a)s {} <!--</script>",
    "tab\t line\n feed\f back\b return\r",
    " ",
)
EPOCH = datetime(2024, 2, 29, 12, tzinfo=UTC)


@dataclass
class Shelves:
    """The rows, and their ids as clients know them; the same in every run."""

    chance: Random = field(default_factory=lambda: Random(7))
    rows: list[SQLModel] = field(default_factory=list)
    #: By the two letters of their kind.
    ids: dict[str, list[str]] = field(default_factory=dict)
    tokens: dict[str, str | None] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    books: dict[str, Book] = field(default_factory=dict)

    @classmethod
    async def filled(cls, app: App) -> Self:
        shelves = cls()
        shelves._people()
        shelves._books()
        await shelves.keep(app)
        for name, user in shelves.users.items():
            [session, *_] = [row for row in shelves.rows if isinstance(row, Session) and row.user_id == user.id]
            shelves.tokens[name] = app.parts.tokens.issue(user.id, session.id, now())[0]
        shelves.tokens["nobody"] = None
        return shelves

    async def keep(self, app: App) -> None:
        covers = [(book, book.cover_image_id) for book in self.books.values()]
        for book, _ in covers:
            book.cover_image_id = None
        async with app.parts.database.session.begin() as session:
            for model in (User, Session, Book, Page, StoredObject, Image, Member, Invitation, Element):
                session.add_all([row for row in self.rows if type(row) is model])
                await session.flush()
            for book, cover in covers:
                book.cover_image_id = cover

    def uuid(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128), version=4)

    def moment(self) -> datetime:
        """With and without a fraction of a second; seldom the same."""
        return EPOCH + timedelta(
            seconds=self.chance.randrange(10**7), microseconds=self.chance.choice((0, 120_000, 123_456))
        )

    def text(self) -> str:
        return self.chance.choice(TEXTS)

    def maybe(self, value: Callable[[], Any]) -> Any:
        return value() if self.chance.random() < 0.6 else None

    def add(self, prefix: str, row: Any) -> Any:
        self.rows.append(row)
        self.ids.setdefault(prefix, []).append(f"{prefix}_{row.id}")
        return row

    def _people(self) -> None:
        for name in ("owner", "viewer", "stranger", "second", "guest"):
            user = self.add(
                "us",
                User(
                    id=self.uuid(),
                    name=self.text(),
                    email=f"{name}@Example.org",
                    email_verified_at=self.moment(),
                    language="NL",
                ),
            )
            user.is_guest = name == "guest"
            user.is_administrator = name == "owner"
            self.ids.setdefault("vw", []).append(f"vw_{user.id}")
            self.users[name] = user
            for place in range(3):
                session = Session(id=self.uuid(), user_id=user.id, expires_at=now() + timedelta(days=1))
                session.created_at = session.last_seen_at = self.moment()
                session.ip_address, session.user_agent = self.maybe(lambda: "::1"), self.maybe(self.text)
                if place:
                    session.device_name, session.device_platform = self.text(), self.maybe(lambda: "APPLE")
                self.add("se", session)
            self.add("se", Session(id=self.uuid(), user_id=user.id, expires_at=EPOCH))
            ended = Session(id=self.uuid(), user_id=user.id, expires_at=now() + timedelta(days=1), revoked_at=EPOCH)
            self.add("se", ended)

    def _books(self) -> None:
        everybody = {"owner": "OWNER", "viewer": "VIEWER", "second": "OWNER", "guest": "EDITOR"}
        self._book("rich", everybody, elements=24)
        self._book("public", {"second": "OWNER", "viewer": "EDITOR"}, elements=12, visibility="PUBLIC")
        self._book("trash", {"owner": "OWNER", "viewer": "VIEWER"}, elements=4, deleted_at=self.moment())
        self._book("public trash", {"owner": "OWNER"}, elements=4, visibility="PUBLIC", deleted_at=self.moment())
        self._book("foreign", {"stranger": "OWNER"}, elements=6)
        self._book("bare", {"owner": "OWNER"}, elements=0)

    def _book(self, name: str, members: dict[str, str], elements: int, **more: Any) -> None:
        book = self.add(
            "bk", Book(id=self.uuid(), title=TEXTS[1 + len(self.books)], epoch=f"{len(self.books):032x}", **more)
        )
        self.books[name] = book
        book.description, book.seq = self.maybe(self.text), self.chance.randrange(1000)
        book.created_at, book.updated_at = self.moment(), self.moment()
        for person, role in members.items():
            member = Member(id=self.uuid(), book_id=book.id, user_id=self.users[person].id, role=role)
            member.joined_at = self.moment()
            member.owner_since = self.moment() if role == "OWNER" else None
            self.add("mb", member)
        pages = [self._page(book, place) for place in range(4 if elements else 1)]
        images = [self._image(book, status, by) for status in _STATUSES for by in (*members, None)] if elements else []
        for image in images[::5]:
            image.deleted_at = self.moment()
        book.cover_image_id = images[1 if name == "rich" else 0].id if images else None
        for place in range(elements):
            kind = [*ElementKind][place % len(ElementKind)]
            # Nothing lies on the last but one page.
            self._element(book, pages[place % 2 if place % 7 else -1], images, kind)
        self._invitations(book)

    def _page(self, book: Book, place: int) -> Page:
        page = self.add("pg", Page(id=self.uuid(), book_id=book.id, order_key=self.chance.choice("AVaz")))
        page.name, page.background = self.maybe(self.text), self.maybe(lambda: "#00ff00")
        page.width, page.height = self.maybe(self.chance.random), self.maybe(lambda: 1e15)
        page.deleted_at = self.moment() if place == 3 else None
        return page  # type: ignore[no-any-return]

    def _image(self, book: Book, status: str, by: str | None) -> Image:
        digest = sha256(self.chance.randbytes(8)).hexdigest()
        size = self.chance.randrange(1, 2**31)
        stored = StoredObject(id=self.uuid(), stripped_type="image/png" if status == "READY" else None)
        self.rows.append(stored)
        image = Image(id=stored.id, object_id=stored.id, book_id=book.id, content_type="image/png", size=size)
        image.filename = self.text()
        image.sha256, image.status, image.created_at = digest, status, self.moment()
        image.uploader_id = self.users[by].id if by else None
        image.failure_reason = self.text() if status == "FAILED" else None
        if status == "READY":
            image.width, image.height, image.thumbhash = 640, 480, "1QcSHQRnh493V4dIh4eXh1h4kJUI"
        return self.add("im", image)  # type: ignore[no-any-return]

    def _element(self, book: Book, page: Page, images: list[Image], kind: ElementKind) -> None:
        element = Element(id=self.uuid(), book_id=book.id, page_id=page.id, kind=kind, **OWN_FIELDS[kind])
        for name in ("x", "y", "width", "height", "angle"):
            setattr(element, name, self.chance.choice((0.0, -0.0, 1.0, 0.1, 1e15, 1e-7, -2.5, self.chance.random())))
        element.locked, element.seq = self.chance.random() < 0.5, self.chance.randrange(99)
        element.order_key = self.chance.choice("AVaz")
        element.created_at, element.updated_at = self.moment(), self.moment()
        for name in ("created_by", "updated_by"):
            setattr(element, name, self.maybe(lambda: self.chance.choice([*self.users.values()]).id))
        if kind is ElementKind.IMAGE:
            element.image_id = self.maybe(lambda: self.chance.choice(images).id)
            element.crop = self.maybe(lambda: {"x": 0.25, "y": 0.0, "width": 0.5, "height": 1.0})
        elif kind is ElementKind.TEXT:
            element.content, element.font_family = self.text(), self.maybe(self.text)
        elif kind is ElementKind.DRAWING:
            element.points = [{"x": 0.5 * n, "y": -1e-7 * n} for n in range(3)]
        else:
            element.fill = self.maybe(lambda: "#ff000080")
        element.deleted_at = self.moment() if page.deleted_at or self.chance.random() < 0.1 else None
        self.add("el", element)

    def _invitations(self, book: Book) -> None:
        for place, address in enumerate(("STRANGER@example.org", "else@example.org", "viewer@example.org")):
            invitation = Invitation(id=self.uuid(), book_id=book.id, email=address, role="EDITOR")
            invitation.invited_by = self.maybe(lambda: self.users["second"].id)
            invitation.created_at = self.moment()
            invitation.expires_at = EPOCH if place == 2 else now() + timedelta(days=7)
            self.add("in", invitation)
        accepted = Invitation(id=self.uuid(), book_id=book.id, email="guest@example.org", role="VIEWER")
        accepted.expires_at, accepted.accepted_at = now() + timedelta(days=7), EPOCH
        self.add("in", accepted)


_STATUSES = ("READY", "READY", "PENDING", "PROCESSING", "FAILED")
