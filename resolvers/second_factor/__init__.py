"""Second factors: whether an account has one, whether a code is good, and every change of it."""

from resolvers.second_factor.changing import Secret, begin, confirm, disable, regenerate
from resolvers.second_factor.checking import check, is_on, reseal
from resolvers.second_factor.tries import failed

__all__ = ["Secret", "begin", "check", "confirm", "disable", "failed", "is_on", "regenerate", "reseal"]
