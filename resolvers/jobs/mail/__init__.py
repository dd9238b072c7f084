"""Mail: a job a message, tried again while the server has no time for it."""

from typing import Final

from resolvers.jobs.mail import accounts, books

KINDS: Final = (*books.KINDS, *accounts.KINDS)
