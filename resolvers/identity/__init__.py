"""Identities: logins at other providers, which people come in with."""

from resolvers.identity.providers import Providers, Redirects

__all__ = ["Providers", "Redirects"]
