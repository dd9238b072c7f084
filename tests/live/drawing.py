"""Subscriptions to a book's events, drawn at random from the schema."""

from collections.abc import Mapping, Sequence
from typing import Final

from graphql import GraphQLSchema

from tests.plan.drawing import Draw, Drawn

_OF_EVENTS: Final = ("CanvasChanged", "ImagesChanged", "MembersChanged", "BookChanged", "Resync")


class DrawFollowing(Draw):
    """One field, whose selection is drawn as a query's is: of each kind of event something, as a rule."""

    def __init__(self, schema: GraphQLSchema, seed: int, ids: Mapping[str, Sequence[str]]) -> None:
        super().__init__(schema, seed, ids, ["nonsense"])
        self._left = self._chance.choice((5, 10, 20))

    def drawn(self) -> Drawn:
        kinds = [self._schema.type_map[name] for name in self._chance.sample(_OF_EVENTS, 3)]
        chosen = [f"... on {kind} {self._selections(kind, 1)}" for kind in kinds]
        chosen.insert(self._chance.randrange(4), self._selection(self._schema.type_map["BookEvent"], 1))
        fragments = [f"fragment {name} on {type_} {body}" for name, (type_, body) in self._fragments.items()]
        variables = ", ".join(["$book: ID!", "$after: Int", *self._defined])
        field = f"{self._key('bookEvents', '', '')}: bookEvents(bookId: $book, after: $after)"
        text = f"subscription Drawn({variables}) {{ {field} {{ {' '.join(chosen)} }} }}"
        return Drawn("\n".join([text, *fragments]), self._sent)
