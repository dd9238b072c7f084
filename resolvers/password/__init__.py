"""Passwords: hashed, chosen, changed, and set anew by whoever reads the address' mail."""

from resolvers.password.hashing import Passwords

__all__ = ["Passwords"]
