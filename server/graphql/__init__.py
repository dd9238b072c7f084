"""GraphQL over HTTP and over graphql-transport-ws: Strawberry's view, mended, and its limits."""

from server.graphql.endpoint import GraphQLEndpoint
from server.graphql.entrance import Entrance
from server.graphql.limits import Limits
from server.graphql.socket import Socket
from server.graphql.sockets import Sockets

__all__ = ["Entrance", "GraphQLEndpoint", "Limits", "Socket", "Sockets"]
