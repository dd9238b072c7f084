"""The command line, as whoever types it sees it: what goes wrong is one line and a non-zero exit."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from server.settings import Settings
from tests import client as asks
from tests.client import Client
from tests.running import ROOT, free_port, wait_until_ready

PATIENCE = 60.0


def environment(settings: Settings | None = None, **more: str) -> dict[str, str]:
    given: dict[str, Any] = settings.model_dump(exclude_unset=True) if settings else {}
    named = {name.upper(): str(value) for name, value in given.items() if value is not None}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **named, **more}


@asynccontextmanager
async def begun(*words: str, cwd: Path, env: dict[str, str]) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", *words), cwd=cwd, env=env, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def typed(*words: str, cwd: Path, **more: Any) -> tuple[int, str, str]:
    """Exit status, what was printed, what was complained of."""
    async with begun(*words, cwd=cwd, env=environment(**more)) as process, asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()


async def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, _, said = await typed("dev", "--port", port, cwd=tmp_path)
    assert status == 1
    line = f"127.0.0.1:{port} cannot be listened on: Address already in use."
    assert said == f"{line} `make run PORT=8001` or --port names another.\n"
    assert not (tmp_path / ".leporello").exists()


async def test_an_unknown_setting_is_one_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SECRT_KEY=x\n")
    assert await typed("dev", cwd=tmp_path) == (1, "", "Unknown setting SECRT_KEY in .env.\n")


async def test_an_unreachable_database_is_one_line(settings: Settings, tmp_path: Path) -> None:
    nobody = f"postgresql://u:p@127.0.0.1:{free_port()}/x"
    changed = settings.model_copy(update={"database_url": nobody})
    status, _, said = await typed("serve", "--port", str(free_port()), cwd=tmp_path, settings=changed)
    assert status == 1 and said.startswith("Postgres cannot be reached: ") and said.count("\n") == 1


async def test_serving_without_parts_says_which_are_missing(tmp_path: Path) -> None:
    status, _, said = await typed("serve", cwd=tmp_path)
    assert status == 1 and said.startswith("SECRET_KEY, DATABASE_URL, REDIS_URL, S3_ENDPOINT") and said.count("\n") == 1


async def test_a_database_that_is_behind_is_refused_until_it_is_migrated(settings: Settings, tmp_path: Path) -> None:
    connection = await asyncpg.connect(settings.database_url)
    for table in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        await connection.execute(f"DROP TABLE {table['tablename']} CASCADE")
    await connection.close()
    port = str(free_port())
    status, _, said = await typed("serve", "--port", port, cwd=tmp_path, settings=settings)
    assert status == 1 and "run `leporello migrate`" in said and said.count("\n") == 1
    for _ in range(2):
        assert (await typed("migrate", cwd=tmp_path, settings=settings))[0] == 0
    status, said, _ = await typed("doctor", cwd=tmp_path, settings=settings)
    assert status == 0 and said.count("✓") == 3


async def test_the_doctor_says_what_is_away(settings: Settings, tmp_path: Path) -> None:
    changed = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{free_port()}"})
    status, said, _ = await typed("doctor", cwd=tmp_path, settings=changed)
    assert status == 1
    assert [line[0] for line in said.splitlines()[:3]] == ["✓", "✗", "✓"]


async def test_two_workers_serve_and_let_sockets_go_with_1012(settings: Settings, tmp_path: Path) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed

    port = free_port()
    words = ("serve", "--port", str(port), "--workers", "2")
    async with begun(*words, cwd=tmp_path, env=environment(settings)) as process, asyncio.timeout(PATIENCE):
        url = f"http://127.0.0.1:{port}"
        await wait_until_ready(url, process)
        async with httpx.AsyncClient() as http:
            ada = await Client(http, url).sign_up("Ada")
            assert (await ada.ask(asks.BOOKS)).it["nodes"] == []
        async with connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=["graphql-transport-ws"]) as ws:  # type: ignore[list-item]
            await ws.send(f'{{"type": "connection_init", "payload": {{"authorization": "{ada.token}"}}}}')
            assert "connection_ack" in str(await ws.recv())
            process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                await ws.recv()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1012
        assert await process.wait() == 0


async def test_dev_is_not_led_astray_by_the_settings_of_compose(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text("utf-8")
    for name in (
        "SECRET_KEY",
        "POSTGRES_PASSWORD",
        "DATABASE_PASSWORD",
        "REDIS_PASSWORD",
        "S3_ACCESS_KEY",
        "S3_SECRET_KEY",
    ):
        text = text.replace(f"\n{name}=\n", f"\n{name}=of-compose\n")
    assert text.count("=of-compose\n") == 6
    (tmp_path / ".env").write_text(text)
    port = free_port()
    words = ("dev", "--port", str(port), "--data", str(tmp_path / "data"))
    async with begun(*words, cwd=tmp_path, env=environment()) as process, asyncio.timeout(PATIENCE):
        url = f"http://127.0.0.1:{port}"
        await wait_until_ready(url, process)
        async with httpx.AsyncClient() as http:
            demo = await Client(http, url).sign_in("demo@leporello.example", "demo-picture-book")
            [book] = (await demo.ask("{ books { nodes { cover { url } } } }")).it["nodes"]
            assert (await http.get(book["cover"]["url"])).status_code == 200
        process.send_signal(signal.SIGTERM)
        out, _ = await process.communicate()
        assert f"is at {url}/graphql" in out.decode()


async def test_other_commands_find_the_parts_of_a_dev_that_runs(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    said_so = f"With what `leporello dev` runs on {data}.\n"

    async def with_data(*words: str, **more: Any) -> tuple[int, str, str]:
        return await typed(*words, "--data", str(data), cwd=tmp_path, **more)

    words = ("dev", "--port", str(port), "--data", str(data), "--no-demo")
    async with begun(*words, cwd=tmp_path, env=environment()) as process:
        await wait_until_ready(f"http://127.0.0.1:{port}", process)
        assert await with_data("jobs", "list") == (0, "", f"{said_so}0 due, 0 running, 0 dead.\n")
        assert (await with_data("doctor"))[::2] == (0, said_so)
        status, said, _ = await with_data("user", "create", "ada@example.org", "--name", "Ada")
        assert status == 0 and said.startswith("ada@example.org is us_")
        # Settings that name others are not about these.
        status, _, said = await with_data("sweep", DATABASE_URL="postgresql://u:p@127.0.0.1:1/x")
        assert status == 1 and said.startswith("SECRET_KEY, REDIS_URL, S3_ENDPOINT")
        process.send_signal(signal.SIGTERM)
        await process.wait()
    assert not (data / "running.json").exists()
    line = f"DATABASE_URL must be set, or `leporello dev` has to run on {data}.\n"
    assert await with_data("jobs", "list") == (1, "", line)


async def test_dev_begins_with_a_demo_book_and_a_second_run_finds_it(tmp_path: Path) -> None:
    for _ in range(2):
        port = free_port()
        words = ("dev", "--port", str(port), "--data", str(tmp_path / "data"))
        async with begun(*words, cwd=tmp_path, env=environment()) as process, asyncio.timeout(PATIENCE):
            await wait_until_ready(f"http://127.0.0.1:{port}", process)
            async with httpx.AsyncClient() as http:
                nobody = Client(http, f"http://127.0.0.1:{port}")
                demo = await nobody.sign_in("demo@leporello.example", "demo-picture-book")
                books = (await demo.ask("{ books { nodes { title elementCount memberCount cover { status } } } }")).it
            assert books["nodes"] == [
                {"title": "A day by the water", "elementCount": 10, "memberCount": 2, "cover": {"status": "READY"}}
            ]
            process.send_signal(signal.SIGTERM)
            out, _ = await process.communicate()
            assert process.returncode == 0
            assert f"http://127.0.0.1:{port}/graphql" in out.decode() and "demo-picture-book" in out.decode()
            assert f"http://127.0.0.1:{port}/dev/mail" in out.decode()
