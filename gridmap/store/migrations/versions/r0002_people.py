"""People, organisations, stations, circles, departments."""

from __future__ import annotations

from gridmap.store.migrations import sql

revision = "0002_people"
down_revision = "0001_plans"
TABLES = (
    "person", "assignment", "duty", "organisation", "station", "circle", "coverage_area", "department",
    "department_grid", "department_mapping",
)  # fmt: skip


def upgrade() -> None:
    """Make the tables."""
    sql.run(revision)


def downgrade() -> None:
    """Drop them."""
    sql.drop(*TABLES)
