"""Stations, service circles on foot, coverage in households."""
