"""What is told of one GraphQL operation once it is over."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

Kind = Literal["query", "mutation", "subscription"]
Transport = Literal["http", "websocket"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as it went; `name` is the client's own invention, `code` None when it went well."""

    name: str | None
    kind: Kind
    seconds: float
    code: str | None
    request_id: str
    user_id: UUID | None
    transport: Transport
