"""What may be asked: the GraphQL contract, and nothing else."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.base import COLOR, JSON, JSON_VALUE, MOMENT, Color
from schema.element import KINDS as ELEMENTS
from schema.event import KINDS as EVENTS
from schema.mutation import Mutation
from schema.plan.checking import check
from schema.plan.ordinary import answer_from_plans
from schema.query import Query
from schema.subscription import Subscription

EXPORTED: Final = Path(__file__).parent / "schema.graphql"


def build() -> strawberry.Schema:
    """The schema, whose fields are answered from plans."""
    config: Any = StrawberryConfig(scalar_map={Color: COLOR, JSON: JSON_VALUE, datetime: MOMENT})
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[*ELEMENTS, *EVENTS],
        config=config,
    )
    answer_from_plans(schema._schema)
    check(schema._schema)
    return schema


def exported() -> str:
    """The schema as it is committed in `schema.graphql`."""
    return build().as_str() + "\n"
