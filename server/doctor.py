"""What the program reaches and what not, for whoever sets it up."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Final

import redis.asyncio as redis
from redis.exceptions import RedisError
from rich.console import Console

import schema
from models.refusal import Unavailable
from server import identities, safeguards
from server.app import limits_of
from server.graphql.documents import ManifestRefused, manifest
from server.graphql.kept import keeping
from server.mail import smtp_of
from server.preparation import objects_of
from server.settings import Settings
from storage.database import Database
from storage.identities import Away, Entry, OpenId, Wire
from storage.mailing import Delayed
from storage.migrations import newest, reached
from storage.objects import Addressing, BucketRefuses, NoSuchObject

#: Seconds that a part has to answer.
_PATIENCE: Final = 5.0


async def examine(settings: Settings, out: Console) -> bool:
    """Prints a line for each part; returns whether all of them are there."""
    parts: dict[str, Callable[[Settings], Awaitable[str]]] = {
        "PostgreSQL": _postgres,
        "Redis": _redis,
        "Object store": _objects,
    }
    if settings.trusted_documents:
        parts["Trusted documents"] = _documents
    if settings.smtp_url:
        parts["Mail"] = _mail
    for provider in identities.entries(settings):
        parts[f"Logins of {provider.label}"] = functools.partial(_provider, provider)
    well = True
    for name, look in parts.items():
        try:
            async with asyncio.timeout(_PATIENCE):
                said = await look(settings)
            out.print(f"[green]✓[/] {name}: {said}")
            if look is _objects:
                well &= await _is_safe(settings, out)
        except _Missing as missing:
            well = False
            out.print(f"[red]✗[/] {name}: {missing}")
        except Exception as error:  # Whatever it fails with is what they want to know.
            well = False
            out.print(f"[red]✗[/] {name}: {str(error) or type(error).__name__}", markup=True)
    if settings.smtp_url is None:
        shown = " /dev/mail shows what would be." if settings.is_development else ""
        out.print(f"[yellow]![/] Mail: SMTP_URL names no server: nobody is sent any.{shown}")
    if settings.is_development:
        out.print("[yellow]![/] ENVIRONMENT is development: not for others to reach.")
    return well


async def behind(settings: Settings) -> str | None:
    """What to do when the database is not at the step that this program needs; None when it is."""
    async with Database(str(settings.database_url), pool_size=1) as database:
        step = await reached(database)
    if step == newest():
        return None
    return f"the database is at {step or 'no step at all'}, and {newest()} is needed: run `leporello migrate`."


def distrusted(settings: Settings) -> str | None:
    """Why the trusted documents cannot be used; None when they can, and when there are none to be."""
    if settings.trusted_documents is None:
        return None
    try:
        trusted = manifest.read(settings.trusted_documents)
        keeping(schema.build(), limits_of(settings), introspection=settings.introspects, trusted=trusted)
    except ManifestRefused as refused:
        return f"TRUSTED_DOCUMENTS: {refused}"
    return None


class _Missing(Exception):
    pass


async def _documents(settings: Settings) -> str:
    if refused := distrusted(settings):
        raise _Missing(refused)
    return f"those in {settings.trusted_documents} are valid; no others are answered."


async def _postgres(settings: Settings) -> str:
    if settings.database_url is None:
        raise _Missing("DATABASE_URL names none; `leporello dev` brings its own while it runs.")
    async with Database(str(settings.database_url), pool_size=1) as database:
        await database.ready()
    if missing := await behind(settings):
        raise _Missing(missing)
    return f"reached, migrated to {newest()}."


async def _is_safe(settings: Settings, out: Console) -> bool:
    """Prints what the object store does not refuse; whether all of that is made up for."""
    lacks = await safeguards.missing(settings)
    for each in lacks:
        out.print(f"[{'red]✗' if each.is_serious else 'yellow]!'}[/] Object store: {each.says}", soft_wrap=True)
    return not any(each.is_serious for each in lacks)


async def _mail(settings: Settings) -> str:
    smtp = smtp_of(settings)
    assert smtp is not None
    try:
        await smtp.ready()
    except Delayed as delayed:
        raise _Missing(str(delayed)) from delayed
    return "reached." if not settings.is_development else "reached; in development nothing is sent (/dev/mail)."


async def _provider(entry: Entry, settings: Settings) -> str:
    async with Wire() as wire:
        try:
            await OpenId(entry, wire).ready()
        except Away as away:
            raise _Missing(f"{entry.issuer} does not answer as it should: {away}.") from None
    return "its discovery and its keys answer."


async def _redis(settings: Settings) -> str:
    if settings.redis_url is None:
        raise _Missing("REDIS_URL names none; `leporello dev` brings its own while it runs.")
    client = redis.from_url(settings.redis_url)
    try:
        await client.ping()
    except RedisError as error:
        raise _Missing(str(error)) from error
    finally:
        await client.aclose()
    return "reached."


async def _objects(settings: Settings) -> str:
    if settings.s3_endpoint is None:
        raise _Missing("S3_ENDPOINT names none; `leporello dev` brings its own while it runs.")
    if settings.s3_access_key is None or settings.s3_secret_key is None:
        raise _Missing("S3_ACCESS_KEY and S3_SECRET_KEY are needed.")
    other: Addressing = "virtual" if settings.s3_addressing == "path" else "path"
    if lacking := await _lacking(settings):
        if await _lacking(settings.model_copy(update={"s3_addressing": other})) is None:
            raise _Missing(f"it wants the bucket's name elsewhere: S3_ADDRESSING={other}.")
        raise _Missing(lacking)
    return f"reached, bucket {settings.s3_bucket}."


async def _lacking(settings: Settings) -> str | None:
    """Why the bucket is not to be had, if it is not."""
    async with objects_of(settings) as objects:
        try:
            await objects.look()
        except NoSuchObject:
            return f"reached, but there is no bucket {settings.s3_bucket}: `leporello migrate` makes it."
        except BucketRefuses as refusal:
            return f"reached, but it refuses us ({refusal.reason}): are S3_ACCESS_KEY and S3_SECRET_KEY its own?"
        except Unavailable:
            return f"nothing answers at {settings.s3_endpoint}."
    return None
