"""`leporello sweep`: a sweep that somebody watches."""

from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import func, select

from models import StoredObject
from resolvers.context import Parts
from resolvers.jobs.sweep import YOUNG, Sweep, Swept
from server.app import parts_of
from server.settings import Settings


async def run(settings: Settings, out: Console, *, is_dry: bool, all: bool) -> bool:
    """Sweeps, and prints what that came to; whether all was well. Raises what Sweep raises."""
    async with parts_of(settings) as parts:
        columns = (TextColumn("photos"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
            task = progress.add_task("photos", total=await _photos(parts))
            sweep = Sweep(
                parts,
                is_dry=is_dry,
                all=all,
                tell=lambda swept: progress.update(task, completed=swept.photos),
            )
            swept = await sweep.run()
    for line in told(swept, is_dry=is_dry):
        out.print(line, soft_wrap=True)
    return not swept.damaged and not swept.stuck


def told(swept: Swept, *, is_dry: bool) -> list[str]:
    """What it came to, for people."""
    gone = "to be deleted" if is_dry else "deleted"
    lines = [
        f"{swept.photos:,} rows of photos, whatever became of them, and {swept.files:,} files.",
        f"{swept.orphans:,} files without a photo, {swept.leftovers:,} left in quarantine: {gone}.",
        f"{swept.expired:,} images that were never uploaded, {swept.released:,} photos in no book: {gone}.",
    ]
    if swept.young:
        lines.append(f"{swept.young:,} files that are younger than {_span(YOUNG)}: not judged.")
    if swept.strange:
        lines.append(f"[yellow]![/] {swept.strange:,} files with names that are none of ours: left alone.")
    if swept.stuck:
        lines.append(f"[red]✗[/] {swept.stuck:,} times a book's images could not be deleted; the log names the book.")
    if swept.damaged:
        lines.append(f"[red]✗[/] {swept.damaged:,} photos whose bytes are missing; the log names them.")
    return lines


def _span(time: timedelta) -> str:
    hours, minutes = divmod(int(time.total_seconds()) // 60, 60)
    return f"{hours} h {minutes} min"


async def _photos(parts: Parts) -> int:
    async with parts.database.session() as session:
        return await session.scalar(select(func.count()).select_from(StoredObject)) or 0
