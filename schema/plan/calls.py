"""A mutation called directly: inputs compiled, payload projected, its rows as Postgres made them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLNonNull,
    GraphQLResolveInfo,
    GraphQLSchema,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
)
from graphql.pyutils import Path
from strawberry.types import Info

from schema.plan.coercion import arguments_of
from schema.plan.declarations import row_of
from schema.plan.parameters import Unplanned
from schema.plan.selection import Selections, named

if TYPE_CHECKING:
    from resolvers.context import Context
    from schema.plan.answer import Reading

#: From what a resolver gave and the rows that were read to what is sent.
Project = Callable[[Any, "Reading"], Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One field of a mutation. Its resolver is called as Strawberry would, with its extensions around it."""

    key: str
    nodes: list[FieldNode]
    arguments: Callable[[Mapping[str, Any]], dict[str, Any]]
    resolve: Callable[[Any, Any], Callable[..., Awaitable[Any]]]
    info: Callable[[Any], Any]
    project: Project
    nullable: bool

    async def answer(self, context: Context, arguments: Mapping[str, Any], reading: Reading) -> Any:
        info = self.info(context)
        payload = await self.resolve(None, info)(**arguments)
        return None if payload is None else self.project(payload, reading)

    def error(self, error: Exception) -> GraphQLError:
        return GraphQLError(str(error), self.nodes, path=[self.key], original_error=error)


class Caller:
    """Compiles the fields of a mutation. Raises Unplanned for what only the ordinary way can do."""

    def __init__(self, schema: GraphQLSchema, selections: Selections, operation: Any) -> None:
        self._schema = schema
        self._selections = selections
        self._operation = operation

    def calls(self) -> list[Call]:
        root = self._schema.mutation_type
        assert root
        fields = self._selections.fields(root, [self._operation.selection_set])
        return [self._call(key, nodes, root.fields.get(nodes[0].name.value)) for key, nodes in fields.items()]

    def _call(self, key: str, nodes: list[FieldNode], definition: GraphQLField | None) -> Call:
        field = definition.extensions.get("strawberry-definition") if definition else None
        resolver = field.base_resolver if field else None
        if definition is None or resolver is None or not resolver.is_async:
            raise Unplanned
        type_ = get_nullable_type(definition.type)
        if not is_object_type(type_) or row_of(type_):
            raise Unplanned
        return Call(
            key,
            nodes,
            arguments_of(self._schema, definition, nodes[0]),
            _resolving(field),
            self._informing(definition, key, nodes, field),
            self._object(type_, [each.selection_set for each in nodes], ()),
            not isinstance(definition.type, GraphQLNonNull),
        )

    def _informing(
        self, definition: GraphQLField, key: str, nodes: list[FieldNode], field: Any
    ) -> Callable[[Any], Any]:
        root = self._schema.mutation_type
        path = Path(None, key, root.name if root else None)

        def inform(context: Any) -> Any:
            raw: Any = GraphQLResolveInfo(
                nodes[0].name.value,
                nodes,
                definition.type,
                root,  # type: ignore[arg-type]
                path,
                self._schema,
                self._selections.fragments,
                None,
                self._operation,
                None,  # type: ignore[arg-type]
                context,
                None,  # type: ignore[arg-type]
                None,
                None,  # type: ignore[arg-type]
            )
            return Info(_raw_info=raw, _field=field)

        return inform

    def _object(self, type_: Any, sets: Sequence[Any], path: tuple[str, ...]) -> Project:
        entries: list[tuple[str, Project]] = []
        for key, nodes in self._selections.fields(type_, sets).items():
            name = nodes[0].name.value
            if name == "__typename":
                entries.append((key, _always(type_.name)))
                continue
            definition = type_.fields[name]
            field = definition.extensions["strawberry-definition"]
            if field.base_resolver is not None or field.extensions or definition.args:
                raise Unplanned
            sets_below = [each.selection_set for each in nodes]
            value = self._value(definition.type, sets_below, (*path, key))
            entries.append((key, _attribute(field.python_name, value)))
        return lambda payload, reading: {key: project(payload, reading) for key, project in entries}

    def _value(self, type_: Any, sets: Sequence[Any], path: tuple[str, ...]) -> Project:
        inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if is_list_type(inner) and row_of(named(inner)):
            row = _row(path)
            # What has gone meanwhile is not there.
            value: Project = lambda rows, reading: [  # noqa: E731
                shown for each in rows if (shown := row(each, reading)) is not None
            ]
        elif is_list_type(inner):
            each = self._value(inner.of_type, sets, path)
            value = lambda rows, reading: [each(row, reading) for row in rows]  # noqa: E731
        elif row_of(named(inner)):
            value = _row(path)
        elif is_leaf_type(inner):
            serialize = inner.serialize
            value = lambda given, reading: serialize(given)  # noqa: E731
        elif is_object_type(inner):
            value = self._object(inner, sets, path)
        else:
            raise Unplanned
        return _required(value) if inner is not type_ else _optional(value)


def _resolving(field: Any) -> Callable[[Any, Any], Callable[..., Awaitable[Any]]]:
    """The resolver within its extensions, as Strawberry calls them."""
    resolver = field.base_resolver
    unknown = {resolver.parent_parameter, resolver.root_parameter} - {None}
    if unknown:
        raise Unplanned

    async def innermost(source: Any, info: Any, **arguments: Any) -> Any:
        if resolver.info_parameter:
            arguments[resolver.info_parameter.name] = info
        own = (source,) if resolver.self_parameter else ()
        return await resolver.wrapped_func(*own, **arguments)

    call = innermost
    for extension in field.extensions:
        call = _around(extension, call)

    def resolve(source: Any, info: Any) -> Callable[..., Awaitable[Any]]:
        return lambda **arguments: call(source, info, **arguments)

    return resolve


def _around(extension: Any, inner: Any) -> Any:
    async def call(source: Any, info: Any, **arguments: Any) -> Any:
        return await extension.resolve_async(inner, source, info, **arguments)

    return call


def _attribute(name: str, value: Project) -> Project:
    return lambda payload, reading: value(getattr(payload, name), reading)


def _always(value: Any) -> Project:
    return lambda payload, reading: value


def _row(path: tuple[str, ...]) -> Project:
    def project(row: Any, reading: Reading) -> Any:
        json = reading.json(path, row.id)
        return None if json is None else orjson.Fragment(json)

    return project


def _optional(value: Project) -> Project:
    return lambda given, reading: None if given is None else value(given, reading)


def _required(value: Project) -> Project:
    def project(given: Any, reading: Reading) -> Any:
        shown = None if given is None else value(given, reading)
        if shown is None:
            raise TypeError("There is nothing where there has to be something.")
        return shown

    return project
