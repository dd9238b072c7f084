"""Lists that can grow, a slice at a time (Relay's cursor connections)."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import strawberry
from sqlalchemy import BigInteger

from models import Permission
from resolvers.connection import Keyset, checked_first
from schema.plan.source import Argument, Condition, Connected, declared

T = TypeVar("T")


@strawberry.type(description="Where a slice begins and ends in the whole list.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Give it as `after` to go on from here.")
    node: T


@strawberry.type
class Connection(Generic[T]):
    """A slice of a list, for `first` rows (1 to 100, 20 unless said) after a cursor."""

    edges: list[Edge[T]]
    nodes: list[T]
    page_info: PageInfo
    total_count: int = strawberry.field(description="Of the whole list.")


def connection(
    where: Condition,
    keyset: Callable[[Any], Keyset],
    description: str,
    *,
    signed_in: bool = False,
    needs: Permission | None = None,
    **arguments: Argument,
) -> Any:
    """A field that gives the rows of which this holds, in the keyset's order, by `first` and `after`."""
    paging = {
        "first": Argument(int | None, checked_first, BigInteger),
        # Read by the keyset, into as many parameters as it has columns.
        "after": Argument(str | None),
    }
    return declared(Connected(where, keyset, signed_in, needs), description, arguments={**paging, **arguments})
