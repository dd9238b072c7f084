"""Guests: users with no way back in but their tokens, until they sign up or in."""

from resolvers.guest.taking_in import take_in

__all__ = ["take_in"]
