"""Some accounts are administrators', and a sign-in knows over which session of a guest it began.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Whatever an older program that runs beside does not write has its default.
    op.execute("ALTER TABLE users ADD COLUMN IF NOT EXISTS is_administrator boolean NOT NULL DEFAULT false")
    op.execute(
        "ALTER TABLE sign_ins ADD COLUMN IF NOT EXISTS guest_session_id uuid"
        " CONSTRAINT sign_ins_guest_session_id_fkey REFERENCES sessions(id) ON DELETE CASCADE"
    )
    op.execute("CREATE INDEX IF NOT EXISTS ix_sign_ins_guest_session_id ON sign_ins (guest_session_id)")


def downgrade() -> None:
    op.drop_column("sign_ins", "guest_session_id")
    op.drop_column("users", "is_administrator")
