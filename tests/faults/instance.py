"""One process of the program, to be killed, stopped in its tracks and started again at the same port."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import STDOUT, Process
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.running import ROOT, free_port

#: Seconds until it serves, between two looks, and until one look has its answer.
BEGINNING = 30.0
LOOK = 0.05
GLANCE = 5.0
#: Seconds that it has to end when it is asked to: its own grace, and a little.
LEAVING = 20.0
#: Seconds by which what /metrics tells may be late.
STALE = 1.0


def family(pid: int) -> list[int]:
    """A process and those that it has started, itself first."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


class Instance:
    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = dict(environment)
        self.log = log
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        assert self._process and self._process.returncode is None, "it does not run"
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Returns once it is ready."""
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "server", "serve", "--port", str(self.port)),
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=STDOUT,
            )
        finally:
            os.close(log)
        await self.ready()

    async def ready(self) -> None:
        """Raises TimeoutError, with the last that it said."""
        assert self._process
        told, deadline = "", asyncio.get_running_loop().time() + BEGINNING
        while asyncio.get_running_loop().time() < deadline and self._process.returncode is None:
            status, told = await self.probe("ready")
            if status == 200:
                return
            await asyncio.sleep(LOOK)
        raise TimeoutError(f"it is not ready: {told} {self.last_words()}")

    async def kill(self) -> None:
        """With SIGKILL."""
        if self._process:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()

    def shoot(self) -> None:
        """As `kill`, without waiting for its end: from within a callback."""
        os.kill(self.pid, signal.SIGKILL)

    async def stop(self) -> float:
        """With SIGTERM; how many seconds it took. Raises TimeoutError."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert self._process
        self._process.terminate()
        async with asyncio.timeout(LEAVING):
            await self._process.wait()
        return loop.time() - began

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    @property
    def resident(self) -> int:
        """Bytes of memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    async def counts(self) -> dict[str, float]:
        """What /metrics tells without labels; as of at most a second ago."""
        async with httpx.AsyncClient() as http:
            text = (await http.get(f"{self.url}/metrics")).text
        lines = (line.split() for line in text.splitlines() if line and line[0] != "#" and "{" not in line)
        return {line[0]: float(line[1]) for line in lines}

    async def probe(self, which: str) -> tuple[int, str]:
        """What /health/live or /health/ready answers; 0 without an answer."""
        async with httpx.AsyncClient(timeout=GLANCE) as http:
            try:
                answer = await http.get(f"{self.url}/health/{which}")
            except httpx.TransportError as error:
                return 0, repr(error)
            return answer.status_code, answer.text

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-500:]

    def said(self, word: str) -> int:
        """How many lines of its log have it."""
        return sum(word in line for line in self.log.read_text(errors="replace").splitlines())
