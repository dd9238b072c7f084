"""The program while it runs: in the test's own loop, or as processes of its own."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from server.app import App
from server.serving import Server, configured
from server.settings import Settings

ROOT = Path(__file__).parent.parent
#: Seconds that a process has to begin, and to end.
PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Server(Server):
    """Leaves the signals to the test run."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[tuple[App, str]]:
    """The whole program in this loop, and its address."""
    # As TCP by name, or asyncio leaves Nagle's delay on.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        app = App(settings.model_copy(update={"port": port}))
        is_up = asyncio.Event()
        server = _Server(configured(app, settings, loop="none"), is_up.set)
        running = asyncio.create_task(server.serve([listener]))
        up = asyncio.create_task(is_up.wait())
        await asyncio.wait([running, up], return_when=asyncio.FIRST_COMPLETED)
        assert server.started, "it did not begin"
        try:
            yield app, f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await running


@dataclass
class Processes:
    """Processes of `leporello serve`, all on the same parts."""

    environment: dict[str, str]
    urls: list[str] = field(default_factory=list)
    running: list[Process] = field(default_factory=list)

    async def start(self, stack: AsyncExitStack) -> str:
        """One more; its address, once it is ready."""
        port = free_port()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", "serve", "--port", str(port)),
            cwd=ROOT,
            env=self.environment,
            stdout=asyncio.subprocess.DEVNULL,
        )
        stack.push_async_callback(_end, process)
        url = f"http://127.0.0.1:{port}"
        await wait_until_ready(url, process)
        self.running.append(process)
        self.urls.append(url)
        return url


@asynccontextmanager
async def processes_of(settings: Settings, count: int) -> AsyncIterator[Processes]:
    given: dict[str, Any] = settings.model_dump(exclude_unset=True)
    environment = {name.upper(): str(value) for name, value in given.items() if value is not None}
    running = Processes({**environment, "PATH": os.environ["PATH"]})
    async with AsyncExitStack() as stack:
        for _ in range(count):
            await running.start(stack)
        yield running


async def wait_until_ready(url: str, process: Process) -> None:
    async with httpx.AsyncClient() as http, asyncio.timeout(PATIENCE):
        while True:
            assert process.returncode is None, "it has ended"
            try:
                if (await http.get(f"{url}/health/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(PATIENCE):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
