"""What a statement is run with: who asks, and the arguments of its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from graphql import (
    BooleanValueNode,
    EnumValueNode,
    FieldNode,
    GraphQLField,
    GraphQLNonNull,
    ListValueNode,
    NullValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    value_from_ast,
)
from sqlalchemy import BindParameter, DateTime, Uuid, bindparam
from sqlalchemy.types import TypeEngine
from strawberry import UNSET

from models.refusal import BadUserInput
from schema.plan.selection import ABSENT, named
from schema.plan.source import Declared

if TYPE_CHECKING:
    from resolvers.context import Context

Get = Callable[["Context", Mapping[str, Any]], Any]


class Unplanned(Exception):
    """What is asked is not answered by a plan alone: the ordinary way tells why, or does it."""


class Nulled(Unplanned, BadUserInput):
    """A variable is null where nothing may be: of a query the ordinary way says so, a mutation is refused."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """How its value is found. A refusal is that of the field, for which there is a value that finds nothing."""

    get: Get
    field: FieldNode | None = None
    nothing: Any = None


_WHO: Final[dict[str, tuple[Get, TypeEngine[Any]]]] = {
    "viewer_id": (lambda context, _: context.viewer_id, Uuid()),
    "insider_id": (lambda context, _: context.viewer_id, Uuid()),
    "session_id": (lambda context, _: context.session_id, Uuid()),
    "now": (lambda context, _: context.now, DateTime(timezone=True)),
}


class Parameters:
    """The parameters of one statement, by their names."""

    def __init__(self) -> None:
        self.by_name: dict[str, Parameter] = {}
        #: What is asked for its refusal alone.
        self.checks: list[Parameter] = []
        #: Whether a null stands for what cannot be null, which graphql-core refuses.
        self.are_wrong = False

    def add(self, get: Get, type_: Any, *, field: FieldNode | None = None, nothing: Any = None) -> BindParameter[Any]:
        """A parameter of its own."""
        name = f"p{len(self.by_name)}"
        self.by_name[name] = Parameter(get, field, nothing)
        return bindparam(name, type_=type_)

    def who(self, name: str) -> BindParameter[Any]:
        """One that all fields share."""
        get, type_ = _WHO[name]
        self.by_name.setdefault(name, Parameter(get))
        return bindparam(name, type_=type_)


class Arguments:
    """What a field was asked with, for one choice of the steering variables; `source.Asked`."""

    def __init__(
        self,
        parameters: Parameters,
        declared: Declared,
        definition: GraphQLField,
        field: FieldNode,
        variables: Mapping[str, Any],
    ) -> None:
        self._parameters = parameters
        self._declared = declared
        self._definition = definition
        self._field = field
        self._variables = variables
        self._made: dict[str, Any] = {}
        self._sent = {}
        for name, type_ in _by_python_name(definition).items():
            argument = next((each for each in field.arguments or () if each.name.value == type_[0]), None)
            if argument is not None:
                self._sent[name] = argument.value

    @property
    def viewer_id(self) -> Any:
        return self._parameters.who("viewer_id")

    @property
    def insider_id(self) -> Any:
        return self._parameters.who("insider_id")

    @property
    def session_id(self) -> Any:
        return self._parameters.who("session_id")

    @property
    def now(self) -> Any:
        return self._parameters.who("now")

    def given(self, name: str) -> bool:
        # An argument that nobody declared is a KeyError.
        node = self._sent.get(name) if self._declared.arguments[name] else None
        if node is None or isinstance(node, NullValueNode):
            return False
        if isinstance(node, VariableNode):
            return self._variables.get(node.name.value, ABSENT) not in (None, ABSENT)
        return True

    def steers(self, name: str) -> Any:
        if not self.given(name):
            default = self._declared.arguments[name].default
            node = self._sent.get(name)
            is_null = isinstance(node, NullValueNode) or (
                isinstance(node, VariableNode) and self._variables.get(node.name.value, ABSENT) is None
            )
            if is_null and default is not UNSET:
                self._parameters.are_wrong = True
            return None if default is UNSET else default
        node = self._sent[name]
        if isinstance(node, VariableNode):
            return self._variables[node.name.value]
        if isinstance(node, BooleanValueNode):
            return node.value
        assert isinstance(node, EnumValueNode)
        [type_] = [type_ for python, (_, type_) in _by_python_name(self._definition).items() if python == name]
        return named(type_).extensions["strawberry-definition"].wrapped_cls[node.value]

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            argument = self._declared.arguments[name]
            assert argument.read and argument.sql
            self._made[name] = self.parameter(name, argument.read, argument.sql)
        return self._made[name]

    def parameter(self, name: str, read: Callable[[Any], Any], type_: Any, nothing: Any = None) -> BindParameter[Any]:
        """A parameter that is made from what was sent for the argument, None when nothing was."""
        find = _finding(self._sent.get(name), _by_python_name(self._definition)[name][1])

        def get(context: Context, variables: Mapping[str, Any]) -> Any:
            return read(find(variables))

        return self._parameters.add(get, type_, field=self._field, nothing=nothing)

    def reading(self, name: str) -> Callable[[Any], Any]:
        """How a value of the argument is read."""
        read = self._declared.arguments[name].read
        assert read
        return read

    def check(self, check: Callable[[Context], None]) -> None:
        """Has the field be refused where this raises."""
        self._parameters.checks.append(Parameter(lambda context, _: check(context), self._field))


def _finding(node: ValueNode | None, type_: Any) -> Callable[[Mapping[str, Any]], Any]:
    """What an argument is for coerced variables, which look themselves up; a literal is read once.

    It raises Nulled where a null stands for what cannot be null.
    """

    def checked(value: Any) -> Any:
        if value is Undefined and isinstance(type_, GraphQLNonNull):
            raise Nulled("A null stands for what cannot be null.")
        return None if value is Undefined else value

    if node is None:
        return lambda variables: None
    if isinstance(node, VariableNode):
        name, none = node.name.value, Undefined if isinstance(type_, GraphQLNonNull) else None

        def look_up(variables: Mapping[str, Any]) -> Any:
            value = variables.get(name, Undefined)
            return checked(none if value is None else value)

        return look_up
    if isinstance(node, ListValueNode) and any(isinstance(each, VariableNode) for each in node.values):
        return lambda variables: checked(value_from_ast(node, type_, {**variables}))
    literal = value_from_ast(node, type_)
    return lambda variables: checked(literal)


def _by_python_name(definition: GraphQLField) -> dict[str, tuple[str, Any]]:
    """The arguments of a field as the schema calls them, and their types."""
    return {argument.out_name or name: (name, argument.type) for name, argument in definition.args.items()}
