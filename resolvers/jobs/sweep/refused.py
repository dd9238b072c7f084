"""Why a sweep does not begin, or does not go on."""

from storage.jobs import GaveUp


class SweepRefused(GaveUp):
    """It would do harm to go on; the message says why."""


class SweptBySomebody(SweepRefused):
    """Another sweep is under way."""


class TooManyOrphans(SweepRefused):
    """So much of the bucket is in no row that this is more likely another house's database."""
