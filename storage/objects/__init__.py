"""Where files are kept: one bucket, spoken to over S3, and what strangers may do in it without us."""

from storage.objects.disposition import disposition
from storage.objects.objects import Described, Found, Objects, Received
from storage.objects.requests import BucketRefuses, NoSuchObject
from storage.objects.signing import SIGNED_FOR, WINDOW, Addressing, Signer, Ticket

__all__ = [
    "SIGNED_FOR",
    "WINDOW",
    "Addressing",
    "BucketRefuses",
    "Described",
    "Found",
    "NoSuchObject",
    "Objects",
    "Received",
    "Signer",
    "Ticket",
    "disposition",
]
