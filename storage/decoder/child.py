"""The process that looks into one picture and ends. Its limits come with the request."""

import errno
import json
import os
import resource
import signal
import traceback
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

from storage.decoder.develop import develop
from storage.decoder.kinds import TOO_DEMANDING, Large, NotAPicture

#: The user and group that a process of root's becomes before it reads the file: nobody.
NOBODY = 65534


class Files(NamedTuple):
    """Open files: the picture to read, and those to write; the answer is a line of JSON."""

    source: int
    thumbnail: int
    preview: int
    stripped: int
    answer: int


def main(files: Files, request: dict[str, Any]) -> NoReturn:
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        files = _keep_only(files)
        confine(request["memory"], request["cpu"], request["file"])
        try:
            answer = develop(files, request["type"], request["large"])
        except NotAPicture as refused:
            answer = {"reason": refused.reason}
        except Large:
            answer = {"large": True}
        except (MemoryError, OSError) as error:
            # The picture's fault are memory, and more bytes than a file may have; a full disk is the machine's.
            if isinstance(error, OSError) and error.errno not in (errno.ENOMEM, errno.EFBIG):
                raise
            answer = {"reason": TOO_DEMANDING}
        os.write(files.answer, json.dumps(answer).encode())
        code = 0
    except BaseException:
        with suppress(BaseException):
            os.write(files.answer, traceback.format_exc()[-2000:].encode())
    finally:
        # Whatever is held here is not given back: it belongs to the zygote too.
        os._exit(code)


def _keep_only(files: Files) -> Files:
    """No leash of another picture's, nor what could reach the parent, is open in here."""
    os.dup2(1, 0)
    os.dup2(1, 2)
    first = 1 + max(2, *files)
    for number, descriptor in enumerate(files):
        os.dup2(descriptor, first + number)
    os.closerange(3, first)
    os.closerange(first + len(files), os.sysconf("SC_OPEN_MAX"))
    return Files(*range(first, first + len(files)))


def confine(memory: int, seconds: int, file: int) -> None:
    """Bounds what hostile bytes can use: bytes of address space, seconds of CPU, bytes of each file written."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # At the soft limit the kernel sends SIGXCPU, by which the parent knows; a second later it kills.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file, file))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if os.geteuid() == 0:
        # A container may have taken root's right to change users away.
        with suppress(PermissionError):
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
