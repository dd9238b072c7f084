"""What an operation selects, merged as it is executed, and how it is added up."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from server.graphql.cost.fields import Field

Variables = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Steered:
    """A number that a variable says."""

    variable: str
    field: Field
    #: What counts when the variable is not sent; a list, where it is one of a variable's.
    default: object = dataclasses.field(hash=False)

    def of(self, variables: Variables) -> int:
        return counted(variables.get(self.variable, self.default), self.field)


def counted(asked: object, field: Field) -> int:
    """So many rows for what an argument holds; all that there can be where it holds nonsense, which is refused."""
    if asked is None:
        return field.unsaid
    if isinstance(asked, list):
        return min(len(asked), field.most)
    if isinstance(asked, int | float) and not isinstance(asked, bool):
        return int(min(max(asked, 1), field.most))
    return field.most


class Weight(NamedTuple):
    """What a selection adds: for one row by itself; or, in a list of the rows of a book, for each and for the book."""

    alone: int
    row: int
    book: int


@dataclass(frozen=True, slots=True)
class Branch:
    """A field of a selection, under its response key."""

    key: str
    field: Field
    count: int | Steered
    below: "Selection"


@dataclass(slots=True, eq=False)
class Selection:
    """What is selected of a row: a row is of one of the kinds, each with what it counts itself and its branches."""

    kinds: list[tuple[int, tuple[Branch, ...]]]
    #: Where no variable has a say.
    constant: Weight | None = None

    def __post_init__(self) -> None:
        branches = [branch for _, branches in self.kinds for branch in branches]
        if all(type(branch.count) is int and branch.below.constant for branch in branches):
            self.constant = self.weigh({}, {})
            self.kinds = []

    def weigh(self, variables: Variables, weighed: dict["Selection", Weight]) -> Weight:
        """Takes each selection once, however many fields it is below."""
        if self.constant is not None:
            return self.constant
        if self not in weighed:
            weighed[self] = self._weigh(variables, weighed)
        return weighed[self]

    def _weigh(self, variables: Variables, weighed: dict["Selection", Weight]) -> Weight:
        most_alone = most_row = 0
        # A book's rows can be of several kinds at once: what they share counts once, what they do not each time.
        of_book: dict[Branch, int] = {}
        for own, branches in self.kinds:
            row, book = own, 0
            for branch in branches:
                below = branch.below.weigh(variables, weighed)
                count = branch.count if isinstance(branch.count, int) else branch.count.of(variables)
                if branch.field.once_a_book:
                    of_book[branch] = count * below.row + below.book
                    book += of_book[branch]
                else:
                    # A connection reads its rows for its cursors alone, too.
                    row += count * (max(below.alone, 1) if branch.field.connects else below.alone)
            most_alone = max(most_alone, row + book)
            most_row = max(most_row, row)
        return Weight(most_alone, most_row, sum(of_book.values()))
