"""Becomes a server, after arranging that it ends with us. Run by its path, as a program of its own.

    python -I -S launch.py PARENT SIGNAL UID:GID PROGRAM ARGUMENT...

Between fork and exec of a program that has threads hardly anything is safe to do; here, everything is.
"""

import ctypes
import os
import stat
import sys
from pathlib import Path

PR_SET_PDEATHSIG, PR_CAPBSET_READ, PR_SET_SECUREBITS, PR_CAP_AMBIENT = 1, 23, 28, 47
PR_CAP_AMBIENT_RAISE, SECBIT_NO_SETUID_FIXUP = 2, 4
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION_3 = 0x20080522


def main() -> None:
    parent, signal, owner, *command = sys.argv[1:]
    uid, gid = map(int, owner.split(":"))
    os.umask(0o077)
    if os.geteuid() == 0 and uid != 0:
        become(uid, gid, [Path(command[0]), Path.cwd()])
    if sys.platform == "linux":
        # After the change of user, which would undo it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal))
    if os.getppid() != int(parent):
        sys.exit("The program that wanted this server has ended.")
    os.execv(command[0], command)  # noqa: S606 - That is the purpose.


def become(uid: int, gid: int, needed: list[Path]) -> None:
    """Root no more. Where `needed` lies in a folder of root's own, it keeps the one right to look there."""
    open_to_all = all(folder.stat().st_mode & stat.S_IXOTH for path in needed for folder in path.parents)
    reachable = open_to_all or sys.platform != "linux"
    if not reachable:
        libc = ctypes.CDLL(None)
        # Postgres asks access(2) about itself, which would not count the right without this.
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if not reachable:
        kept = next(
            (one for one in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE) if libc.prctl(PR_CAPBSET_READ, one) == 1),
            None,
        )
        bits = 0 if kept is None else 1 << kept
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        # Effective, permitted, inheritable; then the same for the capabilities from 32 on.
        data = (ctypes.c_uint32 * 6)(bits, bits, bits, 0, 0, 0)
        if libc.capset(header, data) != 0:
            sys.exit("Its folder can be entered by root alone, and it may not run as root.")
        if kept is not None:
            libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, kept, 0, 0)


if __name__ == "__main__":
    main()
