"""Revisions of the record's tables. A revision never changes once it has been used."""
