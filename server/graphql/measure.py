"""How deep and how wide the operations of a document are, each of its fragments looked at once."""

from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

Definition = OperationDefinitionNode | FragmentDefinitionNode

_INTROSPECTION = {"__schema", "__type"}


@dataclass(slots=True)
class Size:
    """Depths are the longest way down, the others are sums; fragments are counted where they are spread."""

    depth: int = 0
    introspection_depth: int = 0
    aliases: int = 0
    directives: int = 0
    root_fields: int = 0


@dataclass(frozen=True, slots=True)
class _Spread:
    name: str
    #: The fields around it, within the introspection if it is in one.
    depth: int
    introspecting: bool
    at_root: bool


@dataclass(slots=True)
class _Outline:
    """A definition by itself, without what its fragments add."""

    size: Size = field(default_factory=Size)
    spreads: list[_Spread] = field(default_factory=list)


def measure(document: DocumentNode) -> list[tuple[OperationDefinitionNode, Size]]:
    """The size of every operation. Takes time linear in the document, and no recursion.

    A fragment within itself adds nothing here: another rule of validation refuses it.
    """
    fragments: dict[str, _Outline] = {}
    operations: list[tuple[OperationDefinitionNode, _Outline]] = []
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = _outline(definition)
        elif isinstance(definition, OperationDefinitionNode):
            operations.append((definition, _outline(definition)))

    sizes: dict[str, Size] = {}
    under_way: set[str] = set()
    for root in fragments:
        stack = [root]
        while stack:
            name = stack[-1]
            if name not in under_way and name not in sizes:
                under_way.add(name)
                spread = {each.name for each in fragments[name].spreads} & fragments.keys()
                if missing := spread - sizes.keys() - under_way:
                    stack.extend(missing)
                    continue
            stack.pop()
            if name not in sizes:
                under_way.discard(name)
                sizes[name] = _total(fragments[name], sizes)
    return [(operation, _total(outline, sizes)) for operation, outline in operations]


def _total(outline: _Outline, sizes: dict[str, Size]) -> Size:
    total = outline.size
    for spread in outline.spreads:
        inner = sizes.get(spread.name)
        if inner is None:
            continue
        if spread.introspecting:
            total.introspection_depth = max(total.introspection_depth, spread.depth + inner.depth)
        else:
            total.depth = max(total.depth, spread.depth + inner.depth)
            total.introspection_depth = max(total.introspection_depth, inner.introspection_depth)
        total.aliases += inner.aliases
        total.directives += inner.directives
        if spread.at_root:
            total.root_fields += inner.root_fields
    return total


def _outline(definition: Definition) -> _Outline:
    outline = _Outline()
    size = outline.size
    size.directives = len(definition.directives or ())
    # A selection set, the fields around it, whether it is below an introspection, whether it is at the root.
    stack: list[tuple[SelectionSetNode, int, bool, bool]] = [(definition.selection_set, 0, False, True)]
    while stack:
        selection_set, depth, introspecting, at_root = stack.pop()
        for selection in selection_set.selections:
            size.directives += len(selection.directives or ())
            if isinstance(selection, FragmentSpreadNode):
                outline.spreads.append(_Spread(selection.name.value, depth, introspecting, at_root))
                continue
            below, beginning = depth, False
            if isinstance(selection, FieldNode):
                below += 1
                size.aliases += selection.alias is not None
                size.root_fields += at_root
                if introspecting:
                    size.introspection_depth = max(size.introspection_depth, below)
                else:
                    size.depth = max(size.depth, below)
                    beginning = selection.name.value in _INTROSPECTION
            inner: SelectionSetNode | None = getattr(selection, "selection_set", None)
            if inner:
                at_root_below = at_root and not isinstance(selection, FieldNode)
                stack.append((inner, 0 if beginning else below, introspecting or beginning, at_root_below))
    return outline
