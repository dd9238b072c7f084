"""Images point at what they have in the bucket, so that several can share it; what is in the trash can be emptied."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "objects",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("developed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stripped_type", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("images", sa.Column("object_id", sa.Uuid(), nullable=True))
    # The keys of what is there stay: they were made of the image's id.
    op.execute("INSERT INTO objects (id, created_at) SELECT id, created_at FROM images")
    op.execute("UPDATE images SET object_id = id")
    # An older program that runs beside knows of no objects: its photos get theirs here.
    op.execute(
        "CREATE OR REPLACE FUNCTION images_have_an_object() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.object_id IS NULL THEN"
        "  INSERT INTO objects (id, created_at) VALUES (NEW.id, NEW.created_at);"
        "  NEW.object_id := NEW.id;"
        " END IF;"
        " RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER images_have_an_object BEFORE INSERT ON images"
        " FOR EACH ROW EXECUTE FUNCTION images_have_an_object()"
    )
    op.alter_column("images", "object_id", nullable=False)
    op.create_foreign_key("images_object_id_fkey", "images", "objects", ["object_id"], ["id"])
    op.create_index("images_of_object", "images", ["object_id"], unique=False)
    trashed = sa.text("deleted_at IS NOT NULL")
    op.create_index("images_of_book", "images", ["book_id", "deleted_at"], unique=False)
    op.create_index("images_to_purge", "images", ["deleted_at"], unique=False, postgresql_where=trashed)
    op.create_index("books_to_purge", "books", ["deleted_at"], unique=False, postgresql_where=trashed)
    # Whole, so that a book or a page that goes for good finds what goes with it.
    op.drop_index("elements_of_book", "elements")
    op.create_index("elements_of_book", "elements", ["book_id", "deleted_at"], unique=False)
    op.create_index("elements_of_page", "elements", ["page_id"], unique=False)
    op.create_index("invitations_of_book", "invitations", ["book_id"], unique=False)


def downgrade() -> None:
    op.drop_index("invitations_of_book", "invitations")
    op.drop_index("elements_of_page", "elements")
    op.drop_index("elements_of_book", "elements")
    alive = sa.text("deleted_at IS NULL")
    op.create_index("elements_of_book", "elements", ["book_id"], unique=False, postgresql_where=alive)
    op.drop_index("books_to_purge", "books")
    op.drop_index("images_to_purge", "images")
    op.drop_index("images_of_book", "images")
    op.execute("DROP TRIGGER images_have_an_object ON images")
    op.execute("DROP FUNCTION images_have_an_object()")
    op.drop_column("images", "object_id")
    op.drop_table("objects")
