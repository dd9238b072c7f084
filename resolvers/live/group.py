"""Followers of one book who ask alike: what each event comes to is found once for all of them."""

from __future__ import annotations

import asyncio
from bisect import bisect
from collections import defaultdict
from collections.abc import Hashable, Sequence
from itertools import accumulate
from time import monotonic
from typing import Final
from uuid import UUID

from models.event import RESYNC
from models.refusal import Forbidden
from resolvers.event import UNSEEN
from resolvers.live.journal import Row, Standing, standings
from resolvers.live.kept import Budget, Kept
from resolvers.live.projection import Depends, Projection, Unshared
from resolvers.live.reader import Reader
from storage.database import Database

#: Bytes of answers that are given at once, about.
HELPING: Final = 256 * 1024
#: Seconds for which an answer is kept at most: the addresses in it expire, and what it shows may change.
FRESH: Final = 60.0
#: Seconds, about, that finding what all who follow a book are told of an event may take; who asks for more waits.
PATIENCE: Final = 0.1
#: How much of what it took is believed of the next time.
LIKELY: Final = 0.9
_OPEN: Final = frozenset({"CanvasChanged", "ImagesChanged", "BookChanged", RESYNC})


def helping(parts: Sequence[bytes]) -> int:
    """How many of the first of them are sent at once: one at least."""
    return max(1, bisect([*accumulate(map(len, parts))], HELPING))


class Group:
    """Of members, or of others; of one viewer alone where the selection depends on who they are."""

    def __init__(
        self,
        key: Hashable,
        database: Database,
        book_id: UUID,
        projection: Projection,
        budget: Budget,
        *,
        is_member: bool,
        founder: UUID | None = None,
        gate: asyncio.Lock | None = None,
    ) -> None:
        self.key = key
        self.is_member = is_member
        #: Whoever asked so first.
        self.founder = founder
        #: For when telling it takes long.
        self.gate = gate or asyncio.Lock()
        #: Seconds that it took to tell it of something, about; None until that was done.
        self._took: float | None = None
        self.readers: dict[Reader, None] = {}
        self._database = database
        self._book_id = book_id
        self._projection = projection
        self._kept: Kept[bytes] = Kept(budget)
        self._kept_since = 0.0
        #: How many answers make a helping and are found soon enough, as far as is known.
        self._few = 1
        self._turn = asyncio.Lock()

    @property
    def cost(self) -> float:
        """Seconds that telling it of something takes, about; all that there are, until that is known."""
        return PATIENCE if self._took is None else self._took

    async def payloads(self, rows: Sequence[Row]) -> list[bytes]:
        """What they are told of the first of the events, in their order: a helping, or one.

        Raises Unshared where that is for each of them alone.
        """
        async with self._turn:
            rows = rows[: self._few]
            began = monotonic()
            if began - self._kept_since > FRESH:
                self._kept.clear()
                self._kept_since = began
            told = {row: kept for row in rows if (kept := self._kept.get(row)) is not None}
            missing: dict[str, list[Row]] = defaultdict(list)
            for row in rows:
                if row not in told:
                    missing[row.kind].append(row)
            for kind, of_kind in missing.items():
                for row, payload in zip(of_kind, await self._told(kind, of_kind), strict=True):
                    told[row] = payload
                    if self.readers:
                        self._kept.add(row, payload, len(payload) + len(row.text))
            payloads = [told[row] for row in rows]
            if missing:
                self._learn(payloads, monotonic() - began)
        return payloads[: helping(payloads)]

    def _learn(self, payloads: list[bytes], took: float) -> None:
        """How much can be asked for next."""
        self._took = max(took, (self._took or 0.0) * LIKELY)
        size = sum(map(len, payloads))
        self._few = max(1, min(HELPING * len(payloads) // max(size, 1), int(len(payloads) * PATIENCE / took)))

    async def _told(self, kind: str, rows: list[Row]) -> list[bytes]:
        if kind not in _OPEN and not self.is_member:
            rows = [row.closed() for row in rows]
        text = b"[%b]" % b",".join(row.text for row in rows)
        depends = self._projection.depends(kind)
        for reader in [*self.readers]:
            async with self._database.connection() as connection:
                if depends is Depends.NOTHING:
                    return await self._projection.tell(connection.rows, kind, text, reader.context)
                # The one who stands for all of them does so at the moment of the answer.
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    found = await standings(connection, self._book_id, [reader.viewer_id])
                    standing = found[reader.viewer_id]
                    if standing == Standing(sees=True, is_member=self.is_member):
                        return await self._projection.tell(connection.rows, kind, text, reader.context)
            if not standing.sees:
                # The feed will come to it; until then there is nothing to tell them.
                reader.end(Forbidden(UNSEEN))
        # Nobody is left who may see it as the others did.
        raise Unshared

    def clear(self) -> None:
        self._kept.clear()
