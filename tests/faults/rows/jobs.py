"""Workers killed in the midst of jobs, and by them: each job does what it does once."""

import os

from tests.faults.play import Play
from tests.faults.row import row
from tests.jobs.killing import kill


@row("R31", "a worker is killed in the midst of a job, 100 times; two workers", limit=900)
async def workers(play: Play) -> None:
    given = play.rooms.settings.model_dump(exclude_unset=True)
    environment = {name.upper(): str(value) for name, value in given.items() if value is not None}
    kills = play.scale.times(100)
    seen = await kill(
        play.sql,
        {**environment, "PATH": os.environ["PATH"]},
        kills=kills,
        poisoned=2,
        seed=play.random.randrange(2**32),
    )
    for fault in seen.faults:
        play.require(False, fault)
    play.require(seen.cut_off >= kills / 2, f"only {seen.cut_off} tries were met by {kills} kills")
    play.show("jobs done", seen.jobs)
    play.show("tries cut off", seen.cut_off)
