"""The file that log lines go to: most at once, those of operations together with others."""

import atexit
import threading
from contextlib import suppress
from typing import BinaryIO, Final

#: Seconds for which a gathered line may wait for others, and bytes that may wait.
LINES_SECONDS: Final = 0.05
LINES_BYTES: Final = 64 * 1024


class Lines:
    """Writes whole lines, from any thread, in their order. What cannot be written is lost, and nothing else with it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._waiting: list[bytes] = []
        self._bytes = 0
        # Reentrant: a collection of garbage may log in the middle of anything.
        self._lock = threading.RLock()
        self._writing = threading.RLock()
        self.thread: threading.Thread | None = None
        self._met = threading.Event()
        self._closed = threading.Event()

    def msg(self, line: bytes) -> None:
        """Written at once, after what was gathered before."""
        with self._lock:
            self._waiting.append(line)
        self.flush()

    debug = info = warning = error = critical = msg

    def gather(self, line: bytes) -> None:
        """Written with others, LINES_SECONDS later at most, or when LINES_BYTES wait."""
        with self._lock:
            self._waiting.append(line)
            self._bytes += len(line)
            is_first, is_full = len(self._waiting) == 1, self._bytes >= LINES_BYTES
        if is_full or self._closed.is_set():
            self.flush()
        elif is_first:
            if self.thread is None:
                self._start()
            self._met.set()

    def flush(self) -> None:
        fresh: list[bytes] = []
        with self._writing, suppress(OSError, ValueError):
            with self._lock:
                lines, self._waiting, self._bytes = self._waiting, fresh, 0
            if lines:
                self._file.write(b"\n".join(lines) + b"\n")
                self._file.flush()

    def close(self) -> None:
        """Writes what waits, and from now on every line at once."""
        self._closed.set()
        self._met.set()
        self.flush()

    def _start(self) -> None:
        with self._lock:
            if self.thread is None:
                # A thread, so that lines come out of a loop that is blocked too, and it does not wait for the file.
                self.thread = threading.Thread(target=self._follow, name="lines", daemon=True)
                self.thread.start()
                atexit.register(self.close)

    def _follow(self) -> None:
        while not self._closed.is_set():
            self._met.wait()
            self._met.clear()
            self._closed.wait(LINES_SECONDS)
            self.flush()
