"""Subscriptions to who is in a book, drawn at random from the schema."""

from typing import Any, Final

from graphql import GraphQLSchema, is_union_type

from tests.plan.drawing import Draw, Drawn

_EVENTS: Final = ("PresenceSnapshot", "PresenceUpdated", "PresenceLeft")


class DrawWatching(Draw):
    """One field, whose selection is drawn as a query's is. `selfId` keeps its name: no two are told the same there."""

    def __init__(self, schema: GraphQLSchema, seed: int) -> None:
        super().__init__(schema, seed, {kind: ["nonsense"] for kind in ("bk", "pg", "el")}, ["nonsense"])
        self._left = self._chance.choice((10, 20, 40))
        self._keys["selfId"] = ("selfId", "ID!", "")

    def drawn(self) -> Drawn:
        kinds = [self._schema.type_map[name] for name in self._chance.sample(_EVENTS, 3)]
        chosen = [f"... on {kind}{self._directive()} {self._selections(kind, 1)}" for kind in kinds]
        chosen.insert(
            self._chance.randrange(4),
            "__typename" if self._is(0.5) else self._fragment(self._schema.type_map["PresenceEvent"], 1),
        )
        fragments = [f"fragment {name} on {type_} {body}" for name, (type_, body) in self._fragments.items()]
        variables = ", ".join(["$book: ID!", "$tab: String!", *self._defined])
        field = f"{self._key('presence', '', '')}: presence(bookId: $book, clientId: $tab)"
        text = f"subscription Drawn({variables}) {{ {field} {{ {' '.join(chosen)} }} }}"
        return Drawn("\n".join([text, *fragments]), self._sent)

    def _key(self, name: str, type_: str, arguments: str) -> str:
        return name if name == "selfId" else super()._key(name, type_, arguments)

    def _field(self, type_: Any, depth: int) -> str:
        return f"__typename{self._directive()}" if is_union_type(type_) else super()._field(type_, depth)
