"""What a feed tells, to whom, how much of it at once, and what becomes of those whom it cannot tell."""

import asyncio
from typing import Any

import asyncpg
import pytest

from models.refusal import Forbidden
from resolvers.live import Depends, Unshared
from resolvers.live.group import HELPING
from server.app import App
from tests import client as asks
from tests.client import Client, changed, joined
from tests.live.conftest import Execute
from tests.live.quiet import Quiet
from tests.live.twins import Gates, Numbers, Paper, refuse
from tests.people import somebody, uuid_of

#: Events of 100 kB each.
LARGE = (
    "INSERT INTO events (book_id, seq, kind, payload, at) "
    "SELECT id, number, 'CanvasChanged', json_build_object('x', repeat('x', 100000)), now() "
    "FROM books, generate_series(seq + 1, seq + :count) number WHERE id = :id"
)


@pytest.mark.parametrize("dependence", [Depends.NOTHING, Depends.MEMBERSHIP])
async def test_nothing_that_came_after_a_removal_is_told(
    quiet: Quiet, app: App, ada: Client, book_id: str, dependence: Depends
) -> None:
    ben = await somebody(app, ada, "Ben")
    assert await joined(ada, book_id, ben) == 2
    asked = Numbers(dependence=dependence)
    bens, following = await quiet.followed(ben, book_id, asked, after=1)
    adas, _ = await quiet.followed(ada, book_id, asked, after=1)
    await changed(ada, book_id, title="before")
    await ada.ask(asks.REMOVE_MEMBER, bookId=book_id, userId=ben.user_id)
    await changed(ada, book_id, title="after")
    quiet.nudge(book_id)
    with pytest.raises(Forbidden):
        await following
    assert await adas.seqs(3) == [3, 4, 5]
    # Only what was there before it; and not even that, where it is told as it is now.
    assert [(await bens.next())["seq"] for _ in range(bens.sent.qsize())] in ([], [3])


async def test_large_events_are_told_a_helping_at_a_time_whether_missed_or_live(
    quiet: Quiet, ada: Client, book_id: str, execute: Execute
) -> None:
    asked, paper = Numbers(weight=100_000), Paper()
    for first in (2, 12):
        await execute(LARGE, count=10, id=uuid_of(book_id))
        await execute("UPDATE books SET seq = seq + 10 WHERE id = :id", id=uuid_of(book_id))
        if first == 2:
            quiet.follow(ada, book_id, asked, paper, after=1)
        else:
            quiet.nudge(book_id)
        assert await paper.seqs(10) == list(range(first, first + 10))
    assert max(map(len, asked.asked)) <= HELPING // 100_000
    assert max(paper.sizes) <= HELPING


@pytest.mark.parametrize("error", [ValueError, asyncpg.QueryCanceledError])
async def test_what_cannot_be_told_ends_those_alone_who_asked_for_it(
    quiet: Quiet, ada: Client, book_id: str, error: type[Exception]
) -> None:
    def fail() -> None:
        raise error

    wrong = Numbers(key="wrong")
    _, failing = await quiet.followed(ada, book_id, wrong, after=0)
    paper, going_on = await quiet.followed(ada, book_id, Numbers(), after=0)
    wrong.before = fail
    await changed(ada, book_id, title="next")
    quiet.nudge(book_id)
    with pytest.raises(error):
        await failing
    assert await paper.seqs(1) == [2]
    # Also those who come for what was missed.
    with pytest.raises(error):
        await quiet.follow(ada, book_id, wrong, Paper(), after=0)
    assert not going_on.done()


async def test_what_cannot_be_shared_goes_on_after_what_was_sent(quiet: Quiet, ada: Client, book_id: str) -> None:
    asked = Numbers()
    _, following = await quiet.followed(ada, book_id, asked, after=0)
    asked.before = refuse
    await changed(ada, book_id, title="next")
    quiet.nudge(book_id)
    epoch = (await ada.ask(asks.BOOK, id=book_id)).it["epoch"]
    with pytest.raises(Unshared) as place:
        await following
    assert (place.value.after, place.value.epoch) == (1, epoch)


async def test_one_whose_socket_others_keep_busy_is_not_sent_to(quiet: Quiet, ada: Client, book_id: str) -> None:
    busy, _ = await quiet.followed(ada, book_id, Numbers(), after=0)
    free, _ = await quiet.followed(ada, book_id, Numbers(), after=0)
    busy.is_free.clear()
    for seq in (2, 3):
        await changed(ada, book_id, title=f"{seq}")
        quiet.nudge(book_id)
        assert await free.seqs(1) == [seq]
    assert busy.sent.empty()
    busy.is_free.set()
    assert await busy.seqs(2) == [2, 3]


async def test_one_who_is_slow_gets_everything_once_and_the_others_do_not_wait(
    quiet: Quiet, ada: Client, book_id: str
) -> None:
    paper, _ = await quiet.followed(ada, book_id, Numbers(), after=0)
    slow = Paper(is_slow=True)
    quiet.follow(ada, book_id, Numbers(), slow, after=0)
    assert await slow.seqs(1) == [1]
    for seq in range(2, 7):
        await changed(ada, book_id, title=f"{seq}")
        quiet.nudge(book_id)
        assert await paper.seqs(1) == [seq]
    assert slow.sent.empty()
    heard: list[Any] = []
    while len(heard) < 5:
        slow.is_free.set()
        heard += await slow.seqs(1)
        await asyncio.sleep(0)
    assert heard == [2, 3, 4, 5, 6]


async def test_who_is_told_slowly_holds_up_nobody_else(quiet: Quiet, app: App, ada: Client, book_id: str) -> None:
    ben = await somebody(app, ada, "Ben")
    seq = await joined(ada, book_id, ben)
    gates, slowly = Gates(), Paper()
    quiet.follow(ben, book_id, Numbers("slow", before=gates.wait), slowly, after=seq)
    quick, _ = await quiet.followed(ada, book_id, Numbers("quick"), after=seq - 1)
    for number in range(3):
        changed_to = await changed(ada, book_id, title=f"{number}")
        quiet.nudge(book_id)
        assert await quick.seqs(1) == [changed_to]
    assert slowly.sent.empty()
    # However many helpings it takes by then.
    opening = asyncio.create_task(gates.open())
    assert await slowly.seqs(3) == [seq + 1, seq + 2, seq + 3]
    opening.cancel()


async def test_the_slow_ones_of_one_viewer_are_told_one_after_the_other(
    quiet: Quiet, app: App, ada: Client, book_id: str
) -> None:
    ben = await somebody(app, ada, "Ben")
    await joined(ada, book_id, ben)
    gates = Gates()
    papers = [Paper(), Paper()]
    for name, paper in zip(("one", "another"), papers, strict=True):
        quiet.follow(ada, book_id, Numbers(name, before=gates.wait), paper, after=1)
    first = await gates.held()
    # Somebody else does not wait for that.
    await quiet.followed(ben, book_id, Numbers("quick"), after=0)
    assert gates.is_empty
    first.set()
    (await gates.held()).set()
    assert [await paper.seqs(1) for paper in papers] == [[2], [2]]
