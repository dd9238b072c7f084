"""The library that the planner's tests read in."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property

import pytest
import pytest_asyncio

from models.columns import now
from server.app import App
from tests.client import Client
from tests.plan.shelves import Shelves
from tests.plan.ways import Ways


@dataclass(frozen=True)
class Library:
    app: App
    shelves: Shelves
    nobody: Client

    @cached_property
    def ways(self) -> Ways:
        return Ways.of(self.app)

    def client(self, name: str) -> Client:
        user = self.shelves.users[name]
        return Client(
            self.nobody.http, self.nobody.url, self.shelves.tokens[name], None, f"us_{user.id}", user.email or ""
        )


@pytest_asyncio.fixture(scope="module")
async def library(town: tuple[App, Client]) -> AsyncIterator[Library]:
    app, nobody = town
    shelves = await Shelves.filled(app)
    # One moment for all, lest an address changes between two answers.
    moment = now()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("resolvers.context.now", lambda: moment)
        yield Library(app, shelves, nobody)
