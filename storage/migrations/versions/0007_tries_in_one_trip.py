"""Tries are counted in one trip to the database.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # One at a time of the same: a hundred at once are no more than one after the other. Statements of their own, or the
    # count would not see what was written while this waited. Where the machine falls under Postgres, the last 0.6 s may
    # be forgotten: nobody who tries passwords can bring that about, and nobody waits for the disk before the hash.
    op.execute(
        """
        CREATE OR REPLACE FUNCTION
          take_tries(held bigint[], ids uuid[], keys bytea[], spans interval[], limits bigint[])
        RETURNS TABLE (free bigint, seconds float8) LANGUAGE plpgsql AS $$
        BEGIN
          PERFORM set_config('synchronous_commit', 'off', true);
          PERFORM pg_advisory_xact_lock(lock) FROM unnest(held) AS lock;
          RETURN QUERY
          WITH asked AS (
            SELECT asked.*, tried.count, tried.first
            FROM unnest(ids, keys, spans, limits) WITH ORDINALITY AS asked(id, key, span, most, place)
            CROSS JOIN LATERAL (
              SELECT count(*), min(attempts.at) AS first
              FROM attempts WHERE attempts.key = asked.key AND attempts.at > clock_timestamp() - asked.span
            ) AS tried
          ), taken AS (
            INSERT INTO attempts (id, key, at)
            SELECT id, key, clock_timestamp() FROM asked
            WHERE id IS NOT NULL AND NOT EXISTS (SELECT FROM asked WHERE count >= most)
          )
          SELECT most - count, extract(epoch FROM first + span - clock_timestamp())::float8 FROM asked ORDER BY place;
        END $$
        """
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION take_tries")
