"""Joining incidents to grids and people."""
