"""Plans, their grids, and the timeline of what was in force."""

from __future__ import annotations

from alembic import op

from gridmap.store.migrations import sql

revision = "0001_plans"
down_revision = None
TABLES = ("plan_version", "level", "grid", "plan_grid", "lineage", "journal", "plan_artefact", "publication")


def upgrade() -> None:
    """Make the tables."""
    op.execute("create extension if not exists postgis schema public")
    op.execute("create extension if not exists btree_gist schema public")
    sql.run(revision)


def downgrade() -> None:
    """Drop them."""
    sql.drop(*TABLES)
