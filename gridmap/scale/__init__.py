"""Joins of files of any size."""
