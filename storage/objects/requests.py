"""Asking the bucket: with limits, and with failures in our own words."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from models.refusal import Unavailable
from storage.objects.signing import Addressing

#: Seconds: to connect, between two bytes, for a request with its retries, for a file, to see the bucket.
CONNECT = 2
SILENCE = 10
REQUEST = 20
TRANSFER = 300
GLANCE = 2
#: How many times a request is sent, and how many are under way at once; the others wait, within their limits.
ATTEMPTS = 3
CONNECTIONS = 32

_logger = logging.getLogger(__name__)


class NoSuchObject(LookupError):
    """There is nothing under that key."""


class NotAsFound(LookupError):
    """What is there, or is not, is another than the request was for."""


class BucketRefuses(Unavailable):
    """It is there, and refuses what we ask; `reason` is its code, for whoever runs the house."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


def config(addressing: Addressing) -> Config:
    return Config(
        signature_version="s3v4",
        connect_timeout=CONNECT,
        read_timeout=SILENCE,
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        # Or botocore would read whole files on the event loop to hash them. What we store has its SHA-256 in
        # a signed header, which the bucket checks.
        s3={"addressing_style": addressing, "payload_signing_enabled": False},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # Only settings read the environment.
        proxies={},
    )


@asynccontextmanager
async def asking(seconds: float = REQUEST) -> AsyncIterator[None]:
    """Whatever goes wrong with the bucket in here is NoSuchObject, NotAsFound or Unavailable; the log says what."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except ClientError as error:
        if code(error) in {"404", "NoSuchKey"}:
            raise NoSuchObject from error
        if code(error) == "PreconditionFailed":
            raise NotAsFound from error
        _logger.warning("The bucket refused %s: %s", error.operation_name, code(error))
        raise BucketRefuses(code(error)) from error
    except (BotoCoreError, aiohttp.ClientError, TimeoutError) as error:
        _logger.warning("The bucket is away: %s", type(error).__name__)
        raise Unavailable from error


def code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
