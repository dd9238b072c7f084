"""What has to be there before anything is served: a migrated database, and a bucket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.settings import Settings
from storage.database import Database
from storage.migrations import migrate
from storage.objects import Objects


async def database(settings: Settings) -> None:
    """Brings the database to the newest step."""
    async with Database(str(settings.database_url), pool_size=1) as opened:
        await migrate(opened)


async def bucket(settings: Settings) -> None:
    """Makes the bucket if it is missing, and lets the pages that may use the API use it."""
    async with objects_of(settings) as objects:
        await objects.prepare([*settings.allowed_origins, settings.address])


@asynccontextmanager
async def objects_of(settings: Settings) -> AsyncIterator[Objects]:
    """The bucket that the settings name."""
    async with Objects.open(
        endpoint=str(settings.s3_endpoint),
        public_endpoint=str(settings.bucket_address),
        bucket=settings.s3_bucket,
        region=settings.s3_region,
        access_key=settings.s3_access_key or "",
        secret_key=settings.s3_secret_key or "",
        addressing=settings.s3_addressing,
        tickets=settings.s3_tickets,
    ) as objects:
        yield objects
