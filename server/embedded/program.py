"""One server of the stack, as a process that we started and that ends with us."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from contextlib import suppress
from pathlib import Path

from server.embedded import ports
from server.embedded.folder import Folder
from server.embedded.identity import end, identity
from server.embedded.refusals import StackFailed

READY_LIMIT = 30.0
"""Seconds from the start of a server to its first answer; a crash recovery is in them."""
STOP_LIMIT = 5.0
"""Seconds from asking a server to end to ending it."""
ASK_EVERY = 0.02
"""Seconds between two questions whether it is there yet: no event tells us."""
ASK_LIMIT = 2.0
"""Seconds that one answer may take."""
ATTEMPTS = 5
"""Starts of one server: a neighbour may have taken a port, or children of the last server may still be ending."""
LOG_LIMIT = 16 * 1024 * 1024
"""Bytes of a log, which is then begun anew."""
LAUNCH = Path(__file__).with_name("launch.py")


class _Ended(StackFailed):
    """It came, and went: worth another attempt."""


class Program:
    """Started, asked until it answers, stopped. A subclass says what runs, and how to ask it."""

    name: str
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Folder, port_count: int) -> None:
        self.folder = folder
        self.home = folder.path / self.name
        self.log = folder.path / f"{self.name}.log"
        self.ports: list[int] = []
        self._port_count = port_count
        self._process: Process | None = None

    def command(self) -> list[str]:
        """The program and its arguments, which everybody on this machine can read."""
        raise NotImplementedError

    async def prepare(self) -> None:
        """What is done before it is opened; the first time, this makes its home."""
        self.home.mkdir(mode=0o700, exist_ok=True)

    async def ask(self) -> None:
        """Returns when the server serves us, by our secrets; raises while it does not."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """Raises StackFailed when it does not run."""
        if self._process is None or self._process.returncode is not None:
            raise StackFailed(self.name, "it does not run.")
        return self._process.pid

    async def open(self) -> None:
        """Ends what a crash has left, and starts on the ports of the last time, or on others if they are taken."""
        known = self.folder.recall(self.name)
        self.ports = [int(port) for port in known.get("ports", [])]
        self.log.unlink(missing_ok=True)
        if known.get("process"):
            await end(str(known["process"]), self.stop_signal, STOP_LIMIT)
        await self.prepare()
        await self.start(may_move=True)

    async def start(self, *, may_move: bool = False) -> None:
        """Starts it, and waits until it serves; on the same ports again, unless it may move. Raises StackFailed."""
        for attempt in range(1, ATTEMPTS + 1):
            taken = len(self.ports) != self._port_count or not all(map(ports.is_free, self.ports))
            if may_move and taken:
                self.ports = self.pick_ports()
            try:
                await self._start_once()
            except _Ended:
                if attempt == ATTEMPTS:
                    raise
                await asyncio.sleep(attempt * ASK_EVERY)
            else:
                return

    async def stop(self) -> None:
        """Asks it to end, and ends it where it does not within the limit."""
        if self._process is None:
            return
        self.signal(self.stop_signal)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_LIMIT)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """As a crash would, with SIGKILL; it can be started again."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            await self._process.wait()

    def signal(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def run(self, command: list[str]) -> Process:
        """A process that ends with us, in a session of its own, so that Ctrl-C reaches us alone."""
        # Whoever owns its home: root may find there what an ordinary user has begun.
        owner = self.home.stat()
        launch = [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(int(self.stop_signal))]
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return await asyncio.create_subprocess_exec(
                *launch,
                f"{owner.st_uid}:{owner.st_gid}",
                *command,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                cwd=self.home,
                env=self.environment(),
                start_new_session=True,
            )
        finally:
            os.close(log)

    def environment(self) -> dict[str, str]:
        """All that it may know of ours: nothing, so that no variable of the user's can change it."""
        return {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

    def pick_ports(self) -> list[int]:
        return ports.free(self._port_count)

    def trim(self) -> None:
        """Begins the log anew when it has grown to its limit; the server goes on writing to it."""
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            os.truncate(self.log, 0)

    def last_words(self) -> str:
        said = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return f"{said[-1][:200] if said else 'It said nothing.'} (more in {self.log})"

    async def _start_once(self) -> None:
        self._process = process = await self.run(self.command())
        self.folder.remember(self.name, {"ports": self.ports, "process": identity(process.pid)})
        ended = asyncio.ensure_future(process.wait())
        serves = asyncio.ensure_future(self._until_it_serves(process))
        try:
            await asyncio.wait({ended, serves}, return_when=asyncio.FIRST_COMPLETED, timeout=READY_LIMIT)
            # Whoever answers when ours has ended is not ours.
            if process.returncode is not None:
                raise _Ended(self.name, f"it ended. {self.last_words()}")
            if not serves.done():
                raise StackFailed(self.name, f"no answer in {READY_LIMIT:.0f} s. {self.last_words()}")
        except BaseException:
            await self.kill()
            raise
        finally:
            ended.cancel()
            serves.cancel()
            await asyncio.wait({ended, serves})

    async def _until_it_serves(self, process: Process) -> None:
        # Not until it is cancelled: a cancellation that meets an answer is lost in wait_for.
        while process.returncode is None:
            try:
                return await asyncio.wait_for(self.ask(), ASK_LIMIT)
            except Exception:
                # Whatever it is, it does not serve; how long that may last is for the caller to say.
                await asyncio.sleep(ASK_EVERY)
        return None
