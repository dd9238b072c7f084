"""Those who follow the book: as many members as it may have, each with a session of their own."""

from datetime import UTC, datetime
from typing import Final

import asyncpg
import orjson

from bench import seed
from resolvers.keyring import Keyring
from resolvers.token import AccessTokens

#: The contract's most.
_MEMBERS: Final = 200
_JOIN: Final = """
INSERT INTO members (id, book_id, user_id, role, joined_at)
SELECT gen_random_uuid(), $1, u.id, 'VIEWER', now() FROM users u
WHERE NOT EXISTS (SELECT FROM members m WHERE m.book_id = $1 AND m.user_id = u.id)
ORDER BY u.id LIMIT $2 - (SELECT count(*) FROM members m WHERE m.book_id = $1)
"""
_SIGN_IN: Final = """
INSERT INTO sessions (id, user_id, created_at, last_seen_at, expires_at)
SELECT gen_random_uuid(), user_id, now(), now(), now() + interval '1 day' FROM members WHERE book_id = $1
RETURNING user_id, id
"""


async def inits(database_url: str, secret: str) -> list[str]:
    """What each of them says first on a websocket, good for as long as an access token is."""
    database = await asyncpg.connect(database_url)
    try:
        await database.execute(_JOIN, seed.BOOKS[0], _MEMBERS)
        sessions = await database.fetch(_SIGN_IN, seed.BOOKS[0])
    finally:
        await database.close()
    tokens, now = AccessTokens(Keyring(secret)), datetime.now(UTC)
    said = ({"authorization": tokens.issue(user, session, now)[0]} for user, session in sessions)
    return [orjson.dumps(one).decode() for one in said]


def editor(secret: str) -> dict[str, str]:
    """Who makes the changes: a header of a request."""
    token, _ = AccessTokens(Keyring(secret)).issue(seed.VIEWER, seed.SESSION, datetime.now(UTC))
    return {"authorization": f"Bearer {token}"}
