"""Serves `/dev/mail`: what would have been sent, and how every mail looks; to this machine alone."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from resolvers.mail import Mailroom
from resolvers.mail.message import message_of
from server.mail import places
from server.mail.guard import guarded
from server.mail.samples import samples
from storage.mailing import Outbox

_PAGES: Final = Path(__file__).parent / "templates"
#: The pages have no scripts, and show nothing that others serve.
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: A mail in its frame: its own styles, and nothing else.
_FRAMED: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
#: A link on a line of its own, as ours are: in its frame, a mail cannot be clicked.
_LINK: Final = re.compile(r"^https?://\S+$", re.MULTILINE)


class MailPages:
    """And what their links lead to. `mailroom` gives that of the running process; `address` is where the samples' links
    lead, `sender` their own."""

    def __init__(self, mailroom: Callable[[], Mailroom], *, sender: Address, address: str) -> None:
        self._mailroom = mailroom
        self._sender = sender
        self._address = address
        environment = Environment(loader=FileSystemLoader(_PAGES), autoescape=True, undefined=StrictUndefined)
        self._list = environment.get_template("list.html")
        self._one = environment.get_template("one.html")
        self.routes = [
            Route("/dev/mail", guarded(self._show_all), methods=["GET"]),
            Route("/dev/mail/style.css", guarded(_show_style), methods=["GET"]),
            Route("/dev/mail/place.js", guarded(_show_script), methods=["GET"]),
            Route("/dev/mail/last", guarded(self._show_last), methods=["GET"]),
            Route("/dev/mail/{kind}/{id}", guarded(self._show), methods=["GET"]),
            Route("/dev/mail/{kind}/{id}/page", guarded(self._show_page), methods=["GET"]),
            *places.routes_of(environment.get_template("place.html")),
        ]

    @cached_property
    def _samples(self) -> Mapping[str, EmailMessage]:
        # Made when somebody looks: the program would take a seventh of a second longer to start.
        return {name: message_of(mail, self._sender, job=name) for name, mail in samples(self._address).items()}

    async def _show_all(self, request: Request) -> Response:
        kept: Mapping[str, EmailMessage] | None = None
        with suppress(RedisError):
            kept = await self._sent()
        return _page(self._list.render(sent=kept, samples=self._samples))

    async def _show_last(self, request: Request) -> Response:
        """The text of the newest mail to an address, for whoever tries out a client by script."""
        address = request.query_params.get("to", "").casefold()
        for message in (await self._sent()).values():
            if address in [each.addr_spec.casefold() for each in message["To"].addresses]:
                return Response(_part(message, "plain"), headers={"Cache-Control": "no-store"}, media_type="text/plain")
        raise HTTPException(404)

    async def _show(self, request: Request) -> Response:
        message = await self._asked(request)
        text = _part(message, "plain")
        return _page(self._one.render(message=message, text=text, links=_LINK.findall(text), path=request.url.path))

    async def _show_page(self, request: Request) -> Response:
        headers = {"Content-Security-Policy": _FRAMED, "X-Frame-Options": "SAMEORIGIN", "Cache-Control": "no-store"}
        return Response(_part(await self._asked(request), "html"), headers=headers, media_type="text/html")

    async def _asked(self, request: Request) -> EmailMessage:
        """Raises HTTPException."""
        id: str = request.path_params["id"]
        found: Mapping[str, EmailMessage] = {}
        if request.path_params["kind"] == "template":
            found = self._samples
        elif request.path_params["kind"] == "sent":
            found = await self._sent()
        if id not in found:
            raise HTTPException(404)
        return found[id]

    async def _sent(self) -> dict[str, EmailMessage]:
        outbox = self._mailroom().mailer
        assert isinstance(outbox, Outbox), "there is one in development"
        return {each.id: each.message for each in await outbox.messages()}


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    content: Any = part.get_content() if part else ""
    return str(content).replace("\r\n", "\n")


def _page(text: str) -> Response:
    return Response(
        text, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}, media_type="text/html"
    )


async def _show_script(request: Request) -> Response:
    return Response((_PAGES / "place.js").read_bytes(), media_type="text/javascript")


async def _show_style(request: Request) -> Response:
    return Response((_PAGES / "style.css").read_bytes(), media_type="text/css")
