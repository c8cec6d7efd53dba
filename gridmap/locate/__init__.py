"""Points to grids."""
