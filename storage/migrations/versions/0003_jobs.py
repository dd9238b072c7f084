"""Jobs: what we owe, written in the transaction that owes it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("debounce", sa.Boolean(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("put_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('WAITING', 'RUNNING', 'DONE', 'DEAD')", name="state_is_known"),
        sa.PrimaryKeyConstraint("id"),
    )
    waits, runs = sa.text("state = 'WAITING'"), sa.text("state = 'RUNNING'")
    op.create_index("jobs_in_order", "jobs", ["priority", "not_before", "id"], postgresql_where=waits)
    op.create_index("jobs_by_moment", "jobs", ["not_before"], postgresql_where=waits)
    op.create_index("jobs_by_lease", "jobs", ["leased_until"], postgresql_where=runs)
    op.create_index("jobs_waiting_once", "jobs", ["name", "key"], unique=True, postgresql_where=waits)
    op.create_index("jobs_running_once", "jobs", ["name", "key"], unique=True, postgresql_where=runs)
    op.create_index("jobs_ended", "jobs", ["state", "ended_at"], postgresql_where=sa.text("state IN ('DONE', 'DEAD')"))
    op.create_table(
        "job_schedules",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    # A queue's rows are rewritten all the time, and there are few: they are swept early.
    op.execute("ALTER TABLE jobs SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500)")


def downgrade() -> None:
    op.drop_table("job_schedules")
    op.drop_table("jobs")
