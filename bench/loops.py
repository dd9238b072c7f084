"""Each part by itself, in a tight loop in this process: what it costs when its code and data are warm."""

import gc
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import cycle
from statistics import median
from typing import Any, Final, cast
from uuid import uuid4

from graphql import OperationDefinitionNode, parse

import schema
from bench import seed
from bench.machine import LOAD_CORE, SERVER_CORE
from bench.servers import Leporello, Operation
from models.id import new_id
from resolvers.keyring import Keyring
from resolvers.token import REMEMBERED, AccessTokens, Algorithm
from server.graphql.asked import Asked
from server.graphql.cost import Cost, Costs
from server.graphql.limits import Limits
from server.observe import logs, operation
from server.observe.observer import Observer
from storage.revocations import Revocations

NEW_TOKEN: Final = "authentication, token not seen before"
_TIMES: Final = 4_000
_REPEATS: Final = 7
_SECRET: Final = "in this process alone: 0123456789"


def loops() -> dict[str, float]:
    """By part, microseconds of one call: the median of some repeats, on the core of the servers."""
    os.sched_setaffinity(0, {SERVER_CORE})
    try:
        return {
            "authentication": _authentication(1, Algorithm.HS256),
            "authentication, EdDSA": _authentication(1, Algorithm.EDDSA),
            # More than are remembered, so that each has been forgotten when its turn comes.
            NEW_TOKEN: _authentication(2 * REMEMBERED, Algorithm.HS256),
            f"{NEW_TOKEN}, EdDSA": _authentication(2 * REMEMBERED, Algorithm.EDDSA),
            "limits": _limits(),
            "logging": _logging(),
        }
    finally:
        os.sched_setaffinity(0, {LOAD_CORE})


def _authentication(sessions: int, algorithm: Algorithm) -> float:
    access, now = AccessTokens(Keyring(_SECRET), algorithm), datetime.now(UTC)
    tokens = cycle([access.issue(seed.VIEWER, new_id(), now)[0] for _ in range(sessions)])
    revocations = Revocations(cast(Any, None), cast(Any, None))
    # As after a look at Postgres, which is not on the way of a request.
    revocations._looked = time.monotonic()
    return _microseconds(lambda: revocations.covers(access.verify(next(tokens)).session_id))


def _limits() -> float:
    """Of the variables and of the cost; counting a body's brackets is not told from reading its JSON."""
    asked, limits = Asked.of(Leporello().requests(Operation.BOOK)[0].body), Limits()
    document = parse(asked.query or "")
    [node] = document.definitions
    assert isinstance(node, OperationDefinitionNode)
    cost = Cost(Costs(schema.build()._schema, limits.selections), document, node)
    return _microseconds(lambda: cost.of(asked.within(limits).variables or {}))


def _logging() -> float:
    done = operation.Operation(
        name="Books",
        kind="query",
        seconds=0.001,
        code=None,
        request_id=str(uuid4()),
        user_id=seed.VIEWER,
        transport="http",
    )
    with tempfile.TemporaryFile() as file:
        logs.configure(json=True, level="info", to=cast(Any, file))
        observe = Observer()
        return _microseconds(lambda: observe(done))


def _microseconds(call: Callable[[], object]) -> float:
    # As the program does once it has started: the collector would look at the whole schema again and again.
    gc.collect()
    gc.freeze()
    taken = []
    for _ in range(_REPEATS):
        began = time.process_time()
        for _ in range(_TIMES):
            call()
        taken.append((time.process_time() - began) / _TIMES * 1e6)
    return median(taken)
