"""A proxy that lies: it drops, repeats and holds back what Redis tells."""

import re
from random import Random


class Liar:
    """Drops, repeats and holds back whole messages of Redis's, as it stands on the one way to a process."""

    _message = re.compile(rb"\*3\r\n\$7\r\nmessage\r\n\$\d+\r\n[^\r]+\r\n\$(\d+)\r\n")

    def __init__(self, random: Random) -> None:
        self._random = random
        self._held = b""
        self.dropped = self.repeated = self.reordered = 0

    def __call__(self, chunk: bytes) -> bytes:
        told, at = bytearray(), 0
        while found := self._message.search(chunk, at):
            end = found.end() + int(found[1]) + 2
            if end > len(chunk):
                break
            told += chunk[at : found.start()] + self._retold(chunk[found.start() : end])
            at = end
        return bytes(told + chunk[at:])

    def _retold(self, message: bytes) -> bytes:
        # Behind a whole message, so that it cannot land in the middle of another, or on another connection.
        held, self._held = self._held, b""
        dice = self._random.random()
        if dice < 0.3:
            self.dropped += 1
            return held
        if dice < 0.4:
            self.repeated += 1
            return message + message + held
        if dice < 0.5:
            self.reordered += 1
            self._held = message
            return held
        return message + held
