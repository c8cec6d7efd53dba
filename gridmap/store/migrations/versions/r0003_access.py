"""Keys, users, sessions, the audit, and the generation that workers watch."""

from __future__ import annotations

from alembic import op

from gridmap.store.migrations import sql

revision = "0003_access"
down_revision = "0002_people"
TABLES = ("api_key", "app_user", "user_session", "audit", "idempotency", "state")


def upgrade() -> None:
    """Make the tables."""
    sql.run(revision)
    op.execute("insert into gridmap.state (id, generation) values (1, 0)")


def downgrade() -> None:
    """Drop them."""
    sql.drop(*TABLES)
