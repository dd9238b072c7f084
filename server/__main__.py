"""`python -m server` is `leporello`."""

from server.cli import main

main()
