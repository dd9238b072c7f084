"""Addresses: held by several, owned by whoever has confirmed it, and what is mailed for that."""
