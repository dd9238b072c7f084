"""Following books: one journal read and one answer for all who ask alike, in this process."""

from resolvers.live.hub import Hub
from resolvers.live.projection import Depends, Projection, Unshared
from resolvers.live.sink import Sink

__all__ = ["Depends", "Hub", "Projection", "Sink", "Unshared"]
