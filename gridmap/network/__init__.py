"""Streets to a walking network: reading, snapping on edges, bounded search."""
