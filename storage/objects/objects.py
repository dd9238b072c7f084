"""The bucket, as the program itself uses it."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from io import SEEK_END, BytesIO
from typing import Any, BinaryIO, Self, TypedDict, Unpack

import aioboto3

from models.refusal import TooLarge, Unavailable
from storage.objects import bucket
from storage.objects.requests import GLANCE, TRANSFER, NoSuchObject, NotAsFound, asking, config
from storage.objects.signing import Addressing, Signer, Tickets

#: How much of a file that is read is in memory at a time, in bytes.
CHUNK = 1 << 18
#: How many keys a delete may name (the DeleteObjects API's own limit).
DELETED_AT_ONCE = 1000
#: Files up to this many bytes are read whole to be stored.
AT_ONCE = 4 << 20


class Described(TypedDict):
    """What an object is served with."""

    content_type: str
    content_disposition: str
    cache_control: str


@dataclass(frozen=True, slots=True)
class Found:
    """An object in the bucket; `size` in bytes, `etag` as the bucket tells it (for us, a mark of its contents)."""

    key: str
    size: int
    modified_at: datetime
    etag: str


@dataclass(frozen=True, slots=True)
class Received:
    """What was read: bytes, and their SHA-256 in lower-case hex."""

    size: int
    sha256: str


class Objects:
    """One bucket. What goes wrong with it is Unavailable, and a key without an object NoSuchObject."""

    def __init__(self, client: Any, name: str, signer: Signer) -> None:
        self._client = client
        self._bucket = name
        self.url = signer.url
        self.turns = signer.turns
        self.ticket = signer.ticket

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        endpoint: str,
        public_endpoint: str,
        bucket: str,
        region: str,
        access_key: str,
        secret_key: str,
        addressing: Addressing = "path",
        tickets: Tickets = "post",
    ) -> AsyncIterator[Self]:
        """Connected to `endpoint`; what it signs for browsers leads to `public_endpoint`."""
        signer = Signer(
            public_endpoint=public_endpoint,
            bucket=bucket,
            region=region,
            access_key=access_key,
            secret_key=secret_key,
            addressing=addressing,
            tickets=tickets,
        )
        session = aioboto3.Session(access_key, secret_key, region_name=region)
        async with session.client("s3", endpoint_url=endpoint, config=config(addressing)) as client:
            yield cls(client, bucket, signer)

    async def prepare(self, allowed_origins: Sequence[str]) -> None:
        """Makes the bucket if it is missing, and lets pages of these origins use tickets and addresses."""
        async with asking():
            await bucket.prepare(self._client, self._bucket, allowed_origins)

    async def ready(self) -> bool:
        """Whether the bucket is there and ours, found out in GLANCE seconds."""
        try:
            await self.look()
        except (NoSuchObject, Unavailable):
            return False
        return True

    async def look(self) -> None:
        """Raises NoSuchObject where there is no such bucket, BucketRefuses, Unavailable."""
        async with asking(GLANCE):
            await self._client.head_bucket(Bucket=self._bucket)

    async def head(self, key: str) -> Found | None:
        try:
            async with asking():
                answer = await self._client.head_object(Bucket=self._bucket, Key=key)
        except NoSuchObject:
            return None
        return Found(key, answer["ContentLength"], answer["LastModified"], answer["ETag"])

    async def read_into(self, key: str, file: BinaryIO, limit: int) -> Received:
        """Copies the object to the file's end, chunk by chunk; raises TooLarge beyond `limit` bytes."""
        digest, size = hashlib.sha256(), 0

        def take(chunk: bytes) -> None:
            digest.update(chunk)
            file.write(chunk)

        async with asking(TRANSFER):
            answer = await self._client.get_object(Bucket=self._bucket, Key=key)
            body = answer["Body"]
            async with body:
                if answer["ContentLength"] > limit:
                    raise TooLarge(f"The file is larger than {limit} bytes.")
                async for chunk in body.iter_chunks(CHUNK):
                    size += len(chunk)
                    if size > limit:
                        raise TooLarge(f"The file is larger than {limit} bytes.")
                    await asyncio.to_thread(take, chunk)
        await asyncio.to_thread(file.flush)
        return Received(size, digest.hexdigest())

    async def copy(self, found: Found, key: str, **described: Unpack[Described]) -> bool:
        """Copies it within the bucket, as it was found, where nothing is yet: whether it has.

        Not where another is there meanwhile under its key, or something under the new one. Of the stores that do not
        know these conditions some ignore them. Raises NoSuchObject.
        """
        try:
            async with asking(TRANSFER):
                await self._client.copy_object(
                    Bucket=self._bucket,
                    Key=key,
                    CopySource={"Bucket": self._bucket, "Key": found.key},
                    CopySourceIfMatch=found.etag,
                    IfNoneMatch="*",
                    MetadataDirective="REPLACE",
                    **_headers(described),
                )
        except NotAsFound:
            return False
        return True

    async def store(self, key: str, file: BinaryIO, **described: Unpack[Described]) -> Received:
        """Puts the whole file there, or nothing: the bucket refuses bytes of another SHA-256 than the file has now."""
        size = file.seek(0, SEEK_END)
        file.seek(0)
        # Else a file is read piece by piece, each in a thread: forty trips for a photo.
        body = BytesIO(await asyncio.to_thread(file.read)) if size <= AT_ONCE else file
        digest = await asyncio.to_thread(_digest, body)
        async with asking(TRANSFER):
            await self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentLength=size,
                **_headers(described),
                ChecksumSHA256=base64.b64encode(digest).decode(),
            )
        return Received(size, digest.hex())

    async def delete(self, keys: Iterable[str]) -> None:
        """Deletes them all; those that are not there are as good as deleted."""
        named = [{"Key": key} for key in keys]
        for start in range(0, len(named), DELETED_AT_ONCE):
            some = {"Objects": named[start : start + DELETED_AT_ONCE], "Quiet": True}
            async with asking():
                answer = await self._client.delete_objects(Bucket=self._bucket, Delete=some)
            if any(error.get("Code") != "NoSuchKey" for error in answer.get("Errors", ())):
                raise Unavailable

    async def list(self, prefix: str) -> AsyncIterator[Found]:
        """Everything whose key begins so, by key, fetched a page at a time."""
        more: dict[str, str] = {}
        while True:
            async with asking():
                page = await self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **more)
            for entry in page.get("Contents", ()):
                yield Found(entry["Key"], entry["Size"], entry["LastModified"], entry["ETag"])
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}


def _headers(described: Described) -> dict[str, str]:
    return {
        "ContentType": described["content_type"],
        "ContentDisposition": described["content_disposition"],
        "CacheControl": described["cache_control"],
    }


def _digest(file: BinaryIO) -> bytes:
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    file.seek(0)
    return digest.digest()
