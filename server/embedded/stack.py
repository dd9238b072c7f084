"""Postgres, Valkey and S3 in one folder, for development and for tests: no Docker, nothing to install."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from server.embedded import running, wheels
from server.embedded.folder import Folder
from server.embedded.objects import Objects
from server.embedded.postgres import Postgres
from server.embedded.program import Program
from server.embedded.refusals import StackFailed
from server.embedded.valkey import Valkey

TRIM_EVERY = 60.0
"""Seconds between two looks at the size of the logs."""


@dataclass(frozen=True)
class Addresses:
    """Where the parts are, in the words of the settings; None for those that were not started."""

    database_url: str | None
    redis_url: str | None
    s3_endpoint: str | None
    s3_access_key: str | None
    s3_secret_key: str | None


class Stack:
    """Three real servers that end with this program. Data and secrets stay in the folder.

    Enter it on the main thread's loop: Linux ends a server with the thread that started it. Raises StackInUse and
    StackFailed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        postgres: bool = True,
        valkey: bool = True,
        objects: bool = True,
        origins: tuple[str, ...] = ("*",),
    ) -> None:
        self._folder = Folder(folder)
        self.postgres = Postgres(self._folder) if postgres else None
        self.valkey = Valkey(self._folder) if valkey else None
        self._trimming: asyncio.Task[None] | None = None
        self.objects = Objects(self._folder, origins) if objects else None

    def secret(self, name: str) -> str:
        """The folder's own secret of that name, made when it is first asked for."""
        return self._folder.secret(name)

    def published(self, what: Mapping[str, str | int | None]) -> AbstractContextManager[None]:
        """Lets other programs of this user find what runs, for as long as the block does."""
        return running.published(self._folder, what)

    @property
    def programs(self) -> list[Program]:
        return [program for program in (self.postgres, self.valkey, self.objects) if program is not None]

    @property
    def addresses(self) -> Addresses:
        return Addresses(
            database_url=self.postgres.url if self.postgres else None,
            redis_url=self.valkey.url if self.valkey else None,
            s3_endpoint=self.objects.endpoint if self.objects else None,
            s3_access_key=self.objects.access_key if self.objects else None,
            s3_secret_key=self.objects.secret_key if self.objects else None,
        )

    async def start(self) -> Addresses:
        wheels.ensure_supported()
        try:
            self._folder.acquire()
            await self._open()
        except OSError as problem:
            raise StackFailed("stack", str(problem)) from problem
        self._trimming = asyncio.create_task(self._trim_logs())
        return self.addresses

    async def stop(self) -> None:
        if self._trimming is not None:
            self._trimming.cancel()
            await asyncio.wait({self._trimming})
        try:
            await asyncio.gather(*(program.stop() for program in self.programs))
        finally:
            self._folder.release()

    async def _open(self) -> None:
        opening = [asyncio.create_task(program.open()) for program in self.programs]
        try:
            await asyncio.gather(*opening)
        except BaseException:
            for task in opening:
                task.cancel()
            await asyncio.gather(*opening, return_exceptions=True)
            await self.stop()
            raise

    async def _trim_logs(self) -> None:
        while True:
            await asyncio.sleep(TRIM_EVERY)
            for program in self.programs:
                program.trim()

    async def __aenter__(self) -> Addresses:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
