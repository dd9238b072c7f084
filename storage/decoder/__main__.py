"""The process that looks into one picture and ends: `python -m storage.decoder image/jpeg <file`.

It answers in one line of JSON. Its limits come from the parent as arguments: bytes of memory, seconds of CPU.
"""

import json
import os
import resource
import sys
from contextlib import suppress
from dataclasses import asdict

#: The user and group that a process of root's becomes before it reads the file: nobody.
NOBODY = 65534


def confine(memory: int, seconds: int) -> None:
    """Bounds what hostile bytes can use, and leaves nothing that they can write to."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # At the soft limit the kernel sends SIGXCPU, by which the parent knows; a second later it kills.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if os.geteuid() == 0:
        # A container may have taken root's right to change users away.
        with suppress(PermissionError):
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)


def main(declared_type: str, memory: str, seconds: str) -> None:
    # All is imported before the limits fall: nobody may not be allowed to read the program.
    from storage.decoder.decode import inspect
    from storage.decoder.kinds import TOO_DEMANDING, NotAPicture

    confine(int(memory), int(seconds))
    try:
        answer = asdict(inspect(sys.stdin.fileno(), declared_type))
    except NotAPicture as refused:
        answer = {"reason": refused.reason}
    except MemoryError:
        answer = {"reason": TOO_DEMANDING}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
