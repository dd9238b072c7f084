"""What people have: whatever refers to them, held, given to somebody else, and told of."""

from resolvers.belongings.handing import hand_over
from resolvers.belongings.holding import hold
from resolvers.belongings.references import GOES, MOVES, belongings, references
from resolvers.belongings.telling import tell, traces

__all__ = ["GOES", "MOVES", "belongings", "hand_over", "hold", "references", "tell", "traces"]
