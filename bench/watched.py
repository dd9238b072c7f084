"""The program with a heart that beats fast in its loop: `python -m bench.watched`. Its own beats every 100 ms.

GET /bench/worst answers the longest time between two beats since it was last asked, and the most that the loop's thread
worked between two: both in seconds, and only the first has in it what other programs took.
"""

import asyncio
import time
from typing import Final

import orjson
from starlette.types import Receive, Scope, Send

from server.app import App
from server.observe import logs
from server.serving import Server, configured
from server.settings import read

PATH: Final = "/bench/worst"
BEAT: Final = 0.001
"""Seconds between two beats, which are no lag."""


class Watched(App):
    _heart: asyncio.Task[None] | None = None
    _worst = (0.0, 0.0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await super().__call__(scope, receive, send)
            return
        self._heart = self._heart or asyncio.create_task(self._beat())
        body, self._worst = orjson.dumps(self._worst), (0.0, 0.0)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async def _beat(self) -> None:
        last, worked = time.monotonic(), time.thread_time()
        while True:
            await asyncio.sleep(BEAT)
            now, work = time.monotonic(), time.thread_time()
            self._worst = max(self._worst[0], now - last - BEAT), max(self._worst[1], work - worked)
            last, worked = now, work


if __name__ == "__main__":
    settings = read()
    logs.configure(json=True, level=settings.log_level)
    Server(configured(Watched(settings), settings)).run()
