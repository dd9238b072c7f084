"""Workers in processes of their own, for jobs that are killed with them: `python -m tests.jobs.program LEASE`.

Each line of its input forks one, so that what takes long, reading all of the program, is done once. It says `pid` of
one that it has begun, and `gone` of those that have ended by then; they say `begun` themselves.
"""

import asyncio
import os
import signal
import sys

from server.app import parts_of
from server.observe import logs
from server.settings import read
from server.worker import Worker
from tests.jobs.kinds import FATAL


async def work(lease: float) -> None:
    logs.configure(json=True, level="error", to=sys.stderr.buffer)
    async with parts_of(read()) as parts:
        worker = Worker(parts, FATAL, at_once=2, lease=lease)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
        await worker.run()


def reap() -> None:
    try:
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            print(f"gone {pid}", flush=True)
    except ChildProcessError:
        return


def main(lease: float) -> None:
    for line in sys.stdin:
        reap()
        if line == "start\n":
            pid = os.fork()
            if pid == 0:
                asyncio.run(work(lease))
                os._exit(0)
            print(f"pid {pid}", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]))
