"""How often what may be asked. Each way in is counted by itself, everything else against one budget."""

from resolvers.rates.rate import (
    ADMINISTER,
    CHANGE,
    FACTOR,
    GUEST,
    INVITE,
    LINK,
    MAIL,
    RATES,
    REFRESH,
    SIGN_IN,
    SIGN_UP,
    START,
    UPLOAD,
    By,
    Rate,
)
from resolvers.rates.rates import Allowed, Counted, Rates

__all__ = [
    "ADMINISTER",
    "CHANGE",
    "FACTOR",
    "GUEST",
    "INVITE",
    "LINK",
    "MAIL",
    "RATES",
    "REFRESH",
    "SIGN_IN",
    "SIGN_UP",
    "START",
    "UPLOAD",
    "Allowed",
    "By",
    "Counted",
    "Rate",
    "Rates",
]
