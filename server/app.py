"""The program as one ASGI application: its parts, made from the settings and closed with it."""

import asyncio
import functools
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

import schema
from models.operation import BATCH_POINTS
from models.quota import Quotas
from models.relying_party import RelyingParty
from models.rules import AccountRules, Days
from resolvers.context import Parts
from resolvers.keyring import Keyring
from resolvers.live import Hub
from resolvers.password import Passwords
from resolvers.presence.house import Presences
from resolvers.rates import Allowed, Rates
from resolvers.token import AccessTokens, Algorithm, RefreshTokens
from resolvers.turns import Turns
from server import collector
from server.auth import enter
from server.doorway import Doorway
from server.explorer import Explorer
from server.graphql import GraphQLEndpoint
from server.graphql.cookies import Cookies
from server.graphql.documents import manifest
from server.graphql.limits import Limits
from server.health import Health
from server.identities import providers_of
from server.jwks import published
from server.mail import MailPages, mailroom_of
from server.observe import backlog, logs, tracing
from server.observe.lag import Lag
from server.observe.metrics import Metrics
from server.observe.observer import Observer
from server.observe.statements import instrument
from server.preparation import objects_of
from server.settings import Settings, read
from storage.broadcast import Announcements, ValkeyBackend
from storage.database import Database
from storage.journal import Heads
from storage.picture import Pictures
from storage.pruning import Pruning
from storage.rates import Budgets, Windows
from storage.revocations import Revocations


@asynccontextmanager
async def parts_of(settings: Settings) -> AsyncIterator[Parts]:
    """What a process answers with. Postgres and the object store have to be there, Redis may come later."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            Database(str(settings.database_url), pool_size=settings.database_pool)
        )
        backend = ValkeyBackend(str(settings.redis_url))
        announcements = await stack.enter_async_context(Announcements(backend, poll=Heads(database).news))
        revocations = Revocations(database, announcements)
        await revocations.start()
        stack.push_async_callback(revocations.stop)
        presences = await stack.enter_async_context(
            Presences(str(settings.redis_url), database, announcements, revocations)
        )
        await stack.enter_async_context(Pruning(database))
        hub = Hub(database, announcements)
        stack.push_async_callback(hub.close)
        objects = await stack.enter_async_context(objects_of(settings))
        # Nothing is started before the first picture, which only a worker looks at.
        at_once = min(settings.jobs_at_once, os.cpu_count() or 1)
        pictures = await stack.enter_async_context(Pictures(at_once))
        keyring = Keyring(str(settings.secret_key), settings.former_secret_keys)
        house = keyring.hash("house", urlsplit(str(settings.database_url)).path).hex()[:16]
        windows = await stack.enter_async_context(Windows(str(settings.redis_url), house))
        budgets = await stack.enter_async_context(Budgets(windows))
        allowed = Allowed(settings.rate_objects, settings.rate_objects_of_address, settings.rate_factor)
        passwords = Passwords()
        stack.callback(passwords.close)
        yield Parts(
            database=database,
            announcements=announcements,
            revocations=revocations,
            presences=presences,
            objects=objects,
            pictures=pictures,
            passwords=passwords,
            keyring=keyring,
            tokens=AccessTokens(keyring, settings.jwt_algorithm),
            refresh_tokens=RefreshTokens(keyring),
            rules=AccountRules(
                settings.verified_to_sign_in,
                session_days=Days.read(settings.session_days),
                session_max_days=Days.read(settings.session_max_days),
                rate_factor=settings.rate_factor,
                relying_party=RelyingParty.at(
                    settings.address,
                    domain=settings.passkey_domain,
                    allowed=settings.allowed_origins,
                    also=settings.passkey_origins,
                ),
            ),
            identities=await stack.enter_async_context(providers_of(settings)),
            upload_limit=settings.upload_limit,
            quotas=Quotas(
                settings.book_images,
                settings.book_bytes,
                settings.user_bytes,
                settings.user_books,
                settings.user_weight,
            ),
            rates=Rates(windows, budgets, keyring, allowed),
            turns=Turns(),
            hub=hub,
            mailroom=await stack.enter_async_context(mailroom_of(settings)),
        )


def limits_of(settings: Settings) -> Limits:
    """What one client may ask for at once."""
    return Limits(
        depth=settings.query_depth,
        aliases=settings.query_aliases,
        tokens=settings.query_tokens,
        cost=settings.query_cost,
        sockets_per_process=settings.sockets_per_process,
        sockets_per_address=settings.sockets_per_address,
        sockets_per_user=settings.sockets_per_user,
        subscriptions_per_process=settings.subscriptions_per_process,
        subscriptions_per_socket=settings.subscriptions_per_socket,
        body_bytes=settings.request_bytes,
        message_bytes=settings.request_bytes,
        long_lists=(("points", BATCH_POINTS),),
    )


class App:
    """Everything that one process serves. Making one raises ManifestRefused when its trusted documents are not."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._parts: Parts | None = None
        self._metrics = Metrics() if settings.metrics else None
        explores = settings.is_development if settings.explorer is None else settings.explorer
        bucket = urlsplit(settings.bucket_address or "")
        self._explorer = Explorer(image_origins=[f"{bucket.scheme}://{bucket.netloc}"]) if explores else None
        self.endpoint = GraphQLEndpoint(
            schema.build(),
            enter=lambda entrance: enter(self.parts, entrance),
            spend=lambda context, cost: context.spend(cost),
            observe=Observer(self._metrics),
            limits=limits_of(settings),
            allowed_origins=settings.allowed_origins,
            cookies=Cookies(settings.address, settings.allowed_origins),
            introspection=settings.introspects,
            explorer=self._explorer.page if self._explorer else None,
            trusted=manifest.read(settings.trusted_documents) if settings.trusted_documents else None,
        )
        self.health = Health(
            {
                "postgres": lambda: self.parts.database.ready(),
                "redis": lambda: self.parts.announcements.ready(),
                "s3": lambda: self.parts.objects.ready(),
            }
        )
        self._asgi = self._routed()

    @property
    def parts(self) -> Parts:
        assert self._parts is not None, "asked before it was started"
        return self._parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._asgi(scope, receive, send)

    async def leave(self) -> None:
        """Sends no more work here, and lets every socket go once its mutations were answered."""
        self.health.leaving()
        await self.endpoint.sockets.close_all()

    def _routed(self) -> ASGIApp:
        routes = [
            Route("/graphql", self.endpoint),
            WebSocketRoute("/graphql", self.endpoint),
            *self.health.routes,
        ]
        if self._explorer:
            routes += [Route("/", _to_explorer), *self._explorer.routes]
        if self._metrics:
            routes.append(self._metrics.route())
        settings = self._settings
        if settings.jwt_algorithm == Algorithm.EDDSA:
            routes.append(published(Keyring(str(settings.secret_key), settings.former_secret_keys)))
        if settings.is_development:
            pages = MailPages(lambda: self.parts.mailroom, sender=settings.sender, address=settings.address)
            routes += pages.routes
        app: ASGIApp = _Shortcut("/graphql", self.endpoint, Starlette(routes=routes, lifespan=self._lifespan))
        return Doorway(
            tracing.Traceparent(app) if settings.otel_exporter_otlp_endpoint else app,
            public_url=settings.address,
            allowed_hosts=settings.allowed_hosts,
            allowed_origins=settings.allowed_origins,
            trusted_proxies=[str(network) for network in settings.trusted_proxies],
            development=settings.is_development,
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            self._parts = await stack.enter_async_context(parts_of(self._settings))
            self._parts.revocations.ended = self.endpoint.sockets.close_session
            self._parts.revocations.open = lambda: self.endpoint.sockets.sessions
            lag = await stack.enter_async_context(Lag())
            provider = tracing.configure(self._settings.otel_exporter_otlp_endpoint)
            if provider:
                stack.push_async_callback(functools.partial(asyncio.to_thread, provider.shutdown))
                instrument(self._parts.database.engine, self._parts.database.connections)
            if self._metrics:
                self._count(self._metrics, lag)
            with collector.patient():
                yield

    def _broadcast(self) -> dict[str, int]:
        counts = asdict(self.parts.announcements.counts)
        del counts["subscribers"]
        return counts

    def _count(self, metrics: Metrics, lag: Lag) -> None:
        metrics.pool(self.parts.database.engine, self.parts.database.connections)
        metrics.counters("broadcast", self._broadcast)
        metrics.counters("journal", lambda: {"reads": self.parts.hub.reads})
        backlog.observe(metrics, self.parts.database)
        metrics.labelled("security_events", "kind", "What happened to accounts.", lambda: self.parts.noted.counts)
        metrics.labelled(
            "rate_limited", "rate", "Operations and calls that came too often.", lambda: self.parts.rates.refused
        )
        metrics.gauge("followers", "Subscriptions to books that are live.", lambda: self.parts.hub.readers)
        metrics.gauge("books_followed", "Books that somebody follows.", lambda: self.parts.hub.books)
        metrics.gauge("sockets", "Websockets that are open.", lambda: len(self.endpoint.sockets))
        metrics.gauge("loop_lag_seconds", "The event loop's longest lag since the last look.", lag.worst)


class _Shortcut:
    """Spares what is asked all the time the way through all routes. The route stays, for whatever asks for those."""

    def __init__(self, path: str, endpoint: ASGIApp, others: ASGIApp) -> None:
        self._path = path
        self._endpoint = endpoint
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._endpoint if scope.get("path") == self._path else self._others
        await app(scope, receive, send)


async def _to_explorer(request: Request) -> Response:
    return RedirectResponse("/graphql", 303)


def from_environment() -> App:
    """For uvicorn, which makes one in each of its processes."""
    settings = read()
    logs.configure(json=not settings.is_development, level=settings.log_level)
    return App(settings)
