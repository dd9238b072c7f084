"""What the doctor says of object stores: of ours, of one that refuses nothing, of one that takes no forms."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from server import doctor, safeguards
from server.preparation import objects_of
from server.settings import Settings
from tests.operations.lax import Lax, laxly
from tests.running import free_port

NOSNIFF = "its answers are without `nosniff`: have what stands before it add that (see Caddyfile)."


async def said(settings: Settings) -> dict[str, bool]:
    return {each.says: each.is_serious for each in await safeguards.missing(settings)}


async def test_seaweedfs_lacks_nothing_but_a_header(settings: Settings) -> None:
    assert await said(settings) == {NOSNIFF: False}
    async with objects_of(settings) as objects:
        assert [found async for found in objects.list(safeguards.PREFIX)] == []


async def test_a_store_that_refuses_nothing_is_not_approved(settings: Settings) -> None:
    lax = Lax()
    async with laxly(lax) as url:
        lacks = await said(settings.model_copy(update={"s3_endpoint": url}))
    assert lacks == {
        "it takes uploads of another size than was signed; the worker checks it.": False,
        "it takes uploads as another type than was signed; the worker looks at the bytes.": False,
        "it does not check the SHA-256 of uploads; the worker does.": False,
        "it takes uploads with tickets that have expired; they are never shown, and swept.": False,
        "with any ticket bytes can be put under any key.": True,
        "with a ticket an uploader can make the file public (its field `acl`).": False,
        "it does not serve files under the type and the name that were signed.": True,
        "it serves files to whoever asks: the bucket is public.": True,
        "whoever has an address can change the type under which it serves.": True,
        "it copies under no condition: should the worker freeze, a photo may change after its check.": False,
        NOSNIFF: False,
    }
    assert lax.files == {}


async def test_a_store_without_forms_is_one_to_which_nobody_can_upload(settings: Settings) -> None:
    async with laxly(Lax(posts=False)) as url:
        lacks = await said(settings.model_copy(update={"s3_endpoint": url}))
    assert lacks["it takes no POST with a policy, so that nobody can upload (R2 takes none)."]
    assert not any("ticket" in each for each in lacks)


async def test_a_clock_that_is_off_is_said(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safeguards, "_SKEW", timedelta(seconds=-1))
    assert any(each.startswith("its clock and ours are ") for each in await said(settings))


async def test_the_way_that_clients_take_is_looked_at_too(settings: Settings) -> None:
    async with laxly(Lax(closed=True)) as url:
        lacks = await said(settings.model_copy(update={"s3_public_endpoint": url}))
    [(says, is_serious)] = lacks.items()
    assert says.startswith("S3_PUBLIC_ENDPOINT answers 403 to what we sign") and is_serious
    away = f"http://127.0.0.1:{free_port()}"
    [(says, is_serious)] = (await said(settings.model_copy(update={"s3_public_endpoint": away}))).items()
    assert says.startswith("S3_PUBLIC_ENDPOINT cannot be reached from here") and not is_serious


async def printed(settings: Settings) -> tuple[bool, str]:
    out = StringIO()
    return await doctor.examine(settings, Console(file=out, width=200)), out.getvalue()


async def test_what_is_serious_is_no_way_to_run(settings: Settings) -> None:
    well, lines = await printed(settings)
    assert well and f"! Object store: {NOSNIFF}" in lines
    async with laxly(Lax()) as url:
        well, lines = await printed(settings.model_copy(update={"s3_endpoint": url}))
    assert not well and "✗ Object store: with any ticket bytes can be put under any key." in lines


async def test_the_other_way_to_name_the_bucket_is_tried(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def only_virtual(asked: Any) -> str | None:
        return None if asked.s3_addressing == "virtual" else "not there."

    monkeypatch.setattr(doctor, "_lacking", only_virtual)
    well, lines = await printed(settings)
    assert not well and "S3_ADDRESSING=virtual" in lines


async def test_a_bucket_that_is_not_to_be_had_is_said_for_what_it_is(settings: Settings) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    for changed, line in (
        ({"s3_bucket": "another"}, "reached, but there is no bucket another: `leporello migrate` makes it."),
        ({"s3_secret_key": "wrong"}, "reached, but it refuses us (403): are S3_ACCESS_KEY and S3_SECRET_KEY its own?"),
        ({"s3_endpoint": away}, f"nothing answers at {away}."),
    ):
        well, lines = await printed(settings.model_copy(update=changed))
        assert not well and f"✗ Object store: {line}" in lines
