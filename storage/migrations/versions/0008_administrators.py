"""Some accounts are administrators'.

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


def downgrade() -> None:
    op.drop_column("users", "is_administrator")
