"""Roster, duties and who is responsible."""
