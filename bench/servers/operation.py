"""What is asked of every server."""

from enum import StrEnum


class Operation(StrEnum):
    BOOK = "a"
    BOOK_WITH_URLS = "a-urls"
    BOOKS = "b"
    MOVE = "c"
    MOVE_IN_ONE = "c-one"
    NUDGE = "c-bare"


TITLES = {
    Operation.BOOK: "(a) one book: 100 elements, 20 images, members; 30 kB",
    Operation.BOOK_WITH_URLS: "(a) with the images' presigned URLs",
    Operation.BOOKS: "(b) 20 books with member count and cover; 4 kB",
    Operation.MOVE: "(c) one element is moved, with its journal row, and published",
    Operation.MOVE_IN_ONE: "(c) in one book",
    Operation.NUDGE: "(c) bare: UPDATE and PUBLISH",
}
MUST = {
    Operation.BOOK: '"elements":[{"__typename"',
    Operation.BOOK_WITH_URLS: '"url":"http',
    Operation.BOOKS: '"memberCount":1',
    Operation.MOVE: '"seq":',
    Operation.MOVE_IN_ONE: '"seq":',
    Operation.NUDGE: '"x":',
}
MOVES = (Operation.MOVE, Operation.MOVE_IN_ONE)
WRITES = (*MOVES, Operation.NUDGE)
