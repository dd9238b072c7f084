"""Rate limits: counted in Redis for all processes together. Where Redis is away nobody is held up."""

from storage.rates.budget import Budget, Budgets
from storage.rates.windows import Limit, Windows

__all__ = ["Budget", "Budgets", "Limit", "Windows"]
