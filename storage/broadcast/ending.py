"""Ending tasks for certain."""

import asyncio
from collections.abc import Iterable

#: Seconds until a task that goes on is cancelled once more.
ONCE_MORE = 0.02


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancels them until they are done, and leaves what they raised unsaid."""
    ending = set(tasks)
    going_on = ending
    while going_on:
        for task in going_on:
            # Python 3.11's wait_for, which redis-py sends with, swallows the one that comes as it is done.
            task.cancel()
        _, going_on = await asyncio.wait(going_on, timeout=ONCE_MORE)
    await asyncio.gather(*ending, return_exceptions=True)
