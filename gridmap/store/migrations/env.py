"""What alembic runs to migrate: on a connection that :mod:`gridmap.store.migrate` has made."""

from __future__ import annotations

from alembic import context

from gridmap.store.base import SCHEMA
from gridmap.store.models import Base


def _migrate() -> None:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Base.metadata,
        include_schemas=True,
        version_table="alembic_version",
        version_table_schema=SCHEMA,
        transaction_per_migration=False,  # all or nothing, however many revisions there are to go
    )
    with context.begin_transaction():
        context.run_migrations()


_migrate()
