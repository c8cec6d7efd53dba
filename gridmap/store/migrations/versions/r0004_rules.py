"""Roles, row-level security, the published views, and ``gridmap.locate``."""

from __future__ import annotations

from gridmap.store.migrations import sql

revision = "0004_rules"
down_revision = "0003_access"


def upgrade() -> None:
    """Put the rules on."""
    sql.run(revision)


def downgrade() -> None:
    """Take them off; the roles stay, for they belong to the cluster and other databases may use them."""
    sql.run("0004_rules_down")
