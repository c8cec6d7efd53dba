"""Coordinates, reading any vector layer, seamless coverages. Knows no network, no grids, no web."""
