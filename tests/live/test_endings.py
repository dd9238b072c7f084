"""A feed that is behind the journal, and one whose journal has ended: nobody misses anything, or is told so wrongly."""

import pytest

from models.refusal import Forbidden, NotFound
from tests.client import Client, changed
from tests.live.conftest import Execute
from tests.live.quiet import Quiet
from tests.live.twins import Gates, Numbers, Paper
from tests.people import uuid_of

NEW_EPOCH = "UPDATE books SET epoch = :epoch WHERE id = :id"


async def test_a_place_that_only_this_process_has_not_come_to_is_no_resync(
    quiet: Quiet, ada: Client, book_id: str
) -> None:
    await quiet.followed(ada, book_id, Numbers(), after=0)
    for title in "abc":
        await changed(ada, book_id, title=title)
    paper, ahead = Paper(), Paper()
    quiet.follow(ada, book_id, Numbers(), paper, after=3)
    assert await paper.seqs(1) == [4]
    quiet.follow(ada, book_id, Numbers(), ahead, after=5)
    assert [(each["kind"], each["seq"]) for each in [await ahead.next()]] == [("Resync", 4)]


async def test_an_epoch_of_which_only_this_process_has_not_heard_is_no_resync(
    quiet: Quiet, ada: Client, book_id: str, execute: Execute
) -> None:
    old, _ = await quiet.followed(ada, book_id, Numbers(), after=0)
    await execute(NEW_EPOCH, epoch="new", id=uuid_of(book_id))
    paper = Paper()
    quiet.follow(ada, book_id, Numbers(), paper, after=1, epoch="new")
    resync = await old.next()
    assert (resync["kind"], resync["seq"], resync["epoch"]) == ("Resync", 1, "new")
    await changed(ada, book_id, title="live")
    quiet.nudge(book_id)
    assert (await paper.next())["kind"] == (await old.next())["kind"] == "BookChanged"


async def test_an_epoch_that_ends_while_its_resync_is_told_is_told_as_well(
    quiet: Quiet, ada: Client, book_id: str, execute: Execute
) -> None:
    gates = Gates()
    slow = Numbers(key="slow", before=gates.wait)
    paper = Paper()
    quiet.follow(ada, book_id, slow, paper, after=0)
    (await gates.held()).set()
    assert await paper.seqs(1) == [1]
    others, _ = await quiet.followed(ada, book_id, Numbers(), after=0)
    await execute(NEW_EPOCH, epoch="second", id=uuid_of(book_id))
    quiet.nudge(book_id)
    telling = await gates.held()
    assert (await others.next())["epoch"] == "second"
    await execute(NEW_EPOCH, epoch="third", id=uuid_of(book_id))
    quiet.nudge(book_id)
    assert (await others.next())["epoch"] == "third"
    telling.set()
    (await gates.held()).set()
    while (told := await paper.next())["epoch"] != "third":
        assert told["kind"] == "Resync"


async def test_a_book_that_is_gone_for_good_ends_all_and_is_found_by_nobody(
    quiet: Quiet, ada: Client, book_id: str, execute: Execute
) -> None:
    _, following = await quiet.followed(ada, book_id, Numbers(), after=0)
    await execute("DELETE FROM books WHERE id = :id", id=uuid_of(book_id))
    quiet.nudge(book_id)
    with pytest.raises(Forbidden):
        await following
    with pytest.raises(NotFound):
        await quiet.follow(ada, book_id, Numbers(), Paper(), after=1)
