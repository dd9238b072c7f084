"""Credentials, as a browser hands them on: read, and believed only once all of it was verified."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from webauthn.helpers import parse_client_data_json

from models.refusal import Invalid

_BROKEN: Final = "This is no credential as browsers make them."

_log = structlog.get_logger("passkeys")


class Unverified(Exception):
    """It is not what was asked for, or not by whom."""


@contextmanager
def readable() -> Iterator[None]:
    """Raises Invalid where it is not what it should look like."""
    try:
        yield
    # Of what a stranger sends, anything may be the matter.
    except Exception as error:
        raise Invalid(_BROKEN, "credential") from error


@contextmanager
def verified(client_data: bytes) -> Iterator[None]:
    """Raises Unverified for whatever is wrong with it."""
    try:
        if parse_client_data_json(client_data).cross_origin:
            raise Unverified("asked within a page of somebody else's")
        yield
    except Exception as error:
        # Whoever has set a wrong domain or origin finds it here.
        _log.info("passkey_unverified", reason=str(error)[:300])
        raise Unverified(str(error)) from error
