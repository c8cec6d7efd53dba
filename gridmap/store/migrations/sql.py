"""SQL of revisions, kept beside them."""

from __future__ import annotations

from importlib.resources import files

from alembic import op


def run(name: str) -> None:
    """Run a file of statements as it stands; a colon or a percent sign in it means itself."""
    body = files("gridmap.store.migrations").joinpath(f"{name}.sql").read_text(encoding="utf-8")
    cursor = op.get_bind().connection.cursor()
    try:
        cursor.execute(body)
    finally:
        cursor.close()


def drop(*tables: str) -> None:
    """Drop tables, the last first."""
    for table in reversed(tables):
        op.execute(f"drop table gridmap.{table}")
