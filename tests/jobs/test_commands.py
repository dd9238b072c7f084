"""`leporello worker` and `leporello jobs`, as whoever types them sees them."""

import asyncio
import json
import signal
from pathlib import Path

import asyncpg
import pytest
from rich.console import Console
from typer.testing import CliRunner

from server import cli as command_line
from server.cli import cli
from server.settings import Settings
from server.worker import working
from storage.jobs import Job
from tests.jobs.conftest import PATIENCE, Put, until_state
from tests.test_cli import begun, environment, typed


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
    assert status == 1 and said.count("\n") == 1 and "run `leporello migrate`" in said


async def test_jobs_are_shown_with_their_errors_and_can_be_mended(
    settings: Settings, put: Put, sql: asyncpg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where no `.env` is.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command_line, "_out", Console(highlight=False, width=200))

    async def jobs(*words: str) -> tuple[int, str, str]:
        # In a thread, since a command has a loop of its own.
        given = environment(settings)
        ended = await asyncio.to_thread(CliRunner().invoke, cli, ["jobs", *words], env=given)
        return ended.exit_code, ended.stdout, ended.stderr

    await put(Job("test.note", key="[red]k[/]"), Job("test.note"), Job("test.note"))
    await sql.execute(
        "UPDATE jobs SET state = 'DEAD', ended_at = now() - interval '2 hours', tries = 5, error = $1 WHERE id = 1",
        "OSError: [bold]away[/] \x1b[31m\n" + "!" * 1_500,
    )
    await sql.execute("UPDATE jobs SET state = 'DONE', ended_at = now() WHERE id = 2")
    await sql.execute("UPDATE jobs SET not_before = now() + interval '3 days' WHERE id = 3")
    status, out, _ = await jobs("list")
    assert status == 0 and "\x1b" not in out
    assert "[red]k[/]" in out and "OSError: [bold]away[/]" in out and "!" * 200 not in out
    assert "for 2 h" in out and "in 3 d" in out and "0 due, 0 running, 1 dead." in out
    assert "DONE" not in out and "DONE" in (await jobs("list", "--state", "DONE"))[1]
    assert await jobs("retry", "1") == (0, "Job 1 waits for a worker.\n", "")
    assert tuple(await sql.fetchrow("SELECT state, tries FROM jobs WHERE id = 1")) == ("WAITING", 0)
    assert await jobs("retry", "1") == (1, "", "There is no dead job 1.\n")
    assert await jobs("run", "jobs.prune") == (0, "jobs.prune waits for a worker.\n", "")
    assert await sql.fetchval("SELECT state FROM jobs WHERE name = 'jobs.prune'") == "WAITING"
    status, _, said = await jobs("run", "jobs.none")
    assert status == 1 and said.startswith("there is no job jobs.none; there are ") and said.count("\n") == 1
    status, _, said = await jobs("run", "jobs.prune", "--payload", "no JSON")
    assert status == 1 and said.count("\n") == 1
