"""Valkey, for what is told and forgotten: nothing in it is the truth, so nothing of it is kept."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from server.embedded import wheels
from server.embedded.folder import Folder
from server.embedded.ports import LOOPBACK
from server.embedded.program import ASK_LIMIT, Program

MAX_MEMORY = "256mb"

CONFIG = """\
bind {host}
port {port}
requirepass {password}
save ""
appendonly no
maxmemory {memory}
maxmemory-policy allkeys-lru
loglevel warning
"""


class Valkey(Program):
    name = "valkey"

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder, port_count=1)

    @property
    def url(self) -> str:
        return f"redis://:{self.folder.secret('valkey')}@{LOOPBACK}:{self.ports[0]}/0"

    def command(self) -> list[str]:
        # In a file: arguments can be read by everybody on the machine.
        config = self.folder.write(
            "valkey.conf",
            CONFIG.format(
                host=LOOPBACK,
                port=self.ports[0],
                password=self.folder.secret("valkey"),
                memory=MAX_MEMORY,
            ),
        )
        return [str(wheels.valkey()), str(config)]

    async def ask(self) -> None:
        client: Redis = Redis.from_url(self.url, retry=Retry(NoBackoff(), 0), socket_timeout=ASK_LIMIT)
        try:
            await client.ping()
        finally:
            await client.aclose()
