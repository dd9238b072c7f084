"""What the object store itself refuses, found out by asking it; S3's dialects differ, and their manuals are silent."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from io import BytesIO
from types import MappingProxyType
from typing import Final
from urllib.parse import quote
from uuid import uuid4

import aiohttp
from yarl import URL

from server.preparation import objects_of
from server.settings import Settings
from storage.objects import BucketRefuses, Described, Objects, Ticket

#: Seconds that one request may take.
PATIENCE: Final = 5.0
#: Where it is tried; no photo's key begins so.
PREFIX: Final = "doctor/"

_BYTES: Final = b"Leporello's doctor was here."
_TYPE: Final = "image/jpeg"
_NAME: Final = 'attachment; filename="a.jpg"'
_SERVED: Final[Described] = {"content_type": "text/plain", "content_disposition": "", "cache_control": ""}
_LIFETIME: Final = timedelta(minutes=5)
#: How far apart two clocks may be before somebody should know: signatures are refused at fifteen minutes.
_SKEW: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Missing:
    """A safeguard that the store lacks; a serious one is made up for by nothing else."""

    says: str
    is_serious: bool = False


async def missing(settings: Settings) -> list[Missing]:
    """What it lacks; whatever is put to find that out is deleted again. Raises Unavailable."""
    # First where the program reaches it itself: whether clients do is another question.
    inside = settings.model_copy(update={"s3_public_endpoint": settings.s3_endpoint})
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as http,
        objects_of(inside) as objects,
        objects_of(settings) as public,
    ):
        visit = _Visit(objects, http, settings.s3_bucket, f"{PREFIX}{uuid4()}/")
        try:
            return [
                *await visit.tickets(),
                *await visit.addresses(),
                *await visit.copies(),
                *await visit.outside(public),
            ]
        finally:
            await objects.delete([found.key async for found in objects.list(visit.prefix)])


@dataclass(frozen=True, slots=True)
class _Visit:
    objects: Objects
    http: aiohttp.ClientSession
    bucket: str
    prefix: str

    async def tickets(self) -> list[Missing]:
        """Whether a ticket is good for what it was given out for, and for nothing else."""
        is_put = self._ticket("good").method == "PUT"
        if not await self._takes("good"):
            if is_put:
                return [Missing("it takes no PUT with a signed address, so that nobody can upload.", True)]
            return [Missing("it takes no POST with a policy, so that nobody can upload (R2 takes none).", True)]
        lacks = []
        longer, shorter = _BYTES + b"!", _BYTES[:-1]
        if (
            await self._takes("longer", content=longer, summed=longer)
            or await self._takes("shorter", content=shorter, summed=shorter)
            or await self._takes("chunked", content=longer, summed=longer, chunked=True)
        ):
            lacks.append(Missing("it takes uploads of another size than was signed; the worker checks it."))
        if await self._takes("type", {"Content-Type": "text/html"}):
            lacks.append(Missing("it takes uploads as another type than was signed; the worker looks at the bytes."))
        if await self._takes("sum", content=_BYTES[::-1]):
            lacks.append(Missing("it does not check the SHA-256 of uploads; the worker does."))
        if await self._takes("late", lifetime=-_LIFETIME):
            lacks.append(Missing("it takes uploads with tickets that have expired; they are never shown, and swept."))
        if await self._takes("key", {"key": f"{self.prefix}another"}):
            lacks.append(Missing("with any ticket bytes can be put under any key.", True))
        await self._takes("acl", {"x-amz-acl" if is_put else "acl": "public-read"})
        if await self._status(self._address("acl").partition("?")[0]) == HTTPStatus.OK:
            lacks.append(Missing("with a ticket an uploader can make the file public (its field `acl`)."))
        if is_put and await self._copies():
            lacks.append(Missing("with a ticket an uploader can pass off any file in the bucket as their own.", True))
        return lacks

    async def addresses(self) -> list[Missing]:
        """Whether an address serves its file as was signed, and nothing serves it otherwise."""
        await self.objects.store(f"{self.prefix}read", BytesIO(_BYTES), **_SERVED)
        lacks = []
        good = self._address("read")
        async with self.http.get(URL(good, encoded=True)) as answer:
            served = (answer.headers.get("Content-Type"), answer.headers.get("Content-Disposition"))
            skew = abs(parsedate_to_datetime(answer.headers["Date"]) - datetime.now(UTC))
        if served != (_TYPE, _NAME):
            lacks.append(Missing("it does not serve files under the type and the name that were signed.", True))
        if skew > _SKEW:
            lacks.append(Missing(f"its clock and ours are {skew.total_seconds():.0f} s apart; at 900 it refuses us."))
        if await self._status(good.partition("?")[0]) == HTTPStatus.OK:
            lacks.append(Missing("it serves files to whoever asks: the bucket is public.", True))
        if await self._status(good.replace(quote(_TYPE, safe=""), "text%2Fhtml")) == HTTPStatus.OK:
            lacks.append(Missing("whoever has an address can change the type under which it serves.", True))
        return lacks

    async def copies(self) -> list[Missing]:
        """Whether what was found is copied, to where nothing is, and nothing else."""
        found = await self.objects.head(f"{self.prefix}read")
        if found is None:
            return [Missing("what was just put is not there.", True)]
        try:
            if not await self.objects.copy(found, f"{self.prefix}copied", **_SERVED):
                return [Missing("it does not copy a file to where nothing is, so that no photo becomes READY.", True)]
            other = replace(found, etag='"another"')
            if await self.objects.copy(other, f"{self.prefix}other", **_SERVED) or await self.objects.copy(
                found, f"{self.prefix}copied", **_SERVED
            ):
                return [
                    Missing(
                        "it copies under no condition: should the worker freeze, a photo may change after its check."
                    )
                ]
        except BucketRefuses as refused:
            return [Missing(f"it copies no files ({refused.reason}), so that no photo becomes READY.", True)]
        return []

    async def outside(self, public: Objects) -> list[Missing]:
        """Whether clients get there, as far as that can be seen from here."""
        try:
            async with self.http.get(URL(self._address("read", public), encoded=True)) as answer:
                status, sniffs = answer.status, answer.headers.get("X-Content-Type-Options") != "nosniff"
        except (aiohttp.ClientError, TimeoutError):
            return [Missing("S3_PUBLIC_ENDPOINT cannot be reached from here; whether clients reach it, they know.")]
        if status != HTTPStatus.OK:
            why = "what stands before the store has to leave the Host header as it is"
            return [Missing(f"S3_PUBLIC_ENDPOINT answers {status} to what we sign: {why}.", True)]
        if sniffs:
            return [Missing("its answers are without `nosniff`: have what stands before it add that (see Caddyfile).")]
        return []

    async def _copies(self) -> bool:
        """Whether a PUT that names another file, which nobody has signed, gets its bytes in place of those sent."""
        await self._takes("copy", {"x-amz-copy-source": f"/{self.bucket}/{self.prefix}good"}, content=_BYTES[::-1])
        async with self.http.get(URL(self._address("copy"), encoded=True)) as answer:
            return await answer.read() == _BYTES

    async def _takes(
        self,
        name: str,
        changed: Mapping[str, str] = MappingProxyType({}),
        *,
        content: bytes = _BYTES,
        summed: bytes = _BYTES,
        lifetime: timedelta = _LIFETIME,
        chunked: bool | None = None,
    ) -> bool:
        """Whether it takes this content with a ticket for _BYTES by the sum of `summed`, its fields so changed."""
        ticket = self._ticket(name, summed, lifetime)
        fields = {**ticket.fields, **changed}
        if ticket.method == "PUT":
            key = f"{self.prefix}{name}"
            url = URL(ticket.url.replace(key, fields.pop("key", key)), encoded=True)
            put = self.http.put(url, headers=fields, data=content, chunked=chunked)
        else:
            form = aiohttp.FormData(fields)
            form.add_field("file", content, filename="a.jpg", content_type=_TYPE)
            put = self.http.post(ticket.url, data=form, chunked=chunked)
        async with put as answer:
            return answer.ok

    def _ticket(self, name: str, summed: bytes = _BYTES, lifetime: timedelta = _LIFETIME) -> Ticket:
        digest = hashlib.sha256(summed).hexdigest()
        return self.objects.ticket(f"{self.prefix}{name}", _TYPE, len(_BYTES), digest, lifetime)

    async def _status(self, url: str) -> int:
        async with self.http.get(URL(url, encoded=True)) as answer:
            return answer.status

    def _address(self, name: str, objects: Objects | None = None) -> str:
        return (objects or self.objects).url(
            f"{self.prefix}{name}", now=datetime.now(UTC), content_type=_TYPE, disposition=_NAME
        )
