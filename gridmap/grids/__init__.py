"""Levels, codes, plans, blocks, drawing and checking."""
