"""An address is its confirmed owner's; accounts can be disabled, and sessions live in cookies."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_ADDRESS: Final = sa.text("casefold(email COLLATE pg_unicode_fast)")
_INVALID: Final = sa.text("SELECT true FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid")


def upgrade() -> None:
    # Whatever an older program that runs beside does not write has its default.
    op.execute(
        "ALTER TABLE users ADD COLUMN IF NOT EXISTS email_verified_at timestamptz,"
        " ADD COLUMN IF NOT EXISTS disabled_at timestamptz,"
        " ADD COLUMN IF NOT EXISTS password_is_temporary boolean NOT NULL DEFAULT false"
    )
    op.execute("ALTER TABLE sessions ADD COLUMN IF NOT EXISTS uses_cookie boolean NOT NULL DEFAULT false")
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        _index("users_by_email", unique=False)
        _index("users_confirmed_email_is_one", unique=True, where=sa.text("email_verified_at IS NOT NULL"))
        op.drop_index("users_email_is_one", "users", postgresql_concurrently=True, if_exists=True)
        op.execute("RESET lock_timeout")


def _index(name: str, *, unique: bool, where: sa.TextClause | None = None) -> None:
    # One that was killed has left an index that is never used.
    if op.get_bind().scalar(_INVALID, {"name": name}):
        op.drop_index(name, "users", postgresql_concurrently=True)
    op.create_index(
        name,
        "users",
        [_ADDRESS],
        unique=unique,
        postgresql_where=where,
        postgresql_concurrently=True,
        if_not_exists=True,
    )


def downgrade() -> None:
    op.create_index("users_email_is_one", "users", [_ADDRESS], unique=True)
    op.drop_index("users_confirmed_email_is_one", "users")
    op.drop_index("users_by_email", "users")
    op.drop_column("sessions", "uses_cookie")
    op.drop_column("users", "password_is_temporary")
    op.drop_column("users", "disabled_at")
    op.drop_column("users", "email_verified_at")
