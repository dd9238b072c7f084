"""An object store that refuses nothing: what the doctor must not be content with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import format_datetime
from urllib.parse import unquote
from xml.etree import ElementTree

from aiohttp import web

from models.columns import now
from tests.running import free_port

_LIST = "<ListBucketResult><IsTruncated>false</IsTruncated>{}</ListBucketResult>"
_ENTRY = (
    "<Contents><Key>{}</Key><Size>{}</Size><LastModified>2026-11-21T00:00:00.000Z</LastModified>"
    '<ETag>"e"</ETag></Contents>'
)


class Lax:
    """One bucket, path style. Without `posts` it knows no forms; what is `closed` answers 403 to everybody."""

    def __init__(self, *, posts: bool = True, closed: bool = False) -> None:
        self.files: dict[str, bytes] = {}
        self._posts = posts
        self._closed = closed

    async def answer(self, request: web.Request) -> web.Response:
        key = request.path.strip("/").partition("/")[2]
        date = format_datetime(now().replace(microsecond=0), usegmt=True)
        headers = {"Date": date, "Last-Modified": date, "ETag": '"e"'}
        if self._closed:
            return web.Response(status=403)
        match request.method:
            case "POST" if "delete" in request.query:
                for node in ElementTree.fromstring(await request.text()).iter():
                    if node.tag.endswith("Key"):
                        self.files.pop(str(node.text), None)
                return web.Response(text="<DeleteResult/>", content_type="application/xml")
            case "POST":
                if not self._posts:
                    return web.Response(status=501)
                form = await request.post()
                file = form["file"]
                assert isinstance(file, web.FileField)
                self.files[str(form["key"])] = file.file.read()
                return web.Response(status=204)
            case "PUT" if "x-amz-copy-source-if-match" in request.headers:
                source = unquote(request.headers["x-amz-copy-source"])
                self.files[key] = self.files[source.partition("/")[2]]
                return web.Response(text="<CopyObjectResult/>", content_type="application/xml")
            case "PUT":
                self.files[key] = await request.read()
                return web.Response(headers={"ETag": '"e"'})
            case "GET" if not key:
                named = {name: data for name, data in self.files.items() if name.startswith(request.query["prefix"])}
                entries = "".join(_ENTRY.format(name, len(data)) for name, data in sorted(named.items()))
                return web.Response(text=_LIST.format(entries), content_type="application/xml")
            case _ if key in self.files or not key:
                type = request.query.get("response-content-type", "text/plain")
                return web.Response(body=self.files.get(key, b""), content_type=type, headers=headers)
        return web.Response(status=404)


@asynccontextmanager
async def laxly(lax: Lax) -> AsyncIterator[str]:
    """Where it is."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", lax.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
