"""`leporello worker` and `leporello jobs`, as whoever types them sees them."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest
from rich.console import Console
from typer.testing import CliRunner

from models.id import new_id
from server.cli import cli, running
from server.settings import Settings
from server.worker import working
from storage.jobs import Job
from tests.jobs.conftest import PATIENCE, Put, until_state
from tests.test_cli import begun, environment, typed

#: `leporello jobs` with these words: exit status, what was printed, what was complained of.
Typed = Callable[..., Awaitable[tuple[int, str, str]]]


async def test_the_worker_works_until_it_is_told_to_stop(
    settings: Settings, put: Put, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    await put(Job("jobs.prune"), Job("of.tomorrows.program"))
    beat = tmp_path / "beat"
    given = environment(
        settings, ENVIRONMENT="production", SECRET_KEY="0123456789abcdefghij" * 2, PUBLIC_URL="http://a.b"
    )
    async with begun("worker", "--beat", str(beat), cwd=tmp_path, env=given) as process:
        await until_state(sql, "DONE", "WAITING")
        assert beat.exists()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    lines = [line for line in map(json.loads, out.splitlines()) if line["event"] == "job" or "worker" in line["event"]]
    assert [line["event"] for line in lines] == ["the worker runs", "job", "the worker has stopped"]
    assert (lines[1]["name"], lines[1]["outcome"]) == ("jobs.prune", "done")


async def test_the_worker_of_dev_does_what_is_owed_and_ends_with_its_block(
    settings: Settings, put: Put, sql: asyncpg.Connection
) -> None:
    async with working(settings) as task:
        await put(Job("jobs.prune"))
        await until_state(sql, "DONE")
    assert task.done() and task.exception() is None


async def test_a_worker_before_its_migration_is_one_line(base: Settings, tmp_path: Path) -> None:
    status, _, said = await typed("worker", cwd=tmp_path, settings=base)
    assert status == 1 and said.startswith("The database is at no step at all, and ")
    assert said.count("\n") == 1 and "run `leporello migrate`" in said
    status, _, said = await typed("jobs", "list", cwd=tmp_path, settings=base)
    line = "The database is at another step than this program needs: run `leporello migrate`.\n"
    assert (status, said) == (1, line)
    assert (await typed("jobs", "run", "jobs.prune", cwd=tmp_path, settings=base))[2] == line


@pytest.fixture
def jobs(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    # Where no `.env` is.
    monkeypatch.chdir(tmp_path)

    async def typed(*words: str) -> tuple[int, str, str]:
        # In a thread, since a command has a loop of its own.
        given = environment(settings)
        ended = await asyncio.to_thread(CliRunner().invoke, cli, ["jobs", *words], env=given)
        return ended.exit_code, ended.stdout, ended.stderr

    return typed


async def test_jobs_are_shown_with_their_errors_and_can_be_mended(
    jobs: Typed, put: Put, sql: asyncpg.Connection
) -> None:
    await put(Job("test.note", key="[red]k[/]"), Job("test.note"), Job("test.note"))
    await sql.execute(
        "UPDATE jobs SET state = 'DEAD', ended_at = now() - interval '2 hours', tries = 5, error = $1 WHERE id = 1",
        "OSError: [bold]away[/] \x1b[31m\n" + "!" * 1_500,
    )
    await sql.execute("UPDATE jobs SET state = 'DONE', ended_at = now() WHERE id = 2")
    await sql.execute("UPDATE jobs SET not_before = now() + interval '3 days' WHERE id = 3")
    status, out, said = await jobs("list")
    error = "OSError: [bold]away[/]  [31m "
    assert out == (
        f"1\ttest.note\t[red]k[/]\tDEAD\t5\tfor 2 h\t{error}{'!' * (160 - len(error))}…\n"
        "3\ttest.note\t\tWAITING\t0\tin 3 d\t\n"
    )
    assert (status, said) == (0, "0 due, 0 running, 1 dead.\n")
    assert (await jobs("list", "--state", "done"))[1].startswith("2\ttest.note\t\tDONE\t")
    assert await jobs("retry", "1") == (0, "Job 1 waits for a worker.\n", "")
    assert tuple(await sql.fetchrow("SELECT state, tries FROM jobs WHERE id = 1")) == ("WAITING", 0)
    assert await jobs("retry", "1") == (1, "", "There is no dead job 1.\n")
    assert await jobs("retry", "9" * 30) == (1, "", f"There is no dead job {'9' * 30}.\n")
    line = "A job has a number, which `leporello jobs list` shows; abc is none.\n"
    assert await jobs("retry", "abc") == (1, "", line)
    assert await jobs("run", "jobs.prune") == (0, "jobs.prune waits for a worker.\n", "")
    assert await sql.fetchval("SELECT state FROM jobs WHERE name = 'jobs.prune'") == "WAITING"
    status, _, said = await jobs("run", "jobs.none")
    assert status == 1 and said.startswith("there is no job jobs.none; there are ") and said.count("\n") == 1
    status, _, said = await jobs("run", "jobs.prune", "--payload", "no JSON")
    assert status == 1 and said.startswith("--payload of jobs.prune: it is wrong: ") and said.count("\n") == 1
    line = "--payload of photo.develop: image_id is missing.\n"
    assert await jobs("run", "photo.develop") == (1, "", line)


async def test_a_narrow_window_folds_and_a_photos_key_is_its_id(
    jobs: Typed, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = Console(highlight=False, force_terminal=True, color_system=None, width=80)
    monkeypatch.setattr(running, "out", window)
    id = str(new_id())
    await put(*(Job("photo.discard", key=key) for key in (id, f"{id} late")), Job("mail.photos", key=id))
    status, out, _ = await jobs("list")
    assert status == 0 and "…" not in out and out.endswith("3 due, 0 running, 0 dead.\n")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if line.startswith("│")]
    keys: list[str] = []
    for row in rows:
        # Only the first of a job's lines has its number.
        keys = [*keys, row[2]] if row[0] else [*keys[:-1], keys[-1] + row[2]]
    assert sorted(key.replace(" ", "") for key in keys) == sorted([id, f"im_{id}", f"im_{id}late"])
