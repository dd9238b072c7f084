"""The SQL that this program runs for a query: what pgbench is given, to say how much of it we reach."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from graphql import OperationDefinitionNode, parse

import schema
from bench import seed
from models.columns import now
from schema.plan.planner import Planner


def statements(query: str, variables: Mapping[str, Any]) -> tuple[str, Sequence[Any]]:
    """The one statement of a query, asked by the seed's viewer, with `$1`, `$2` ... and the values for them.

    Raises NotImplementedError for a query that has no one statement.
    """
    document = parse(query)
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    planned = Planner(schema.build()._schema).planned(document, operation)
    coerced = planned.variables(variables)
    statement = planned.plan(coerced).whole
    if statement is None:
        raise NotImplementedError("This query is not planned as one statement.")
    viewer: Any = SimpleNamespace(viewer_id=seed.VIEWER, session_id=seed.SESSION, now=now())
    return statement.sql, statement.bind(viewer, coerced)
