"""`/dev/mail`: there in development, for this machine alone, and harmless whatever a mail holds."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
import redis.asyncio as redis
from starlette.applications import Starlette

from resolvers.mail import rendered
from server.app import App
from server.mail import MailPages, mailroom_of
from server.mail.samples import samples
from server.settings import Settings
from tests.browser.post import BROWSER_LIMIT, look_at_mail
from tests.mail.conftest import invitation
from tests.node import INSTALL_LIMIT
from tests.running import free_port

KEY = "mail:outbox"
EVIL = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest_asyncio.fixture
async def visitor(serving: str, base: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with redis.from_url(str(base.redis_url)) as client, httpx.AsyncClient(base_url=serving) as http:
        await client.delete(KEY)
        yield http
        await client.delete(KEY)


async def test_the_last_mail_to_an_address_can_be_had_as_text(app: App, visitor: httpx.AsyncClient) -> None:
    await put(app, to="ben@example.org", title="First")
    await put(app, to="ben@example.org", title="Second")
    await put(app, to="eve@example.org", title="Third")
    found = await visitor.get("/dev/mail/last", params={"to": "BEN@example.org"})
    assert found.headers["content-type"] == "text/plain; charset=utf-8"
    assert "“Second”" in found.text and "First" not in found.text and "Third" not in found.text
    assert (await visitor.get("/dev/mail/last", params={"to": "ada@example.org"})).status_code == 404
    assert (await visitor.get("/dev/mail/last")).status_code == 404
    elsewhere = {"host": "books.example.org"}
    assert (await visitor.get("/dev/mail/last", params={"to": "eve@example.org"}, headers=elsewhere)).status_code != 200


async def put(app: App, **more: object) -> None:
    await app.parts.mailroom.send(invitation(**more), job="7")


async def test_an_empty_outbox_shows_every_template(visitor: httpx.AsyncClient) -> None:
    page = await visitor.get("/dev/mail")
    assert page.status_code == 200 and "Nothing yet." in page.text
    linked = re.findall(r'href="/dev/mail/template/([^"]+)"', page.text)
    shown_here = samples(str(visitor.base_url).rstrip("/"))
    assert linked == list(shown_here)
    for name in linked:
        said = rendered(shown_here[name])
        one = await visitor.get(f"/dev/mail/template/{name}")
        assert html.escape(said.subject, quote=False) in html.unescape(one.text)
        shown = await visitor.get(f"/dev/mail/template/{name}/page")
        assert shown.text.replace("\r\n", "\n").strip() == said.html.strip()


async def test_a_mail_is_shown_with_its_headers_its_text_its_page_and_its_links(
    visitor: httpx.AsyncClient, app: App
) -> None:
    await put(app)
    page = await visitor.get("/dev/mail")
    [address] = re.findall(r'href="(/dev/mail/sent/[0-9a-f]{32})"', page.text)
    assert "ben@example.org" in page.text
    one = await visitor.get(address)
    for header in ("Message-ID", "Auto-Submitted", "Subject"):
        assert f"<dt>{header}<dd>" in one.text
    assert '<a href="https://books.example.org/invitation#token" rel="noreferrer">' in one.text
    assert f'<iframe id="page" title="The mail as a page" sandbox src="{address}/page">' in one.text
    assert "Look at the invitation" in (await visitor.get(f"{address}/page")).text


async def test_its_pages_come_under_a_strict_policy(visitor: httpx.AsyncClient, app: App) -> None:
    await put(app)
    [address] = re.findall(r'href="(/dev/mail/sent/[^"]+)"', (await visitor.get("/dev/mail")).text)
    for path in ("/dev/mail", address):
        page = await visitor.get(path)
        assert page.headers["content-security-policy"] == (
            "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["cache-control"] == "no-store"
    framed = await visitor.get(f"{address}/page")
    assert framed.headers["content-security-policy"] == (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    )
    assert framed.headers["x-frame-options"] == "SAMEORIGIN"
    for answer in (page, framed, await visitor.get("/dev/mail/style.css")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


async def test_what_people_wrote_is_words_on_them(visitor: httpx.AsyncClient, app: App) -> None:
    await put(app, title=EVIL, inviter=EVIL)
    listed = (await visitor.get("/dev/mail")).text
    [address] = re.findall(r'href="(/dev/mail/sent/[^"]+)"', listed)
    for path in ("/dev/mail", address, f"{address}/page"):
        page = (await visitor.get(path)).text
        assert "<script" not in page and "<img" not in page


@pytest.mark.parametrize(
    "path", ["", "/style.css", "/template/invitation-en", "/template/invitation-en/page"], ids=lambda path: path[1:]
)
async def test_nobody_else_gets_them(visitor: httpx.AsyncClient, settings: Settings, path: str) -> None:
    path = f"/dev/mail{path}"
    assert (await visitor.get(path)).status_code == 200
    assert (await visitor.get(path, headers={"host": "[::1]:8000"})).status_code == 200
    assert (await visitor.post(path)).status_code == 405
    # Hosts that lead here from elsewhere are no hosts of ours.
    assert (await visitor.get(path, headers={"host": "evil.example"})).status_code == 400
    for client, host, status in (
        ("127.0.0.1", "localhost", 200),
        ("::1", "localhost", 200),
        ("127.0.0.1", "books.example.org", 404),
        ("192.0.2.7", "localhost", 404),
    ):
        async with pages(settings, client, host) as elsewhere:
            assert (await elsewhere.get(path)).status_code == status, (client, host)


@asynccontextmanager
async def pages(settings: Settings, client: str, host: str) -> AsyncIterator[httpx.AsyncClient]:
    """The pages alone, as somebody at this address is served them under this name."""
    async with mailroom_of(settings) as mailroom:
        served = MailPages(lambda: mailroom, sender=settings.sender, address=settings.address)
        transport = httpx.ASGITransport(Starlette(routes=served.routes), client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as visitor:
            yield visitor


@pytest.mark.parametrize("path", ["/dev/mail", "/dev/mail/style.css", "/dev/mail/template/invitation-en"])
async def test_in_production_there_are_none(settings: Settings, path: str) -> None:
    given = {"environment": "production", "public_url": "http://127.0.0.1", "explorer": False}
    transport = httpx.ASGITransport(App(settings.model_copy(update=given)), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as visitor:
        assert (await visitor.get(path)).status_code == 404
        assert (await visitor.get("/health/live")).status_code == 200


@pytest.mark.parametrize(
    "path", ["sent/0", "sent/..%2Fx", "template/nothing", "other/invitation-en", "template/invitation-en/other"]
)
async def test_nothing_else_is_there(visitor: httpx.AsyncClient, path: str) -> None:
    assert (await visitor.get(f"/dev/mail/{path}")).status_code == 404


async def test_without_redis_the_templates_are_still_shown(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{free_port()}"})
    async with pages(away, "127.0.0.1", "localhost") as visitor:
        page = await visitor.get("/dev/mail")
        assert page.status_code == 200 and "Redis is away." in page.text and "invitation-fr" in page.text


@pytest.mark.timeout(INSTALL_LIMIT + BROWSER_LIMIT + 30)
async def test_a_browser_shows_them_without_leaving_the_origin(
    visitor: httpx.AsyncClient, app: App, serving: str, tmp_path: Path
) -> None:
    await put(app, title=f"Été {EVIL}")
    seen = await look_at_mail(tmp_path / "profile", base=serving)
    assert "failure" not in seen, seen
    assert seen["violations"] == seen["complaints"] == seen["dialogs"] == []
    assert {urlsplit(url).netloc for url in seen["requests"]} == {urlsplit(serving).netloc}
    shown = seen["shown"]
    assert shown["title"] == "Mail · Leporello"
    assert shown["isStyled"] == "960px"
    assert shown["sent"] == [shown["subject"]]
    assert shown["subject"].replace("\u200b", "") == f"Ada invites you to “Été {EVIL}”"
    assert {"From", "To", "Message-ID", "Date"} <= set(shown["headers"])
    assert shown["links"] == ["https://books.example.org/invitation#token"]
    for part in (shown["text"], shown["page"]):
        assert f"Été {EVIL}" in part.replace("\u200b", "")
    # The mail's own styles hold, in a frame that is of no origin.
    assert (shown["button"], shown["origin"]) == ("rgb(122, 46, 31)", "null")
    assert list(shown["looks"]) == list(samples(serving))
    assert "ฤดูร้อนริมทะเลสาบ" in shown["looks"]["invitation-th"]
    assert "vous invite à participer" in shown["looks"]["invitation-fr"]
    assert "n’ont pas pu être utilisées" in shown["looks"]["photos_failed-fr"]
