"""The bucket and the table, compared both ways: what is in no row goes, and nothing else does."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from models.id import new_id
from models.object import Part, key_of, keys_of
from resolvers.jobs import REGISTRY
from resolvers.jobs.purge import EXPIRY
from resolvers.jobs.sweep import LONGEST_JOB, SWEEP, YOUNG, Swept, SweptBySomebody, TooManyOrphans, orphans, walk
from server.worker.attempt import ENDING
from storage.sweeping import Row, alone, clock, rows, time_of
from tests.operations.house import PARTS, House, found

DAY = timedelta(days=1)


async def test_what_is_in_no_row_goes_and_all_else_stays(house: House) -> None:
    ready = await house.photo()
    before = await house.keys()
    gone = new_id()
    orphans = [await house.put(key) for key in [*keys_of([gone]), f"images/{gone}/of-a-newer-program"]]
    swept = await house.sweep()
    assert found(swept) == {"orphans": 5}
    assert (swept.photos, swept.files) == (2, 8 + len(orphans))
    assert await house.keys() == before
    assert ready in await house.ids("objects")


async def test_a_second_sweep_finds_nothing_to_do(house: House) -> None:
    await house.put(key_of(new_id()))
    await house.put(f"quarantine/{new_id()}")
    await house.photo("PENDING")
    assert found(await house.sweep()) == {"orphans": 1, "leftovers": 1, "expired": 1}
    after = await house.keys()
    assert found(await house.sweep()) == {}
    assert await house.keys() == after


async def test_a_dry_run_says_the_same_and_does_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "AHEAD", timedelta(0))
    await house.put(key_of(new_id()))
    await house.put(f"quarantine/{new_id()}")
    await house.photo("PENDING")
    await house.sql.execute("INSERT INTO objects (id, created_at) VALUES (gen_random_uuid(), now() - interval '2 d')")
    await house.photo(kept=frozenset())
    keys, objects, images = await house.keys(), await house.ids("objects"), await house.ids("images")
    said = await house.sweep(is_dry=True)
    assert (await house.keys(), await house.ids("objects"), await house.ids("images")) == (keys, objects, images)
    assert await house.sweep() == said
    assert found(said) == {"orphans": 1, "leftovers": 1, "expired": 1, "released": 1, "damaged": 1}


async def test_what_is_young_is_not_touched(house: House) -> None:
    """By the bucket's clock for what is in there, by the database's for rows."""
    await house.put(key_of(new_id()))
    await house.put(f"quarantine/{new_id()}")
    await house.photo(kept=frozenset(), age=timedelta(minutes=1))
    await house.sql.execute("INSERT INTO objects (id, created_at) VALUES (gen_random_uuid(), now())")
    keys, objects = await house.keys(), await house.ids("objects")
    assert found(await house.sweep(young=YOUNG)) == {"young": 2}
    assert (await house.keys(), await house.ids("objects")) == (keys, objects)
    assert set(found(await house.sweep())) == {"orphans", "leftovers", "released", "damaged"}


def test_no_job_still_writes_what_is_taken_for_old() -> None:
    assert all(timedelta(seconds=kind.timeout + ENDING) <= LONGEST_JOB for kind in REGISTRY)
    assert SWEEP in [*REGISTRY]


async def test_what_is_waited_for_stays_in_quarantine_and_nothing_else(house: House) -> None:
    ids = {
        status: await house.photo(status, age=age)
        for status, age in (
            ("PROCESSING", 30 * DAY),
            ("PENDING", 0.9 * EXPIRY),
            ("FAILED", DAY),
            ("READY", DAY),
        )
    }
    late = await house.photo("PENDING", age=1.1 * EXPIRY)
    keys = {name: await house.put(f"quarantine/{id}") for name, id in ids.items()}
    for name in (late, uuid4(), str(ids["PENDING"]).upper(), "strange"):
        await house.put(f"quarantine/{name}")
    swept = await house.sweep()
    assert found(swept) == {"leftovers": 6, "expired": 1}
    left = {key for key in await house.keys() if key.startswith("quarantine/")}
    assert left == {keys["PROCESSING"], keys["PENDING"]}
    assert late not in await house.ids("images") | await house.ids("objects")
    assert await house.ids("images") >= {*ids.values()}


async def test_nothing_of_a_photo_that_failed_is_kept(house: House) -> None:
    failed, processing = await house.photo("FAILED"), await house.photo("PROCESSING")
    for id in (failed, processing):
        await house.put(key_of(id))
    assert found(await house.sweep()) == {"orphans": 1}
    assert key_of(processing) in await house.keys()
    assert key_of(failed) not in await house.keys()


async def test_missing_bytes_are_said_and_nothing_is_deleted_for_them(house: House) -> None:
    nothing = await house.photo(kept=frozenset())
    half = await house.photo(kept=PARTS - {Part.PREVIEW})
    short = await house.photo(size=1_000)
    old = await house.photo(kept=frozenset({Part.ORIGINAL}))
    await house.sql.execute("UPDATE objects SET developed_at = NULL WHERE id = $1", old)
    keys, objects, images = await house.keys(), await house.ids("objects"), await house.ids("images")
    with capture_logs() as lines:
        assert found(await house.sweep()) == {"damaged": 3}
    assert {line["object"]: line["parts"] for line in lines if line["event"] == "bytes are missing"} == {
        str(nothing): ["original", "thumbnail", "preview", "stripped"],
        str(half): ["preview"],
        str(short): ["original"],
    }
    assert (await house.keys(), await house.ids("objects"), await house.ids("images")) == (keys, objects, images)


async def test_the_log_names_some_and_counts_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "NAMED", 2)
    for _ in range(3):
        await house.photo(kept=frozenset())
    with capture_logs() as lines:
        await house.sweep_by_the_clock()
    assert [line["event"] for line in lines].count("bytes are missing") == 2
    [said] = [line for line in lines if line["event"] == "swept"]
    assert (said["log_level"], said["damaged"]) == ("error", 3)


async def test_a_photo_in_no_book_is_let_go_with_its_bytes(house: House) -> None:
    shared, alone_ = await house.photo(), await house.photo()
    await house.sql.execute("DELETE FROM images WHERE id IN ($1, $2)", shared, alone_)
    await house.sql.execute(
        "INSERT INTO images (id, book_id, object_id, status, status_at, filename, content_type, size, sha256,"
        " created_at) SELECT gen_random_uuid(), $1, $2, 'READY', now(), 'a', 'image/jpeg', 16, '', now()",
        house.book_id,
        shared,
    )
    assert found(await house.sweep()) == {"released": 1}
    assert alone_ not in await house.ids("objects")
    assert shared in await house.ids("objects")
    assert {key.split("/")[1] for key in await house.keys()} >= {str(shared)}
    assert not any(str(alone_) in key for key in await house.keys())


async def test_names_that_are_none_of_ours_are_left_alone(house: House) -> None:
    names = {"images/readme", f"images/{str(uuid4()).upper()}/original", "images/holiday/original", "elsewhere/a"}
    for name in names:
        await house.put(name)
    assert found(await house.sweep()) == {"strange": 3}
    assert await house.keys() >= names


async def test_more_than_a_page_and_a_batch(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.sweeping.table.PAGE", 3)
    monkeypatch.setattr(walk, "BATCH", 4)
    kept = [await house.photo() for _ in range(5)]
    for _ in range(9):
        await house.put(key_of(new_id()))
        await house.put(f"quarantine/{new_id()}")
    kept += [await house.photo() for _ in range(5)]
    waiting = [await house.photo("PENDING", age=EXPIRY / 2) for _ in range(4)]
    assert found(await house.sweep()) == {"orphans": 9, "leftovers": 9}
    assert await house.ids("objects") >= {*kept, *waiting}
    assert len(await house.keys()) == 4 * (1 + len(kept))


async def test_two_sweeps_are_not_under_way_at_once(house: House) -> None:
    orphan = await house.put(key_of(new_id()))
    async with alone(house.parts.database) as is_alone:
        assert is_alone
        with pytest.raises(SweptBySomebody):
            await house.sweep()
        assert orphan in await house.keys()
    results = await asyncio.gather(*(house.sweep() for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(result, Swept) and result.orphans for result in results) == 1
    assert orphan not in await house.keys()


async def test_a_bucket_that_is_another_houses_is_not_touched(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "BATCH", 2)
    await house.put(f"quarantine/{new_id()}")
    await house.photo("PENDING")
    for _ in range(orphans.ORPHANS):
        await house.put(key_of(new_id()))
    more = await house.put(key_of(new_id()))
    keys, images = await house.keys(), await house.ids("images")
    with pytest.raises(TooManyOrphans):
        await house.sweep()
    assert (await house.keys(), await house.ids("images")) == (keys, images)
    await house.parts.objects.delete([more])
    assert found(await house.sweep()) == {"orphans": orphans.ORPHANS, "leftovers": 1, "expired": 1}
    # Where none of the photos has a row, each is too many.
    await house.put(key_of(new_id()))
    await house.sql.execute("TRUNCATE objects CASCADE")
    keys = await house.keys()
    with pytest.raises(TooManyOrphans):
        await house.sweep()
    assert await house.keys() == keys
    monkeypatch.setattr(clock, "AHEAD", timedelta(0))
    assert found(await house.sweep(is_dry=True)) == {"orphans": 5}
    assert found(await house.sweep(all=True)) == {"orphans": 5}


async def test_of_a_large_bucket_a_share_can_be_orphans(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "ORPHANS", 0)
    for _ in range(17):
        await house.photo(kept=frozenset({Part.ORIGINAL}))
    # A table that knows more than there is does not make it more.
    for _ in range(20):
        await house.photo("PENDING", age=timedelta(0))
    for _ in range(2):
        await house.put(key_of(new_id()))
    assert found(await house.sweep())["orphans"] == 2
    for _ in range(3):
        await house.put(key_of(new_id()))
    with pytest.raises(TooManyOrphans):
        await house.sweep()


async def test_a_table_that_is_emptied_after_the_count_does_not_empty_the_bucket(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphans, "ORPHANS", 2)
    monkeypatch.setattr(walk, "BATCH", 1)
    for _ in range(4):
        await house.photo(kept=frozenset({Part.ORIGINAL}))
    counted = False

    async def emptied(*asked: Any, **how: Any) -> AsyncIterator[Row]:
        nonlocal counted
        if counted:
            await house.sql.execute("TRUNCATE objects CASCADE")
        async for row in rows(*asked, **how):
            yield row
        counted = True

    monkeypatch.setattr(walk, "rows", emptied)
    with pytest.raises(TooManyOrphans):
        await house.sweep()
    assert len({key.split("/")[1] for key in await house.keys()}) == 3


async def test_a_dry_run_asks_for_nothing_that_a_key_to_read_does_not_allow(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.put(key_of(new_id()))
    await house.put(f"quarantine/{new_id()}")
    asked: list[str] = []
    house.parts.objects._client.meta.events.register(
        "before-call.s3", lambda model, **_: asked.append(model.name), unique_id="asked"
    )
    # What was put a moment ago may be younger than our clock says.
    assert found(await house.sweep(is_dry=True)) == {"young": 2}
    monkeypatch.setattr(clock, "AHEAD", timedelta(0))
    assert found(await house.sweep(is_dry=True)) == {"orphans": 1, "leftovers": 1}
    assert {*asked} == {"ListObjectsV2"}
    await house.sweep()
    assert {*asked} > {"ListObjectsV2", "PutObject", "DeleteObjects"}


async def test_what_changed_while_it_was_looked_at_is_looked_at_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, gone = await house.keys(), new_id()

    async def outdated(*_: Any, **__: Any) -> AsyncIterator[Row]:
        # Without the photo that is there, and with one that went.
        yield Row(gone, True, True, False, False, 16, [])

    monkeypatch.setattr(walk, "rows", outdated)
    assert found(await house.sweep(all=True)) == {}
    assert await house.keys() == keys


async def test_the_bucket_says_what_time_it_is(house: House) -> None:
    before = await house.keys()
    first = await time_of(house.parts.objects)
    await house.put("a")
    dated = await house.parts.objects.head("a")
    assert dated is not None and first <= dated.modified_at <= await time_of(house.parts.objects)
    assert await house.keys() == before | {"a"}
