"""A second program on the same database, which takes no turns with the first."""

from tests.operation.conftest import elsewhere

__all__ = ["elsewhere"]
