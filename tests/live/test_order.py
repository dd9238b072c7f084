"""Every number once and in order, however often one is cut off, and whichever process one comes back to."""

import asyncio
import json
import random
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from server.app import App
from tests import client as asks
from tests.canvas import update
from tests.client import PATIENCE, Client, apply, changed, placed
from tests.live.following import PLAIN, seqs
from tests.people import made_book
from tests.proxy import Proxy
from tests.running import Processes
from tests.sockets import opened

FOLLOWERS, EDITS, WRITERS = 40, 300, 3
SEED = 11


async def heard_by(client: Client, book_id: str, epoch: str, last: int, ways: list[str], chance: random.Random) -> None:
    """Follows to the end, leaving and coming back. Raises AssertionError at the first number that is not the next."""
    place = 1
    while place < last:
        stay = chance.randrange(1, 60)
        payload = {"query": PLAIN, "variables": {"id": book_id, "after": place, "epoch": epoch}}
        # What is cut is begun anew.
        with suppress(ConnectionClosed, InvalidHandshake, OSError, EOFError):
            async with opened(replace(client, url=chance.choice(ways))) as connection:
                await connection.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
                while stay and place < last:
                    async with asyncio.timeout(PATIENCE * 3):
                        message = json.loads(await connection.recv())
                    assert message["type"] == "next", message
                    event = message["payload"]["data"]["bookEvents"]
                    assert (event["__typename"], event["seq"]) == ("CanvasChanged", place + 1)
                    place += 1
                    stay -= 1


@pytest.mark.timeout(300)
async def test_forty_who_are_cut_off_at_random_miss_nothing_in_two_processes(processes: Processes) -> None:
    chance = random.Random(SEED)
    async with AsyncExitStack() as stack:
        proxies = [
            await stack.enter_async_context(Proxy("127.0.0.1", urlsplit(url).port or 0)) for url in processes.urls
        ]
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
        ada = await Client(http, processes.urls[0]).sign_up("Ada")
        book = (await ada.ask(asks.CREATE_BOOK, input={"title": "Busy"})).it["book"]
        text = {"createText": {"placement": placed(), "content": "x"}}
        element = (await apply(ada, book["id"], "first", text)).it["results"][0]["element"]["id"]
        ways = [f"http://127.0.0.1:{proxy.port}" for proxy in proxies]

        async def write(writer: int) -> None:
            for number in range(EDITS // WRITERS):
                at = ada.at(processes.urls[(writer + number) % 2])
                await apply(at, book["id"], f"{writer} {number}", update(element, x=writer * 1_000 + number + 1))
                if number % 20 == 19:
                    await chance.choice(proxies).cut()

        async with asyncio.TaskGroup() as group:
            for _ in range(FOLLOWERS):
                one = random.Random(chance.random())
                group.create_task(heard_by(ada, book["id"], book["epoch"], EDITS + 1, ways, one))
            for writer in range(WRITERS):
                group.create_task(write(writer))
    assert all(proxy.taken > FOLLOWERS / 2 for proxy in proxies)


async def test_those_who_come_first_and_at_once_hear_what_is_published_meanwhile(app: App, ada: Client) -> None:
    chance = random.Random(SEED)

    async def come(book_id: str) -> list[int]:
        await asyncio.sleep(chance.random() / 50)
        async with ada.follow(PLAIN, id=book_id, after=0) as events:
            return seqs(await events.take(3))

    async def publish(book_id: str) -> None:
        for title in "abc":
            await asyncio.sleep(chance.random() / 50)
            await changed(ada, book_id, title=title)

    for _ in range(10):
        book_id = await made_book(ada)
        *heard, _ = await asyncio.gather(*(come(book_id) for _ in range(5)), publish(book_id))
        assert heard == [[1, 2, 3]] * 5
