"""Photos as somebody is served them, by the addresses that they are given."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from tests.client import Client

URLS = """
query Urls($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on Image {
      filename contentType
      THUMBNAIL: url(variant: THUMBNAIL) PREVIEW: url(variant: PREVIEW) ORIGINAL: url(variant: ORIGINAL)
    }
  }
}
"""
VARIANTS = ("THUMBNAIL", "PREVIEW", "ORIGINAL")


@dataclass(frozen=True)
class File:
    """One of them, as it came."""

    variant: str
    sha256: str
    content_type: str
    disposition: str


async def addresses(by: Client, images: Collection[str]) -> list[dict[str, Any]]:
    """What is said of each of them."""
    return [dict(node) for node in (await by.ask(URLS, ids=list(images))).it]


async def all_of(by: Client, images: Collection[str]) -> list[File]:
    """Every file of these, fetched as a browser does it: without a token."""
    files = []
    for said in await addresses(by, images):
        for variant in VARIANTS:
            answer = await by.http.get(said[variant])
            assert answer.status_code == 200
            named = (answer.headers["Content-Type"], answer.headers["Content-Disposition"])
            files.append(File(variant, hashlib.sha256(answer.content).hexdigest(), *named))
    return files
