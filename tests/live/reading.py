"""A program of which somebody reads slowly, by a proxy, and what lies there for them."""

from collections.abc import Sequence

from websockets.exceptions import ConnectionClosed

from server.app import App
from server.websocket import Outlet
from tests.client import Client, apply, placed
from tests.live.following import PLAIN, Socket, seqs
from tests.proxy import Proxy

#: Seconds after which one who does not read is closed, here.
SEND = 1.0
LARGE = PLAIN.replace("elements { id }", "elements { ... on TextElement { content } }")
#: Of one event, about; the largest that a text may be, five times.
EVENT = 5 * 20_000


class World:
    def __init__(self, app: App, ada: Client, book_id: str, proxy: Proxy) -> None:
        self.app = app
        self.ada = ada
        self.book_id = book_id
        self.proxy = proxy
        #: Where the slow one is written to.
        self.outlet: Outlet | None = None
        #: What lay unsent after each write, in bytes, and how much of that a transport likes.
        self.unsent: list[int] = []
        self.liked = 0

    @property
    def far(self) -> Client:
        return self.ada.at(f"http://127.0.0.1:{self.proxy.port}")

    def write(self, outlet: Outlet, parts: Sequence[bytes]) -> None:
        WRITE(outlet, parts)
        transport = outlet._protocol.transport
        self.outlet = outlet if outlet.is_busy else self.outlet
        self.unsent.append(transport.get_write_buffer_size())
        self.liked = transport.get_write_buffer_limits()[1]

    @property
    def is_left(self) -> bool:
        """Whether the program has done with the slow one."""
        assert self.outlet
        protocol = self.outlet._protocol
        return protocol.close_sent or protocol.transport.is_closing()

    async def paint(self, count: int) -> None:
        text = {"createText": {"placement": placed(), "content": "x" * 20_000}}
        for number in range(count):
            assert (await apply(self.ada, self.book_id, f"{len(self.unsent)} {number}", *[text] * 5)).it["seq"]


WRITE = Outlet.write


async def read(socket: Socket) -> tuple[list[int], int | None]:
    """What comes until it is closed, and the code of that."""
    heard: list[int] = []
    try:
        while True:
            heard += seqs([event for _, event in await socket.events(1)])
    except ConnectionClosed:
        return heard, socket.connection.close_code
