"""Where a photo is read: what is served to whom, under which type and name."""

import io
from hashlib import sha256
from typing import Any

from PIL import Image

from resolvers.jobs import REGISTRY
from server.worker import Worker
from storage.objects import Objects
from tests.client import Client
from tests.people import People, uuid_of
from tests.pictures.photos import CANARY, encoded, exif, quarters
from tests.uploads.putting import complete, shown, uploaded, work

URLS = """
query Urls($id: ID!) {
  node(id: $id) {
    ... on Image { takenAt thumbnail: url(variant: THUMBNAIL) preview: url original: url(variant: ORIGINAL) }
  }
}
"""
EVENTS = """
subscription Follow($bookId: ID!, $after: Int) {
  bookEvents(bookId: $bookId, after: $after) {
    __typename seq ... on ImagesChanged { images { id status preview: url original: url(variant: ORIGINAL) } }
  }
}
"""


def told(kind: str = "image/jpeg", mark: str = "") -> bytes:
    """A photo that says where it was taken, and more."""
    written = exif(orientation=6, original="2024:05:06 07:08:09", offset="+02:00", told=True)
    return encoded(quarters(1600 + len(mark), 1200), kind, exif=written)


async def urls(by: Client, id: str) -> dict[str, Any]:
    return dict((await by.ask(URLS, id=id)).it)


async def got(people: People, url: str) -> tuple[bytes, dict[str, str]]:
    answer = await people.nobody.http.get(url)
    assert answer.status_code == 200, answer.text
    return answer.content, dict(answer.headers)


async def test_everybody_gets_the_smaller_ones_and_where_it_was_taken_only_its_uploader_and_the_owners(
    people: People,
) -> None:
    data = told()
    id = await shown(people, people.contributor, data, filename="Sea.JPG")
    for person, as_uploaded in (
        (people.contributor, True),
        (people.owner, True),
        (people.editor, False),
        (people.viewer, False),
    ):
        of = await urls(person, id)
        assert of["takenAt"] == "2024-05-06T05:08:09+00:00"
        for name, size, sized in (("thumbnail", 250, (188, 250)), ("preview", 1440, (1080, 1440))):
            content, headers = await got(people, of[name])
            assert headers["content-type"] == "image/webp"
            assert headers["content-disposition"].startswith('inline; filename="Sea.webp"')
            assert CANARY not in content and Image.open(io.BytesIO(content)).size == sized, size
        content, headers = await got(people, of["original"])
        assert headers["content-type"] == "image/jpeg"
        assert headers["content-disposition"].startswith('attachment; filename="Sea.JPG"')
        assert (content == data) is as_uploaded
        assert (CANARY in content) is as_uploaded
        assert Image.open(io.BytesIO(content)).getexif().get_ifd(0x8825) == {} or as_uploaded


async def test_a_reader_of_a_public_book_gets_no_more_than_a_viewer_and_not_by_its_name(people: People) -> None:
    data = told(mark="public")
    id = await shown(people, people.editor, data, filename="Ada in Paris.jpg")
    await people.sql("UPDATE books SET visibility = 'PUBLIC' WHERE id = $1", uuid_of(people.book_id))
    of_nobody, of_viewer = await urls(people.nobody, id), await urls(people.viewer, id)
    assert of_nobody == await urls(people.stranger, id)
    for name, ending in (("thumbnail", "webp"), ("preview", "webp"), ("original", "jpg")):
        content, headers = await got(people, of_nobody[name])
        assert content == (await got(people, of_viewer[name]))[0] and CANARY not in content
        assert f'filename="photo.{ending}"' in headers["content-disposition"]
        assert not any("Paris" in str(said) for said in (of_nobody[name], *headers.values()))
    assert (await got(people, (await urls(people.owner, id))["original"]))[0] == data


async def test_what_is_said_of_the_file_as_uploaded_is_for_members(people: People) -> None:
    data = told(mark="members")
    file = "query($id: ID!) { node(id: $id) { ... on Image { filename size sha256 contentType } } }"
    known = {"filename": "Ada in Paris.jpg", "size": len(data), "sha256": sha256(data).hexdigest()}
    unknown = {"filename": "photo", "size": 0, "sha256": ""}
    id = await shown(people, people.contributor, data, filename="Ada in Paris.jpg")
    await people.sql("UPDATE books SET visibility = 'PUBLIC' WHERE id = $1", uuid_of(people.book_id))
    for person in (people.owner, people.contributor, people.viewer):
        assert (await person.ask(file, id=id)).it == {**known, "contentType": "image/jpeg"}
    for person in (people.stranger, people.invited, people.nobody):
        assert (await person.ask(file, id=id)).it == {**unknown, "contentType": "image/jpeg"}
    # Nor is it told to those who follow the book.
    follow = EVENTS.replace("status preview: url", "filename size sha256 preview: url")
    how: dict[str, Any] = {"bookId": people.book_id, "after": await people.seq()}
    async with people.viewer.follow(follow, **how) as member, people.stranger.follow(follow, **how) as stranger:
        caption = "mutation($input: UpdateImageInput!) { updateImage(input: $input) { seq userErrors { code } } }"
        assert (await people.owner.ask(caption, input={"id": id, "caption": "By the sea"})).code is None
        for events, said in ((member, known), (stranger, unknown)):
            [image] = (await events.next())["images"]
            assert {name: image[name] for name in said} == said


async def test_a_copy_is_served_as_what_it_has_become(people: People) -> None:
    data = told("image/heic")
    # Said to lie in another file, which its decoder does not mind: it cannot be copied piece by piece.
    place = data.index(b"iloc") + 14
    data = data[:place] + b"\0\1" + data[place + 2 :]
    id = await shown(people, people.editor, data, contentType="image/heic", filename="sea.heic")
    content, headers = await got(people, (await urls(people.viewer, id))["original"])
    assert headers["content-type"] == "image/jpeg"
    assert headers["content-disposition"].startswith('attachment; filename="sea.jpg"')
    assert CANARY not in content and Image.open(io.BytesIO(content)).format == "JPEG"
    content, headers = await got(people, (await urls(people.editor, id))["original"])
    assert (content, headers["content-type"]) == (data, "image/heic")
    assert headers["content-disposition"].startswith('attachment; filename="sea.heic"')


async def test_who_becomes_an_owner_gets_the_originals_and_who_is_one_no_more_does_not(people: People) -> None:
    id = await shown(people, people.contributor, told(mark="role"))
    before = await urls(people.editor, id)
    for role, as_uploaded in (("OWNER", True), ("EDITOR", False)):
        await people.sql(
            "UPDATE members SET role = $3 WHERE book_id = $1 AND user_id = $2",
            *(uuid_of(people.book_id), uuid_of(people.editor.user_id), role),
        )
        of = await urls(people.editor, id)
        assert (CANARY in (await got(people, of["original"]))[0]) is as_uploaded
        assert (of["preview"], of["thumbnail"]) == (before["preview"], before["thumbnail"])


async def test_two_who_follow_alike_are_each_given_what_is_theirs(people: People) -> None:
    id = await uploaded(people, people.contributor, told(mark="followed"))
    seq = await people.seq()
    how: dict[str, Any] = {"bookId": people.book_id, "after": seq}
    async with (
        people.contributor.follow(EVENTS, **how) as uploader,
        people.viewer.follow(EVENTS, **how) as viewer,
        people.owner.follow(EVENTS, **how) as owner,
    ):
        assert (await complete(people.contributor, id)).code is None
        await work(people)
        for events, as_uploaded in ((uploader, True), (viewer, False), (owner, True)):
            begun, ready = await events.take(2)
            assert [image["original"] for image in begun["images"]] == [None]
            [image] = ready["images"]
            assert image["status"] == "READY"
            assert (CANARY in (await got(people, image["original"]))[0]) is as_uploaded
            assert CANARY not in (await got(people, image["preview"]))[0]


async def test_the_journal_says_nothing_of_where_it_was_taken(people: People) -> None:
    await shown(people, people.contributor, told(mark="journal"))
    payloads = await people.sql("SELECT payload::text FROM events WHERE book_id = $1", uuid_of(people.book_id))
    assert len(payloads) > 1
    assert not any(word in row["payload"] for row in payloads for word in ("canary", "GPS", "48.8"))


async def test_what_is_not_there_has_no_address_and_an_old_photo_gets_its_own_once_it_is_developed_again(
    people: People, bucket: Objects
) -> None:
    """As one is left by a program that made no sizes."""
    data = told(mark="old")
    id = await shown(people, people.editor, data)
    raw = uuid_of(id)
    await bucket.delete([f"images/{raw}/{part}" for part in ("thumbnail", "preview", "stripped")])
    await people.sql("UPDATE objects SET developed_at = NULL, stripped_type = NULL WHERE id = $1", raw)
    await people.sql("UPDATE images SET thumbhash = NULL WHERE id = $1", raw)
    for person in (people.editor, people.owner, people.viewer):
        of = await urls(person, id)
        assert (of["thumbnail"], of["preview"]) == (None, None)
        if person is people.viewer:
            assert of["original"] is None
        else:
            assert (await got(people, of["original"]))[0] == data
    seq = await people.seq()
    for _ in range(2):
        await people.sql(
            "INSERT INTO jobs (name, payload, priority, state, debounce, not_before, put_at, tries)"
            " VALUES ('photo.redevelop', '{}', 50, 'WAITING', false, now(), now(), 0)"
        )
        await Worker(people.app.parts, REGISTRY).drain()
    # The second time there was nothing left to do.
    assert await people.seq() == seq + 1
    of = await urls(people.viewer, id)
    assert (await got(people, of["preview"]))[1]["content-type"] == "image/webp"
    assert CANARY not in (await got(people, of["original"]))[0]
    assert (await got(people, (await urls(people.editor, id))["original"]))[0] == data
