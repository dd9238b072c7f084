"""The documents that clients send: read, held to the limits, validated, and kept for the next time."""

from server.graphql.documents.document import Document, KeptOperation, Rejected
from server.graphql.documents.manifest import ManifestRefused, Trusted
from server.graphql.documents.store import Documents

__all__ = [
    "Document",
    "Documents",
    "KeptOperation",
    "ManifestRefused",
    "Rejected",
    "Trusted",
]
