"""The cost of an operation: how many objects it can return at most. `docs/documents.md` tells clients the rules."""

from server.graphql.cost.cost import Cost, Costs
from server.graphql.cost.fields import Undeclared

__all__ = ["Cost", "Costs", "Undeclared"]
