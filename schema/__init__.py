"""What may be asked: the GraphQL contract, and nothing else."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import strawberry
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from schema.base import COLOR, Color
from schema.element import KINDS as ELEMENTS
from schema.event import KINDS as EVENTS
from schema.mutation import Mutation
from schema.query import Query
from schema.subscription import Subscription

EXPORTED: Final = Path(__file__).parent / "schema.graphql"


def build(extensions: Iterable[type[SchemaExtension]] = ()) -> strawberry.Schema:
    """The schema, with what the server adds to each operation."""
    config: Any = StrawberryConfig(scalar_map={Color: COLOR})
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[*ELEMENTS, *EVENTS],
        extensions=list(extensions),
        config=config,
    )


def exported() -> str:
    """The schema as it is committed in `schema.graphql`."""
    return build().as_str() + "\n"
