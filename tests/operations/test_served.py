"""Every file that is served, fetched (S52), and asked for in a thousand pieces (S60)."""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx
import pytest

from storage.objects import Objects
from tests.images import made
from tests.operations.served import VARIANTS, addresses, all_of
from tests.people import People, uuid_of
from tests.uploads.putting import declared, photo, put, request, shown

TYPES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/gif": ".gif"}
#: Of each byte its own range, and of all bytes a thousand times.
FLOODS = (
    ",".join(f"{place}-{place}" for place in range(1_000)),
    ",".join(["0-"] * 1_000),
    ",".join(f"-{place}" for place in range(1, 1_000)),
)


async def test_every_file_has_exactly_its_type_and_says_what_it_is_called(people: People) -> None:
    images = {
        kind: await shown(people, people.editor, made(suffix, 80, 60), contentType=kind, filename=f'a "b"{suffix}')
        for kind, suffix in TYPES.items()
    }
    for person in (people.owner, people.editor, people.viewer):
        served = await all_of(person, images.values())
        assert len(served) == len(TYPES) * len(VARIANTS)
        for place, (kind, suffix) in enumerate(TYPES.items()):
            thumbnail, preview, original = served[3 * place : 3 * place + 3]
            assert thumbnail.content_type == preview.content_type == "image/webp"
            assert original.content_type == kind
            for smaller in (thumbnail, preview):
                assert smaller.disposition == "inline; filename=\"a _b_.webp\"; filename*=UTF-8''a%20%22b%22.webp"
            name = f"a _b_{suffix}"
            assert original.disposition == f"attachment; filename=\"{name}\"; filename*=UTF-8''a%20%22b%22{suffix}"


async def test_files_come_from_an_origin_of_their_own(people: People) -> None:
    id = await shown(people, people.owner, photo())
    [said] = await addresses(people.owner, [id])
    assert {urlsplit(said[variant]).netloc for variant in VARIANTS}.isdisjoint({urlsplit(people.owner.url).netloc})


@pytest.mark.parametrize("variant", VARIANTS)
async def test_nothing_that_was_signed_can_be_altered(people: People, variant: str) -> None:
    id = await shown(people, people.owner, photo())
    [said] = await addresses(people.owner, [id])
    http, (scheme, netloc, path, query, _) = people.nobody.http, urlsplit(said[variant])

    async def asked(signed: dict[str, str], path: str = path) -> int:
        return (await http.get(f"{scheme}://{netloc}{path}?{urlencode(signed, quote_via=quote)}")).status_code

    signed = dict(parse_qsl(query))
    assert await asked(signed) == 200
    assert {name for name in signed if name.startswith("response-")} == {
        "response-content-type",
        "response-content-disposition",
    }
    for name, value in {
        "response-content-type": "text/html",
        "response-content-disposition": "inline",
        "response-cache-control": "public",
        "response-content-encoding": "gzip",
        "X-Amz-Expires": "604800",
        "X-Amz-Date": "20991231T000000Z",
    }.items():
        assert await asked(signed | {name: value}) == 403, name
    for name in signed:
        without = {other: value for other, value in signed.items() if other != name}
        assert await asked(without) in {400, 403}, name
    other = path.replace("/original", "/stripped") if variant == "ORIGINAL" else f"{path.rpartition('/')[0]}/original"
    assert await asked(signed, other) == 403
    assert (await http.get(f"{scheme}://{netloc}{path}")).status_code == 403


@pytest.mark.parametrize("ranges", FLOODS, ids=("bytes", "wholes", "ends"))
async def test_a_thousand_ranges_bring_no_more_than_the_file(people: People, ranges: str) -> None:
    data = photo()
    id = await shown(people, people.owner, data)
    [said] = await addresses(people.owner, [id])
    http = people.nobody.http
    for place in ("/explorer/examples.json", "/graphql", "/health/live"):
        whole = await http.get(f"{people.owner.url}{place}", headers={"accept": "text/html"})
        answer = await http.get(
            f"{people.owner.url}{place}", headers={"accept": "text/html", "range": f"bytes={ranges}"}
        )
        # No range is served: what is asked for in pieces comes whole.
        assert (answer.status_code, answer.content) == (whole.status_code, whole.content)
    answer = await http.get(said["ORIGINAL"], headers={"range": f"bytes={ranges}"})
    # SeaweedFS serves one range, and all of the file to who asks for more; others refuse.
    assert answer.status_code in {200, 400, 416}
    if answer.status_code == 200:
        assert answer.content == data
    assert (await http.get(said["ORIGINAL"], headers={"range": "bytes=1-2"})).content == data[1:3]
    assert (await http.get(said["ORIGINAL"], headers={"range": f"bytes={len(data)}-"})).status_code == 416


async def test_a_flood_of_fields_puts_nothing(people: People, objects: Objects) -> None:
    data = photo()
    [ticket] = (await request(people, people.owner, declared(data))).it["tickets"]
    assert await put(people, ticket, data, **{f"x-amz-meta-{place}": "1" for place in range(2_000)}) in {400, 403}
    assert await objects.head(f"quarantine/{uuid_of(ticket['image']['id'])}") is None
    assert await put(people, ticket, data) == 204


async def test_the_api_reads_no_forms(people: People) -> None:
    fields: dict[str, httpx._types.FileTypes] = {f"field{place}": (None, b"x") for place in range(5_000)}
    answer = await people.owner.http.post(
        f"{people.owner.url}/graphql", files=fields, headers={"authorization": f"Bearer {people.owner.token}"}
    )
    assert answer.status_code == 415
