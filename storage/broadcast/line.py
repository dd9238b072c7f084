"""What Redis is asked about each channel, and what it has answered."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Line:
    """One channel."""

    wanted: bool = False
    #: Whether the last thing asked was SUBSCRIBE, not UNSUBSCRIBE.
    asked: bool = False
    #: SUBSCRIBE and UNSUBSCRIBE are answered in order, so the last has been when all have.
    unanswered: int = 0
    #: Whether somebody listens who was not subscribed all along.
    missed: bool = False
    #: Set when there is nothing to wait for: it is live, or Redis is away.
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def live(self) -> bool:
        """Whether all that is published from now on will be heard."""
        return self.asked and not self.unanswered

    @property
    def idle(self) -> bool:
        return not (self.wanted or self.asked or self.unanswered)


class Lines:
    """All channels of one connection."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._edited: set[str] = set()
        #: Answers that are still to come.
        self.unanswered = 0

    @property
    def edited(self) -> bool:
        """Whether something is wanted that has not been asked."""
        return bool(self._edited)

    def want(self, channel: str) -> Line:
        line = self._lines.setdefault(channel, Line())
        line.wanted = True
        if not line.asked:
            self._edited.add(channel)
        return line

    def leave(self, channel: str) -> None:
        if line := self._lines.get(channel):
            line.wanted = False
            self._edited.add(channel)

    def ask(self) -> Iterator[tuple[str, list[str]]]:
        """The commands, with their channels, that bring Redis to what is wanted."""
        edited, self._edited = self._edited, set()
        for command, wanted in (("SUBSCRIBE", True), ("UNSUBSCRIBE", False)):
            channels = []
            for channel in edited:
                line = self._lines.get(channel)
                if line and line.wanted is wanted and line.asked is not wanted:
                    line.asked = wanted
                    line.unanswered += 1
                    line.settled.clear()
                    channels.append(channel)
            self.unanswered += len(channels)
            if channels:
                yield command, channels
        for channel in edited:
            self._forget(channel)

    def answered(self, channel: str) -> bool:
        """Takes one answer; whether the channel is live again after something may have been missed."""
        self.unanswered -= 1
        line = self._lines[channel]
        line.unanswered -= 1
        self._forget(channel)
        if not line.live:
            return False
        line.settled.set()
        missed, line.missed = line.missed, False
        return missed

    def drop(self) -> None:
        """The connection is gone, and with it all that was asked."""
        self.unanswered = 0
        for channel, line in list(self._lines.items()):
            line.asked, line.unanswered, line.missed = False, 0, True
            line.settled.set()
            self._edited.add(channel)
            self._forget(channel)

    def _forget(self, channel: str) -> None:
        if (line := self._lines.get(channel)) and line.idle:
            del self._lines[channel]
            self._edited.discard(channel)
