"""PostgreSQL 18, with one role and one database of ours."""

import asyncio
import os
import pwd
import shutil
import signal

import asyncpg

from server.embedded import wheels
from server.embedded.folder import Folder
from server.embedded.identity import command_line, end, identity
from server.embedded.ports import LOOPBACK
from server.embedded.program import ASK_LIMIT, READY_LIMIT, STOP_LIMIT, Program
from server.embedded.refusals import StackFailed

NAME = "leporello"
"""Of the role and of its database."""
SUPERUSER = "postgres"
UNPRIVILEGED = "nobody"
"""Postgres refuses to run as root. This user is everywhere, so that none need be made."""

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # TCP alone: a socket's path may have 107 bytes, and the folder's have more.
    "max_connections": "200",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # It costs more than our short statements last.
    "log_checkpoints": "off",
    "log_min_messages": "warning",
    "log_error_verbosity": "terse",  # Without the values at fault: they are people's addresses.
}


class Postgres(Program):
    name = "postgres"
    stop_signal = signal.SIGINT
    """Its "fast" shutdown: sessions are ended, and a checkpoint is written."""

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder, port_count=1)
        self.data = self.home / "data"

    @property
    def url(self) -> str:
        return self._url(NAME, NAME)

    @property
    def admin_url(self) -> str:
        """The superuser's, for what the program itself must not be able to do."""
        return self._url(SUPERUSER, "postgres")

    def command(self) -> list[str]:
        options = [f"--{name}={value}" for name, value in {**SETTINGS, "port": str(self.ports[0])}.items()]
        return [str(wheels.postgres("postgres")), "-D", str(self.data), *options]

    async def prepare(self) -> None:
        await super().prepare()
        if self.data.exists():
            await self._clear_lock()
        else:
            await self._make()

    async def _clear_lock(self) -> None:
        """Its lock file names a process, and after a crash that number may long be somebody else's."""
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        pid = int((lock.read_text().split() or ["0"])[0])
        known = identity(pid)
        if known is not None and f" -D {self.data} " in command_line(pid):
            await end(known, self.stop_signal, STOP_LIMIT)
        lock.unlink(missing_ok=True)

    async def _make(self) -> None:
        # Made beside its place and then moved, so that a crash leaves nothing that looks finished.
        fresh, password = self.home / "data.new", self.home / "password"
        shutil.rmtree(fresh, ignore_errors=True)
        password.touch(mode=0o600)
        password.write_text(self.folder.secret("superuser"))
        if os.geteuid() == 0:
            nobody = pwd.getpwnam(UNPRIVILEGED)
            for path in (self.home, password):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        making = await self.run(
            [
                str(wheels.postgres("initdb")),
                f"--pgdata={fresh}",
                f"--username={SUPERUSER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
            ]
        )
        try:
            await asyncio.wait_for(making.wait(), READY_LIMIT)
        finally:
            password.unlink()
            if making.returncode is None:
                making.kill()
                await making.wait()
        if making.returncode != 0:
            raise StackFailed(self.name, f"initdb failed. {self.last_words()}")
        fresh.rename(self.data)

    async def ask(self) -> None:
        connection = await asyncpg.connect(self.admin_url, ssl=False, timeout=ASK_LIMIT)
        try:
            await _ensure_database(connection, self.folder.secret("postgres"))
        finally:
            await connection.close()

    def _url(self, user: str, database: str) -> str:
        password = self.folder.secret("superuser" if user == SUPERUSER else "postgres")
        return f"postgresql://{user}:{password}@{LOOPBACK}:{self.ports[0]}/{database}"


async def _ensure_database(connection: asyncpg.Connection, password: str) -> None:
    """A role that is no superuser: row-level security holds for it, and no file can be read through it."""
    if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", NAME):
        await connection.execute(f"CREATE ROLE {NAME} LOGIN CREATEDB CREATEROLE PASSWORD '{password}'")
    if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", NAME):
        await connection.execute(f"CREATE DATABASE {NAME} OWNER {NAME}")
