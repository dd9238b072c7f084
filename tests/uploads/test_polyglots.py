"""Files that are two things at once (row S51): refused, or served as a picture and nothing else."""

import io
import zipfile
from uuid import uuid4

import pytest
from PIL import Image

from storage.objects import Objects
from tests.images import GIF_SCRIPT, HTML, SVG, made
from tests.people import People
from tests.uploads.putting import finished, kept, uploaded, whole
from tests.uploads.test_shown import got, urls

SCRIPT = b"<script>alert('canary')</script>"
PDF = b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert('canary'))>>>>endobj\n"


def _jar() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("canary.class", b"\xca\xfe\xba\xbe")
    return out.getvalue()


REFUSED = [
    ("a drawing under the name of a PNG", "image/png", SVG),
    ("a page under the name of a JPEG", "image/jpeg", HTML),
    ("a script that begins like a GIF", "image/gif", GIF_SCRIPT),
    ("a document under the name of a PNG", "image/png", PDF),
    ("a picture behind a page", "image/jpeg", HTML + made(".jpg")),
    ("a PNG under the name of a JPEG", "image/jpeg", made(".png")),
]
SERVED = [
    ("a PNG with a drawing behind it", "image/png", made(".png") + SVG + b"canary"),
    ("a GIF with an archive behind it", "image/gif", made(".gif") + _jar()),
    ("a JPEG with a script behind it", "image/jpeg", made(".jpg") + SCRIPT),
    ("a PNG with a document behind it", "image/png", made(".png") + PDF),
    ("a WebP with a page behind it", "image/webp", made(".webp") + HTML + b"canary"),
]


@pytest.mark.parametrize(("content_type", "data"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
async def test_what_is_no_picture_of_its_kind_is_refused(
    people: People, bucket: Objects, content_type: str, data: bytes
) -> None:
    id = await uploaded(people, people.editor, data + uuid4().hex.encode(), contentType=content_type)
    [image] = await finished(people, people.editor, id)
    assert image["status"] == "FAILED" and image["failureReason"]
    assert await kept(bucket, id) == set()


@pytest.mark.parametrize(("content_type", "data"), [case[1:] for case in SERVED], ids=[case[0] for case in SERVED])
async def test_what_was_hidden_is_in_nothing_that_others_get(
    people: People, bucket: Objects, content_type: str, data: bytes
) -> None:
    data += uuid4().hex.encode()
    id = await uploaded(people, people.editor, data, contentType=content_type, filename="page.html")
    [image] = await finished(people, people.editor, id)
    assert image["status"] == "READY", image
    assert await kept(bucket, id) == whole(id)
    for person, names in ((people.viewer, ("thumbnail", "preview", "original")), (people.editor, ("original",))):
        addresses = await urls(person, id)
        for name in names:
            content, headers = await got(people, addresses[name])
            served = headers["content-type"]
            assert served == (content_type if name == "original" else "image/webp")
            assert f".{served[6:].replace('jpeg', 'jpg')}" in headers["content-disposition"]
            assert headers["content-disposition"].startswith("attachment" if name == "original" else "inline")
            Image.open(io.BytesIO(content)).load()
            # Its uploader, and the owners, get what was uploaded.
            assert (content == data, b"canary" in content) == ((person is people.editor),) * 2
