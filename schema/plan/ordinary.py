"""The ordinary way to finish: graphql-core walks the answer, over what one statement has read."""

from __future__ import annotations

from typing import Any

import orjson
from graphql import (
    GraphQLAbstractType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    is_introspection_type,
)

from schema.plan.declarations import declaration_of, row_of
from schema.plan.selection import named
from schema.plan.source import Connected, One
from schema.plan.writer import TYPE


def answer_from_plans(schema: GraphQLSchema) -> None:
    """Has every declared field take its value from what the plan has read, by its response key."""
    for type_ in schema.type_map.values():
        if is_introspection_type(type_):
            continue
        if isinstance(type_, GraphQLInterfaceType) and (row_of(type_) or type_.name == "Node"):
            type_.resolve_type = _type_of
        if isinstance(type_, GraphQLObjectType):
            if row_of(type_):
                type_.is_type_of = None
            for definition in type_.fields.values():
                if type_ is schema.mutation_type:
                    definition.resolve = _asking(definition.resolve)
                elif type_ is schema.subscription_type:
                    definition.subscribe = _asking(definition.subscribe)
                else:
                    _answer(definition)


def _answer(definition: GraphQLField) -> None:
    declared = declaration_of(definition)
    otherwise = definition.resolve
    if declared is not None:
        missing = declared.source.missing if isinstance(declared.source, One | Connected) else None

        def take(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
            value = _taken(source, info)
            if value is None and missing is not None and (refusal := missing(info.context)) is not None:
                raise refusal
            return value

        definition.resolve = take
    elif row_of(named(definition.type)):
        definition.resolve = _shown(otherwise)
    elif otherwise is not None:

        def either(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
            return _taken(source, info) if type(source) is dict else otherwise(source, info, **arguments)

        definition.resolve = either


def _taken(source: Any, info: GraphQLResolveInfo[Any]) -> Any:
    context = info.context
    if source is None:
        # Nothing was read: the token is not good.
        context.viewer_or_nobody  # noqa: B018
    if context.refusals and (refusal := context.refusals.get(id(info.field_nodes[0]))) is not None:
        raise refusal
    return source[info.path.key]


def _asking(otherwise: Any) -> Any:
    """Hands down what is asked for of the rows in the answer of this field."""

    def ask(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        if info.context.asking is not None:
            info.context.answer = info.context.asking(info.path.key)
            info.context.answer.check()
        return otherwise(source, info, **arguments)

    return ask


def _shown(otherwise: Any) -> Any:
    """Rows in a connection; or in the answer of a mutation, as they were read in its transaction."""

    def show(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        if type(source) is dict:
            return _taken(source, info)
        rows = otherwise(source, info, **arguments)
        keys: list[str] = []
        at = info.path
        while at is not None and at.prev is not None:
            if isinstance(at.key, str):
                keys.append(at.key)
            at = at.prev
        path = tuple(reversed(keys))
        if isinstance(rows, list):
            shown = [info.context.answer.json(path, row.id) for row in rows]
            # What has gone meanwhile is not there.
            return [_loaded(json) for json in shown if json is not None]
        return None if rows is None else _loaded(info.context.answer.json(path, rows.id))

    return show


def _loaded(json: bytes | None) -> Any:
    return None if json is None else orjson.loads(json)


def _type_of(value: Any, info: GraphQLResolveInfo[Any], abstract: GraphQLAbstractType) -> str:
    name: str = value[TYPE]
    return name
