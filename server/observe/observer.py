"""Tells of each GraphQL operation once: a line in the log, and a count."""

import structlog

from server.observe.metrics import Metrics
from server.observe.operation import Operation


class Observer:
    """Made after `logs.configure`, because it binds its logger once: it stands on every operation's way."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        self._metrics = metrics
        self._log = structlog.get_logger().bind()

    def __call__(self, operation: Operation) -> None:
        tell = self._log.error if operation.code == "INTERNAL" else self._log.info
        tell(
            "operation",
            name=operation.name,
            kind=operation.kind,
            ms=round(operation.seconds * 1_000, 2),
            code=operation.code,
            request_id=operation.request_id,
            user_id=operation.user_id,
            transport=operation.transport,
        )
        if self._metrics is not None:
            self._metrics.count(operation)
