"""The program, and how long its argon2id takes: `python -m bench.accounts.timed`.

GET /bench/hashed answers the seconds of each hash that was compared since it was last asked; GET /bench/alone compares
one while nothing else is asked. What others than argon2 need, such as the way to its thread and back, is not in there.
"""

import time
from typing import Any, Final
from unittest.mock import patch

import orjson
from argon2 import PasswordHasher
from starlette.types import Receive, Scope, Send

from server.app import App
from server.observe import logs
from server.serving import Server, configured
from server.settings import read

HASHED: Final = "/bench/hashed"
ALONE: Final = "/bench/alone"
_PASSWORD: Final = "nobody's"


class Timed(App):
    #: Of each hash, in the order in which they were done.
    _seconds: list[float]
    _hash = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in (HASHED, ALONE):
            await super().__call__(scope, receive, send)
            return
        if scope["path"] == ALONE:
            passwords = self.parts.passwords
            self._hash = self._hash or await passwords.hash(_PASSWORD)
            assert await passwords.match(_PASSWORD, self._hash)
        body, self._seconds = orjson.dumps(self._seconds), []
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    def watch(self) -> None:
        self._seconds, verify = [], PasswordHasher.verify

        def timed(*given: Any) -> bool:
            began = time.perf_counter()
            try:
                return bool(verify(*given))
            finally:
                self._seconds.append(time.perf_counter() - began)

        patch.object(PasswordHasher, "verify", timed).start()


if __name__ == "__main__":
    settings = read()
    logs.configure(json=True, level=settings.log_level)
    app = Timed(settings)
    app.watch()
    Server(configured(app, settings)).run()
