"""What has happened, told between processes.

Redis carries hints only: the truth is the journal in Postgres.
"""

from storage.broadcast.announcements import Announcements
from storage.broadcast.counts import Counts
from storage.broadcast.poller import Poll
from storage.broadcast.subscription import GAP, Gap, Heard, Subscription
from storage.broadcast.valkey import ValkeyBackend

__all__ = ["GAP", "Announcements", "Counts", "Gap", "Heard", "Poll", "Subscription", "ValkeyBackend"]
