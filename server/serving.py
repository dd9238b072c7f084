"""The server: uvicorn, told how to run and how to go."""

import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final, cast

import uvicorn
from uvicorn.supervisors import multiprocess

from server.app import App
from server.settings import Settings
from server.websocket import Protocol

#: Seconds that a process has to finish what it began, once it is told to stop.
_GRACE: Final = 10
#: Seconds between the server's pings of a websocket, and for its answer.
_PING: Final = 10.0
#: Seconds that one of several processes has to begin, or to answer the first, before another takes its place: on a
#: busy machine reading our own code takes more than the 5 that uvicorn gives.
_BEGIN: Final = 60


def configured(app: App | str, settings: Settings, **more: Any) -> uvicorn.Config:
    """One loop, one parser, no reading of proxies' headers but our own. `app` is one, or names a factory."""
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "factory": isinstance(app, str),
        "workers": settings.workers,
        "loop": "uvloop",
        "http": "httptools",
        "ws": Protocol,
        "ws_max_size": settings.request_bytes,
        "ws_ping_interval": _PING,
        "ws_ping_timeout": _PING,
        "ws_per_message_deflate": False,
        "proxy_headers": False,
        "server_header": False,
        "date_header": False,
        "access_log": False,
        "log_config": None,
        "lifespan": "on",
        "timeout_graceful_shutdown": _GRACE,
        "timeout_worker_healthcheck": _BEGIN,
    }
    return uvicorn.Config(app, **(options | more))


class Server(uvicorn.Server):
    """Says when it serves; on its way out it lets sockets go before their connections are cut."""

    def __init__(self, config: uvicorn.Config, served: Callable[[], None] = lambda: None) -> None:
        super().__init__(config)
        self._served = served

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._served()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.loaded_app
        if isinstance(app, App):
            await app.leave()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        with super().capture_signals():
            yield
            # Uvicorn would raise them again, and end the program before it has put its parts away.
            self._captured_signals.clear()


class _Process(multiprocess.Process):
    """One of several, with our server in it."""

    @property
    def server(self) -> Server:
        if self._server is None:
            self._server = Server(self.config)
        return cast(Server, self._server)


def serve(settings: Settings) -> None:
    """Serves in as many processes as the settings say, until told to stop; one that dies is begun anew."""
    if settings.workers == 1:
        Server(configured(App(settings), settings)).run()
        return
    # Uvicorn's supervisor has no other place to name a server of one's own.
    multiprocess.Process = _Process  # type: ignore[misc]
    config = configured("server.app:from_environment", settings)
    multiprocess.Multiprocess(config, sockets=[config.bind_socket()]).run()
