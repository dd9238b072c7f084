"""Free ports on the loopback."""

import random
import socket

LOOPBACK = "127.0.0.1"
FIRST, LAST = 20_000, 32_000
"""Below the range from which Linux and macOS take the ports of outgoing connections."""
TRIES = 1_000


def free(count: int) -> list[int]:
    """As many ports as are asked for. Another program may still take one first: then pick again."""
    found: list[int] = []
    for _ in range(TRIES):
        if len(found) == count:
            return found
        port = random.randint(FIRST, LAST)  # noqa: S311 - a port is no secret.
        if port not in found and is_free(port):
            found.append(port)
    raise OSError(f"No {count} free ports between {FIRST} and {LAST}.")


def is_free(port: int) -> bool:
    with socket.socket() as tried:
        # As the servers do: a port whose last connections still linger is free.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
