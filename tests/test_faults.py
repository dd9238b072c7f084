"""Some rows of `make faults`, as short as they can be: what must never be is not, whatever the machine; no figures."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from tests.faults import rows
from tests.faults.house import House
from tests.faults.row import ROWS
from tests.faults.scale import SHORT
from tests.faults.stage import perform

assert rows
#: The quickest of each kind: Redis and Postgres killed, a process killed before it answers, parallel writers, access.
CHOSEN: Final = ("R01", "R13", "R08", "R25", "S27")
SEED: Final = 1


@pytest_asyncio.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A stack of their own, since they end its servers."""
    async with House.built(tmp_path_factory.mktemp("faults")) as house:
        yield house


@pytest.mark.parametrize("id", CHOSEN)
async def test_nothing_is_lost(house: House, id: str) -> None:
    report = await perform(ROWS[id], house, SHORT, SEED)
    assert (report.faults, report.skipped) == ([], "")
    assert report.figures, "nothing was looked at"
