"""Plays rows one after the other, each within its limit."""

import asyncio
import traceback
from collections.abc import Iterable

from tests.faults.house import House
from tests.faults.play import Play, playing
from tests.faults.row import Report, Row, Skipped
from tests.faults.scale import Scale


async def perform(row: Row, house: House, scale: Scale, seed: int) -> Report:
    """Never raises what the row raises: that is its failure, and is told."""
    report = Report(row, seed)
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(row.limit), playing(row, house, scale, seed, report) as play:
            await _act(row, play)
    except Skipped as missing:
        report.skipped = str(missing)
    except Exception as error:
        if not isinstance(error, TimeoutError) or loop.time() - began < row.limit:
            report.faults.append(f"it broke off: {''.join(traceback.format_exception(error)[-3:])}")
        else:
            report.faults.append(f"not over within {row.limit:g} s")
    report.seconds = loop.time() - began
    return report


async def _act(row: Row, play: Play) -> None:
    await row.act(play)
    broken = [each for writer in play.writers for each in writer.broken]
    if broken:
        play.show("answers of 5xx or with a stack", f"{len(broken)}: {broken[0]}")


def chosen(only: str, rows: Iterable[str]) -> list[str]:
    """Their ids in the order of the rows. Raises KeyError for one that is not there."""
    known = [*rows]
    wanted = {each.strip().upper() for each in only.split(",") if each.strip()} or {*known}
    if unknown := wanted - {*known}:
        raise KeyError(", ".join(sorted(unknown)))
    return [id for id in known if id in wanted]
