"""The bucket and the table side by side, by the ids that both are sorted by, a page of each in memory at a time."""

from storage.sweeping.clock import estimated_time, time_of
from storage.sweeping.files import Files, Listing, OutOfOrder, id_of
from storage.sweeping.lock import alone
from storage.sweeping.merge import pairs
from storage.sweeping.table import Row, rows

__all__ = ["Files", "Listing", "OutOfOrder", "Row", "alone", "estimated_time", "id_of", "pairs", "rows", "time_of"]
