"""The zygote: `python -m storage.decoder`, with a socket for its input, forks a process for each picture it is sent.

It has loaded the decoders and looked at nothing, so a picture costs a fork and not a start. A request is JSON, REQUEST
bytes long, with open files for `Files` and the leash: a socket on which the process's end is told, and whose closing
by the parent ends the process at once.
"""

import array
import gc
import json
import os
import selectors
import signal
import socket
from contextlib import suppress

from storage.decoder import child, decode
from storage.decoder.child import Files

#: The length of a request in bytes: on a stream, one that is shorter could be read together with the next.
REQUEST = 512


class Zygote:
    """It ends when nobody can send it anything any more and its last child has ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control: socket.socket | None = control
        self._leashes: dict[int, socket.socket] = {}
        self._events = selectors.DefaultSelector()
        self._events.register(control, selectors.EVENT_READ)

    def serve(self, ended: socket.socket) -> None:
        """Until the parent has gone; `ended` is readable when a child may have ended."""
        self._events.register(ended, selectors.EVENT_READ)
        while self._control or self._leashes:
            for key, _ in self._events.select():
                if key.fileobj is self._control:
                    self._fork()
                elif key.fileobj is ended:
                    ended.recv(4096)
                    self._reap()
                elif key.data in self._leashes:
                    self._kill(key.data)

    def _fork(self) -> None:
        assert self._control is not None
        request, descriptors, _, _ = socket.recv_fds(self._control, REQUEST, len(Files.__annotations__) + 1)
        if not request:
            self._events.unregister(self._control)
            self._control = None
            return
        *files, leash = descriptors
        pid = os.fork()
        if pid == 0:
            child.main(Files(*files), json.loads(request))
        for descriptor in files:
            os.close(descriptor)
        self._leashes[pid] = socket.socket(fileno=leash)
        self._events.register(self._leashes[pid], selectors.EVENT_READ, pid)

    def _kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        self._events.unregister(self._leashes[pid])

    def _reap(self) -> None:
        while self._leashes:
            pid, status, used = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            leash = self._leashes.pop(pid)
            with suppress(KeyError):
                self._events.unregister(leash)
            with suppress(OSError):
                code = os.waitstatus_to_exitcode(status)
                leash.send(array.array("d", [code, used.ru_utime + used.ru_stime, used.ru_maxrss]).tobytes())
            leash.close()


def main() -> None:
    # A Ctrl+C is for the parent, which decides what becomes of the pictures.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waking, ended = socket.socketpair()
    waking.setblocking(False)
    signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    decode.prepare()
    # What is there now is not looked through, and so not copied, by any child.
    gc.freeze()
    Zygote(socket.socket(fileno=os.dup(0))).serve(ended)


if __name__ == "__main__":
    main()
