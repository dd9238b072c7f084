"""Images point at what they have in the bucket, so that several can share it; what is in the trash can be emptied."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

#: How many images get their objects in one transaction.
BATCH: Final = 1_000

# The keys of what is there stay: they were made of the image's id.
_FILL: Final = sa.text(
    "WITH old AS ("
    "  SELECT id, created_at FROM images WHERE object_id IS NULL AND id > :after"
    "  ORDER BY id LIMIT :batch FOR NO KEY UPDATE"
    "), made AS (INSERT INTO objects (id, created_at) SELECT id, created_at FROM old"
    "), filled AS (UPDATE images SET object_id = old.id FROM old WHERE images.id = old.id RETURNING images.id)"
    " SELECT id FROM filled ORDER BY id DESC LIMIT 1"
)
_INVALID: Final = sa.text("SELECT true FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid")


def upgrade() -> None:
    # In one transaction, which a step that was killed has done or has not.
    if not sa.inspect(op.get_bind()).has_table("objects"):
        _expand()
    # From here on each statement is a transaction, and does no harm when it is repeated.
    with op.get_context().autocommit_block():
        _fill()
        op.execute(
            "ALTER TABLE images DROP CONSTRAINT IF EXISTS images_object_id_not_null,"
            " ADD CONSTRAINT images_object_id_not_null NOT NULL object_id NOT VALID"
        )
        # What follows waits for others, and lets them read and write meanwhile.
        op.execute("SET lock_timeout = 0")
        op.execute("ALTER TABLE images VALIDATE CONSTRAINT images_object_id_not_null")
        trashed = sa.text("deleted_at IS NOT NULL")
        _index("images_of_object", "images", ["object_id"])
        _index("images_of_book", "images", ["book_id", "deleted_at"])
        _index("images_to_purge", "images", ["deleted_at"], trashed)
        _index("images_to_expire", "images", ["status_at", "id"], sa.text("status = 'PENDING'"))
        _index("books_to_purge", "books", ["deleted_at"], trashed)
        # Whole, so that a book or a page that goes for good finds what goes with it.
        _index("elements_of_book", "elements", ["book_id", "deleted_at"])
        _index("elements_of_page", "elements", ["page_id"])
        _index("invitations_of_book", "invitations", ["book_id"])
        op.drop_index("elements_alive_of_book", "elements", postgresql_concurrently=True, if_exists=True)
        op.execute("RESET lock_timeout")


def _expand() -> None:
    # Out of the way of the one that replaces it, and in use until then.
    op.execute("ALTER INDEX elements_of_book RENAME TO elements_alive_of_book")
    op.create_table(
        "objects",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("developed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stripped_type", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    # An older program that runs beside knows of no objects: its photos get theirs here.
    op.execute(
        "CREATE OR REPLACE FUNCTION images_have_an_object() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.object_id IS NULL THEN"
        "  INSERT INTO objects (id, created_at) VALUES (NEW.id, NEW.created_at);"
        "  NEW.object_id := NEW.id;"
        " END IF;"
        " RETURN NEW; END $$"
    )
    # One statement: the reference of a column that is new and empty holds, and Postgres does not look.
    op.execute("ALTER TABLE images ADD COLUMN object_id uuid REFERENCES objects")
    op.execute(
        "CREATE TRIGGER images_have_an_object BEFORE INSERT ON images"
        " FOR EACH ROW EXECUTE FUNCTION images_have_an_object()"
    )


def _fill() -> None:
    last: UUID | None = UUID(int=0)
    while last:
        last = op.get_bind().scalar(_FILL, {"after": last, "batch": BATCH})


def _index(name: str, table: str, columns: list[str], where: sa.TextClause | None = None) -> None:
    # One that was killed has left an index that is never used.
    if op.get_bind().scalar(_INVALID, {"name": name}):
        op.drop_index(name, table, postgresql_concurrently=True)
    op.create_index(name, table, columns, postgresql_where=where, postgresql_concurrently=True, if_not_exists=True)


def downgrade() -> None:
    op.drop_index("invitations_of_book", "invitations")
    op.drop_index("elements_of_page", "elements")
    op.drop_index("elements_of_book", "elements")
    alive = sa.text("deleted_at IS NULL")
    op.create_index("elements_of_book", "elements", ["book_id"], unique=False, postgresql_where=alive)
    op.drop_index("books_to_purge", "books")
    op.drop_index("images_to_expire", "images")
    op.drop_index("images_to_purge", "images")
    op.drop_index("images_of_book", "images")
    op.execute("DROP TRIGGER images_have_an_object ON images")
    op.execute("DROP FUNCTION images_have_an_object()")
    op.drop_column("images", "object_id")
    op.drop_table("objects")
