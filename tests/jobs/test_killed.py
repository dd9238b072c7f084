"""Workers that are killed in the midst of jobs: R31 of `make faults`, in short."""

import os

import asyncpg

from server.settings import Settings
from tests.jobs.killing import kill
from tests.running import processes_of


async def test_a_killed_worker_costs_no_job_and_none_is_done_twice(settings: Settings, sql: asyncpg.Connection) -> None:
    async with processes_of(settings, 0) as none:
        seen = await kill(sql, {**none.environment, "PATH": os.environ["PATH"]}, kills=5, poisoned=1, seed=1)
    assert seen.faults == []
    # Nothing was shown unless most of them died in the midst of something.
    assert seen.cut_off >= 3
