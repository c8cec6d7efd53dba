"""Addresses as people write them: read, found in the county's standard list, and brought to a point and a grid."""
