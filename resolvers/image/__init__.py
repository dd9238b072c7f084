"""Photos: put into the bucket, read from there, changed, thrown away and brought back."""

from resolvers.image.caption import change
from resolvers.image.completing import complete
from resolvers.image.shown import address, filename, is_served, newest, served
from resolvers.image.trash import delete, restore
from resolvers.image.upload import File, Upload, request

__all__ = [
    "File",
    "Upload",
    "address",
    "change",
    "complete",
    "delete",
    "filename",
    "is_served",
    "newest",
    "request",
    "restore",
    "served",
]
