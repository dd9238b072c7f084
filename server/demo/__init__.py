"""The demo book: what a newcomer finds on their first run, made through the same doors as everything else."""

import hashlib
import math
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import exists, select
from sqlmodel import col

from models import Book, Element, Image, ImageStatus, Role, User
from models.id import outside
from models.operation import Operation
from models.refusal import Checks, Taken
from resolvers import book, image, invitation, operation, user
from resolvers.address import holders
from resolvers.context import Context, Parts, Viewer
from resolvers.jobs import photos
from resolvers.jobs.registry import Registry
from resolvers.session import Tokens
from resolvers.sign_in import sign_in
from server.worker import Worker

EMAIL: Final = "demo@leporello.example"
FRIEND: Final = "friend@leporello.example"
PASSWORD: Final = "demo-picture-book"
_TITLE: Final = "A day by the water"
_PHOTOS: Final = Path(__file__).parent / "photos"
_CLIENT_ID: Final = "b9a0c9b0-5d5c-4a0e-9c53-3f0c1f0a7d01"
_WIDTH: Final = 420.0
_GAP: Final = 40.0
_COLUMNS: Final = 3


async def fill(parts: Parts) -> bool:
    """Makes the demo's people and their book, where they are not yet; returns whether anything was made."""
    async with parts.database.session() as session:
        # What comes last: a run that was interrupted before is taken up again.
        painted = exists().where(col(Element.book_id) == Book.id)
        of_demo = select(col(Book.id)).join(User, col(User.id) == Book.created_by).where(User.has(EMAIL), painted)
        if await session.scalar(of_demo.limit(1)) is not None:
            return False
    owner = await _person(parts, "Demo", EMAIL)
    friend = await _person(parts, "Friend", FRIEND)
    made_book = await book.create(
        owner,
        title=_TITLE,
        description="Six photographs, some words and shapes, and room for more.",
        visibility=None,
        client_id=_CLIENT_ID,
    )
    with suppress(Taken):  # by an earlier run
        offered = await invitation.invite(owner, book_id=made_book.id, email=FRIEND, role=Role.EDITOR)
        await invitation.accept(friend, offered.id)
    images = await _photos(parts, owner, made_book.id) if _PHOTOS.exists() else []
    if images:
        await book.update(owner, made_book.id, {"cover_image_id": outside("im", images[0].id)})
    await operation.apply(owner, book_id=made_book.id, batch_id="demo", operations=list(_layout(images)))
    return True


async def _person(parts: Parts, name: str, email: str) -> Context:
    """What they do things with; signed up with a confirmed address, or only in when an earlier run did that."""
    context = Context(parts, caller=None)
    async with context.work() as work:
        is_known = await holders.is_confirmed(work, email)
    if not is_known:
        await user.sign_up(
            context, name=name, email=email, password=PASSWORD, language=None, device=None, checks=Checks()
        )
        async with context.work() as work:
            newest = select(col(User.id)).where(User.has(email)).order_by(col(User.id).desc()).limit(1)
            person, others = await holders.held(work, (await work.session.scalars(newest)).one(), email)
            assert person, "they have just signed up"
            await holders.confirm(context, work, person, email, others)
    tokens = await sign_in(context, email=email, password=PASSWORD, device=None)
    assert isinstance(tokens, Tokens), "nothing else is due of them"
    viewer = Viewer(tokens.user_id, tokens.session_id, tokens.access_token_expires_at)
    return Context(parts, caller=viewer)


async def _photos(parts: Parts, owner: Context, book_id: UUID) -> list[Image]:
    files = {path: path.read_bytes() for path in sorted(_PHOTOS.glob("*.jpg"))}
    uploads = await image.request(
        owner,
        book_id=book_id,
        files=[
            image.File(path.name, "image/jpeg", len(data), hashlib.sha256(data).hexdigest())
            for path, data in files.items()
        ],
    )
    for path, upload in zip(files, uploads, strict=True):
        if upload.ticket is None:  # an earlier run was interrupted after it
            continue
        with path.open("rb") as file:
            await parts.objects.store(
                upload.image.upload_key,
                file,
                content_type="image/jpeg",
                content_disposition="attachment",
                cache_control="no-store",
            )
    ids = [outside("im", upload.image.id) for upload in uploads]
    await image.complete(owner, ids)
    # Nobody else works yet.
    await Worker(parts, Registry(photos.KINDS)).drain()
    images, _ = await image.complete(owner, ids)
    assert all(one.status == ImageStatus.READY for one in images), "the sample photographs are pictures"
    return images


def _layout(images: list[Image]) -> Any:
    place = iter(range(100))
    bottoms = [0.0] * _COLUMNS
    for number, picture in enumerate(images):
        column = number % _COLUMNS
        height = _WIDTH * (picture.height or 1) / (picture.width or 1)
        placement = _at(
            column * (_WIDTH + _GAP),
            bottoms[column] + height / 2,
            _WIDTH,
            height,
            angle=(number % 2 - 0.5) / 20,
        )
        bottoms[column] += height + _GAP
        fields = {"placement": placement, "image_id": outside("im", picture.id), "corner_radius": 8.0}
        yield Operation(next(place), "createImage", fields)
    middle = _WIDTH + _GAP
    words = {
        "placement": _at(middle, -110.0, 900.0, 80.0),
        "content": _TITLE,
        "font_size": 64.0,
        "color": "#1d3557",
    }
    yield Operation(next(place), "createText", {**words, "align": "CENTER"})
    line = {"placement": _at(middle, -50.0, 520.0, 6.0), "fill": "#e63946", "stroke": None}
    yield Operation(next(place), "createRectangle", {**line, "corner_radius": 3.0})
    sun = {"placement": _at(-150.0, -110.0, 110.0, 110.0), "fill": "#ffd166", "stroke": "#f4a261"}
    yield Operation(next(place), "createCircle", {**sun, "stroke_width": 6.0})
    wave = [{"x": float(x), "y": 14 * math.sin(x / 24)} for x in range(-260, 261, 4)]
    drawing = {"placement": _at(middle, max(bottoms) + 40, 520.0, 28.0), "points": wave, "stroke": "#457b9d"}
    yield Operation(next(place), "createDrawing", {**drawing, "stroke_width": 5.0})


def _at(x: float, y: float, width: float, height: float, angle: float = 0.0) -> dict[str, float]:
    return {"x": x, "y": y, "width": width, "height": height, "angle": angle}
