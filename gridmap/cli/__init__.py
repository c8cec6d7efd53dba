"""The command line: parsing and printing around the functions of the façade, nothing else."""

from __future__ import annotations


def main() -> None:
    """Run ``gridmap``; see ``gridmap --help``."""
    from gridmap.cli.app import run

    run()
