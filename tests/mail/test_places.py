"""Where the links in mails lead in development: a page that says what to run, for this machine alone."""

import html
import re
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from graphql import GraphQLSchema, build_schema, parse, validate
from starlette.applications import Starlette

from resolvers.mail import rendered
from server.app import App
from server.mail import MailPages, mailroom_of
from server.mail.places import PLACES
from server.mail.samples import samples
from server.settings import Settings
from tests.browser.post import BROWSER_LIMIT, open_link
from tests.node import INSTALL_LIMIT

BOOK = "bk_0190163d-8694-739b-aea5-966c26f8ad91"
PATHS = [place.path.replace("{id}", BOOK) for place in PLACES]


@pytest.fixture(scope="session")
def schema() -> GraphQLSchema:
    return build_schema((Path(__file__).parents[2] / "schema/schema.graphql").read_text("utf-8"))


def operation_in(page: str) -> str:
    [operation] = re.findall(r'<pre id="operation">(.*?)</pre>', page, re.DOTALL)
    return html.unescape(operation)


@pytest.mark.parametrize("path", PATHS)
async def test_it_says_what_to_run(serving: str, schema: GraphQLSchema, path: str) -> None:
    async with httpx.AsyncClient(base_url=serving) as visitor:
        page = await visitor.get(path)
    assert page.status_code == 200 and 'href="/graphql"' in page.text
    operation = operation_in(page.text)
    assert validate(schema, parse(operation)) == []
    assert ("TOKEN" in operation) == ('id="token"' in page.text) == (path in PATHS[:3])
    assert ("bk_" in operation) == (f'book(id: "{BOOK}")' in operation) == path.startswith("/books/")
    assert page.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert page.headers["cache-control"] == "no-store" and page.headers["referrer-policy"] == "no-referrer"


async def test_every_link_of_every_mail_leads_somewhere(serving: str) -> None:
    texts = [rendered(mail).text for mail in samples(serving).values()]
    links = {link for text in texts for link in re.findall(r"^http\S+$", text, re.MULTILINE)}
    assert len(links) == len(PLACES) + 1
    async with httpx.AsyncClient(follow_redirects=True, headers={"accept": "text/html"}) as visitor:
        assert {(await visitor.get(link)).status_code for link in links} == {200}


@pytest.mark.parametrize("path", ["/books/bk_1", '/books/bk_")', "/books/", "/verify-email/x", "/account"])
async def test_nothing_else_is_there(serving: str, path: str) -> None:
    async with httpx.AsyncClient(base_url=serving) as visitor:
        assert (await visitor.get(path)).status_code == 404


@pytest.mark.parametrize("path", [*PATHS, "/dev/mail/place.js"])
async def test_nobody_else_gets_them_and_in_production_there_are_none(settings: Settings, path: str) -> None:
    async with mailroom_of(settings) as mailroom:
        pages = MailPages(lambda: mailroom, sender=settings.sender, address=settings.address)
        served = Starlette(routes=pages.routes)
        given = {"environment": "production", "public_url": "http://127.0.0.1", "explorer": False}
        for app, client, host, status in (
            (served, "127.0.0.1", "localhost", 200),
            (served, "127.0.0.1", "books.example.org", 404),
            (served, "192.0.2.7", "localhost", 404),
            (App(settings.model_copy(update=given)), "127.0.0.1", "127.0.0.1", 404),
        ):
            transport = httpx.ASGITransport(app, client=(client, 1))
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as visitor:
                assert (await visitor.get(path)).status_code == status, (client, host)


@pytest.mark.timeout(INSTALL_LIMIT + BROWSER_LIMIT + 30)
async def test_a_browser_puts_the_token_of_the_address_into_the_operation(serving: str, tmp_path: Path) -> None:
    seen = await open_link(tmp_path / "profile", base=serving, mail="verification-en")
    assert "failure" not in seen, seen
    assert seen["violations"] == seen["complaints"] == []
    shown = seen["shown"]
    assert shown["title"] == "Confirm an address · Leporello"
    assert shown["token"] == "a-token-is-here"
    assert 'verifyEmail(token: "a-token-is-here")' in shown["operation"]
    assert 'verifyEmail(token: "another_one")' in shown["after"]["another_one"]
    for none in ("", 'x") { ok } deleteViewer { ok } #'):
        assert 'verifyEmail(token: "TOKEN")' in shown["after"][none] and "deleteViewer" not in shown["after"][none]
    assert {urlsplit(url).netloc for url in seen["requests"]} == {urlsplit(serving).netloc}


@pytest.mark.parametrize("header", ["X-Forwarded-For", "x-forwarded-host", "Forwarded"])
async def test_a_proxy_on_this_machine_is_not_who_sits_at_it(serving: str, header: str) -> None:
    async with httpx.AsyncClient(base_url=serving, headers={header: "192.0.2.1"}) as visitor:
        assert {(await visitor.get(path)).status_code for path in ("/dev/mail", "/reset-password")} == {404}
