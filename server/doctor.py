"""What the program reaches and what not, for whoever sets it up."""

import asyncio
from typing import Final

import redis.asyncio as redis
from redis.exceptions import RedisError
from rich.console import Console

import schema
from models.refusal import Refusal
from server.app import limits_of
from server.graphql.documents import ManifestRefused, manifest
from server.graphql.kept import keeping
from server.preparation import objects_of
from server.settings import Settings
from storage.database import Database
from storage.migrations import newest, reached

#: Seconds that a part has to answer.
_PATIENCE: Final = 5.0


async def examine(settings: Settings, out: Console) -> bool:
    """Prints a line for each part; returns whether all of them are there."""
    parts = {"PostgreSQL": _postgres, "Redis": _redis, "Object store": _objects}
    if settings.trusted_documents:
        parts["Trusted documents"] = _documents
    well = True
    for name, look in parts.items():
        try:
            async with asyncio.timeout(_PATIENCE):
                said = await look(settings)
            out.print(f"[green]✓[/] {name}: {said}")
        except _Missing as missing:
            well = False
            out.print(f"[red]✗[/] {name}: {missing}")
        except Exception as error:  # Whatever it fails with is what they want to know.
            well = False
            out.print(f"[red]✗[/] {name}: {str(error) or type(error).__name__}", markup=True)
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
    try:
        async with objects_of(settings) as objects:
            if not await objects.ready():
                raise _Missing(f"the bucket {settings.s3_bucket} cannot be reached.")
    except Refusal as refusal:
        raise _Missing(str(refusal)) from refusal
    return f"reached, bucket {settings.s3_bucket}."
