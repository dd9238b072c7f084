"""Run by alembic for each command; the connection comes from `storage.migrations`."""

from alembic import context

from models import SQLModel

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    # What a step has locked is free again before the next one begins.
    transaction_per_migration=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
