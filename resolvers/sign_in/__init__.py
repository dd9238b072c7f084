"""Signing in: from a first proof, by whatever else is due, to a session. There is no other way to one."""

from resolvers.sign_in.machine import Challenge, Outcome, begin, check_token, go_on
from resolvers.sign_in.password import sign_in

__all__ = ["Challenge", "Outcome", "begin", "check_token", "go_on", "sign_in"]
