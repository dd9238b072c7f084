"""A client that writes: at its pace, each mutation under a batchId, sent again when its answer was lost."""

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from uuid import UUID

import aiohttp
import orjson

from tests.faults.documents import APPLY
from tests.faults.figures import Delays
from tests.faults.ledger import Ledger, Sent

#: Seconds that a client waits for one answer, and before it asks again.
ANSWER: Final = 15.0
AGAIN: Final = 0.05
#: In the place of a code, for what has changed nothing.
NOOP: Final = "NOOP"
#: Elements that a writer keeps on its page; it deletes one before it makes another.
ELEMENTS: Final = 20


class Balancer:
    """The processes as clients know them: in turn, whether they are there or not."""

    def __init__(self, urls: list[str]) -> None:
        self.urls = urls
        self._next = 0

    def pick(self) -> str:
        self._next += 1
        return self.urls[self._next % len(self.urls)]


@dataclass
class Writer:
    """One of several in a book, each with elements of its own."""

    http: aiohttp.ClientSession
    balancer: Balancer
    ledger: Ledger
    token: str
    book: str
    page: str
    random: Random
    answers: Delays
    mine: list[str] = field(default_factory=list)
    #: Statuses of 500 and above, and answers that show a stack.
    broken: list[str] = field(default_factory=list)
    lost: int = 0
    #: What the last answer said.
    payload: dict[str, Any] = field(default_factory=dict)

    async def write(self, every: float, stop: asyncio.Event) -> None:
        """One after the other until it is stopped; what an outage has kept it from is not made up for."""
        loop = asyncio.get_running_loop()
        at = loop.time() + self.random.uniform(0, every)
        while not stop.is_set():
            try:
                async with asyncio.timeout_at(at):
                    await stop.wait()
            except TimeoutError:
                await self.once()
                at = max(at + every, loop.time() - every)

    async def once(self) -> Sent:
        operation, kept = self._operation()
        sent = await self.send([operation])
        if sent.seq is not None:
            kept()
        return sent

    async def send(self, operations: list[dict[str, Any]], batch: str | None = None) -> Sent:
        """Until it is answered: an answer that was lost is asked for again, an error is an answer."""
        batch = batch or str(UUID(int=self.random.getrandbits(128), version=4))
        loop = asyncio.get_running_loop()
        sent = self.ledger.sent[batch] = Sent(self.book, batch, loop.time())
        given = {"bookId": self.book, "batchId": batch, "operations": operations}
        body = orjson.dumps({"query": APPLY, "variables": {"input": given}})
        while sent.answered_at is None:
            sent.attempts += 1
            try:
                status, answer = await self._ask(body)
            except (aiohttp.ClientError, TimeoutError, OSError):
                self.lost += 1
                await asyncio.sleep(AGAIN)
                continue
            sent.answered_at = loop.time()
            self._take(sent, status, answer)
        self.answers.add(sent.sent_at, sent.answered_at)
        return sent

    async def _ask(self, body: bytes) -> tuple[int, bytes]:
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        async with self.http.post(f"{self.balancer.pick()}/graphql", data=body, headers=headers) as response:
            return response.status, await response.read()

    def _take(self, sent: Sent, status: int, answer: bytes) -> None:
        if status >= 500 or b"Traceback" in answer or b"asyncpg" in answer:
            self.broken.append(f"{status} {answer[:200]!r}")
        try:
            told = orjson.loads(answer)
        except orjson.JSONDecodeError:
            sent.error = f"HTTP {status}"
            return
        payload = self.payload = (told.get("data") or {}).get("applyOperations") or {}
        if errors := told.get("errors"):
            sent.error = errors[0].get("extensions", {}).get("code", "without a code")
        elif payload.get("userErrors"):
            sent.error = payload["userErrors"][0]["code"]
        elif all(result["status"] == "NOOP" for result in payload["results"]):
            sent.error = NOOP  # it has no effect, and must not have one
        else:
            sent.seq = payload["seq"]

    def _operation(self) -> tuple[dict[str, Any], Any]:
        """Something that changes the book, and what becomes of `mine` once it has."""
        choice = self.random.random()
        x, y = round(self.random.uniform(0, 1000), 3), round(self.random.uniform(0, 1000), 3)
        if not self.mine or (choice < 0.15 and len(self.mine) < ELEMENTS):
            id = str(UUID(int=self.random.getrandbits(128), version=4))
            placement = {"clientId": id, "pageId": self.page, "x": x, "y": y, "width": 10, "height": 10}
            created = {"createText": {"placement": placement, "content": f"Text {x}"}}
            return created, lambda: self.mine.append(f"el_{id}")
        element = self.random.choice(self.mine)
        if choice < 0.25:
            return {"deleteElement": {"id": element}}, lambda: self.mine.remove(element)
        return {"updateElement": {"id": element, "x": x, "y": y}}, lambda: None
