"""Accounts: sign-ins in steps, second factors, passkeys, identities, mailed links, and what happened."""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"

_INVALID: Final = sa.text("SELECT true FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid")


def upgrade() -> None:
    # First, since what was done before it would stay if this were killed within.
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        _index("sessions_by_end", "sessions", "expires_at")
        _index("sessions_by_user", "sessions", "user_id")
        _index("refresh_tokens_used", "refresh_tokens", "used_at", where=sa.text("used_at IS NOT NULL"))
        # By whoever did it, of all that refers to people: nobody could leave without looking through the whole of it.
        _index("elements_by_creator", "elements", "created_by")
        _index("elements_by_editor", "elements", "updated_by")
        _index("events_by_actor", "events", "actor_id")
        _index("batches_by_user", "batches", "user_id")
        _index("invitations_by_sender", "invitations", "invited_by")
        _index("users_that_are_guests", "users", "id", where=sa.text("is_guest"))
        _index("images_that_failed", "images", "status_at", "id", where=sa.text("status = 'FAILED'"))
        op.execute("RESET lock_timeout")
    # An older program that runs beside leaves it out, and what it develops is not counted.
    op.execute("ALTER TABLE objects ADD COLUMN IF NOT EXISTS made_bytes bigint NOT NULL DEFAULT 0")
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("due", sa.Text(), nullable=False),
        sa.Column("second_factor_passed", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("device_name", sa.Text(), nullable=True),
        sa.Column("device_platform", sa.Text(), nullable=True),
        sa.Column("uses_cookie", sa.Boolean(), nullable=False),
        sa.Column("guest_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("due IN ('TOTP', 'NEW_PASSWORD', 'VERIFY_EMAIL')", name="due_is_known"),
        sa.CheckConstraint("proof IN ('PASSWORD', 'IDENTITY', 'PASSKEY', 'RESET', 'GUEST')", name="proof_is_known"),
        sa.ForeignKeyConstraint(["guest_id"], ["users.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("ix_sign_ins_expires_at", "sign_ins", ["expires_at"])
    op.create_index("ix_sign_ins_guest_id", "sign_ins", ["guest_id"])
    op.create_index("ix_sign_ins_user_id", "sign_ins", ["user_id"])
    op.create_table(
        "totps",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("ix_recovery_codes_user_id", "recovery_codes", ["user_id"])
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("credential_id"),
    )
    op.create_index("ix_passkeys_user_id", "passkeys", ["user_id"])
    op.create_table(
        "passkey_challenges",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("ix_passkey_challenges_expires_at", "passkey_challenges", ["expires_at"])
    op.create_index("ix_passkey_challenges_session_id", "passkey_challenges", ["session_id"])
    op.create_index("ix_passkey_challenges_user_id", "passkey_challenges", ["user_id"])
    op.create_table(
        "identities",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("issuer", "subject", name="identities_are_one"),
    )
    op.create_index("ix_identities_user_id", "identities", ["user_id"])
    op.create_table(
        "identity_requests",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("ix_identity_requests_expires_at", "identity_requests", ["expires_at"])
    op.create_index("ix_identity_requests_session_id", "identity_requests", ["session_id"])
    op.create_index("ix_identity_requests_user_id", "identity_requests", ["user_id"])
    op.create_table(
        "email_links",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose IN ('VERIFY', 'CHANGE', 'RESET')", name="purpose_is_known"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("email_links_of_user", "email_links", ["user_id", "purpose", "made_at"])
    op.create_index("ix_email_links_expires_at", "email_links", ["expires_at"])
    op.create_table(
        "security_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ip_address", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("details", JSONB(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("security_events_by_age", "security_events", ["at"])
    op.create_index("security_events_of_user", "security_events", ["user_id", "at", "id"])
    op.create_table(
        "attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("attempts_by_age", "attempts", ["at"])
    op.create_index("attempts_by_key", "attempts", ["key", "at"])

    # Append-only: events go with their user, or when their time is over, and are never changed.
    op.execute(
        "CREATE OR REPLACE FUNCTION security_events_stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF TG_OP = 'DELETE' AND (pg_trigger_depth() > 1 OR OLD.at < now() - interval '365 days') THEN"
        "  RETURN OLD;"
        " END IF;"
        " RAISE EXCEPTION 'security events are append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER security_events_stay BEFORE UPDATE OR DELETE ON security_events"
        " FOR EACH ROW EXECUTE FUNCTION security_events_stay()"
    )
    op.execute(
        "CREATE TRIGGER security_events_stay_all BEFORE TRUNCATE ON security_events"
        " FOR EACH STATEMENT EXECUTE FUNCTION security_events_stay()"
    )


def _index(name: str, table: str, *columns: str, where: sa.TextClause | None = None) -> None:
    # One that was killed has left an index that is never used.
    if op.get_bind().scalar(_INVALID, {"name": name}):
        op.drop_index(name, table, postgresql_concurrently=True)
    op.create_index(name, table, columns, postgresql_where=where, postgresql_concurrently=True, if_not_exists=True)


def downgrade() -> None:
    op.drop_column("objects", "made_bytes")
    op.drop_index("images_that_failed", "images")
    op.drop_index("users_that_are_guests", "users")
    op.drop_index("invitations_by_sender", "invitations")
    op.drop_index("batches_by_user", "batches")
    op.drop_index("events_by_actor", "events")
    op.drop_index("elements_by_editor", "elements")
    op.drop_index("elements_by_creator", "elements")
    op.drop_index("refresh_tokens_used", "refresh_tokens")
    op.drop_index("sessions_by_user", "sessions")
    op.drop_index("sessions_by_end", "sessions")
    op.drop_table("attempts")
    op.drop_table("security_events")
    op.drop_table("email_links")
    op.drop_table("identity_requests")
    op.drop_table("identities")
    op.drop_table("passkey_challenges")
    op.drop_table("passkeys")
    op.drop_table("recovery_codes")
    op.drop_table("totps")
    op.drop_table("sign_ins")
    op.execute("DROP FUNCTION security_events_stay()")
