"""The two ways to finish an answer, each asked by itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import schema
from resolvers.context import Context
from schema.plan.late import Text
from schema.plan.parameters import Unplanned
from schema.plan.plan import Plan
from schema.plan.planner import Planner
from server.app import App
from server.auth import enter
from server.graphql import GraphQLEndpoint
from server.graphql.asked import Asked
from server.graphql.entrance import Entrance
from server.graphql.limits import Limits
from server.graphql.operating import Answer, Means, Operating

#: A drawn operation may be larger than a client's; how large one may be is tested elsewhere.
WIDE = Limits(
    depth=50,
    aliases=10**5,
    directives=10**5,
    cost=10**12,
    selections=10**6,
    comparisons=10**6,
    tokens=10**6,
    characters=10**6,
    brackets=100,
)


class Counting(Planner):
    """Says how many answers Postgres made."""

    whole_answers = 0

    async def whole(self, plan: Plan, variables: Mapping[str, Any], context: Context) -> Text:
        text = await super().whole(plan, variables, context)
        self.whole_answers += 1
        return text


class Ordinary(Planner):
    """Leaves every answer to graphql-core."""

    async def whole(self, plan: Plan, variables: Mapping[str, Any], context: Context) -> Text:
        raise Unplanned


@dataclass(frozen=True)
class Ways:
    """The program as it is, and the same program where graphql-core finishes everything."""

    planner: Counting
    direct: Means
    ordinary: Means

    @classmethod
    def of(cls, app: App) -> Self:
        """With documents and plans of their own."""
        endpoint = GraphQLEndpoint(
            schema.build(), enter=lambda by: enter(app.parts, by), observe=_unheard, limits=WIDE, introspection=True
        )
        built = endpoint.means.schema._schema
        planner = Counting(built)
        return cls(planner, replace(endpoint.means, planner=planner), replace(endpoint.means, planner=Ordinary(built)))

    async def both(self, text: str, variables: dict[str, Any], token: str | None) -> tuple[Any, Any]:
        """Both answers, made comparable."""
        return await told(self.direct, text, variables, token), await told(self.ordinary, text, variables, token)


async def answered(means: Means, text: str, variables: dict[str, Any], token: str | None) -> Answer:
    asked = Asked(text, variables, None, None)
    return await Operating(means, asked, Entrance(token, "test", None, None), "http").answer()


async def told(means: Means, text: str, variables: dict[str, Any], token: str | None) -> Any:
    """The answer as `exactly` reads it, its errors by code, path and message."""
    answer = await answered(means, text, variables, token)
    data = dict(exactly(answer.text))
    for error in answer.errors or ():
        error.setdefault("path", None)
    data["errors"] = [(error["extensions"]["code"], error["path"], error["message"]) for error in answer.errors or ()]
    return data


def exactly(text: bytes) -> Any:
    """JSON in which the order of keys counts, numbers are compared by value, and true is not 1."""
    return json.loads(
        text,
        object_pairs_hook=tuple,
        parse_int=lambda digits: Number(int(digits)),
        parse_float=lambda digits: Number(float(digits)),
    )


@dataclass(frozen=True)
class Number:
    value: float


def _unheard(_: object) -> None:
    pass
