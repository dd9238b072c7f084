"""The worker: takes jobs from the queue and does them, a few at a time."""

from server.worker.program import run, working
from server.worker.worker import Worker

__all__ = ["Worker", "run", "working"]
