"""What one request may ask for, so that nobody can take the machine from the others; every limit is in the OpenAPI."""

from __future__ import annotations

from typing import Final

MOST_POINTS: Final = 100_000
"""Points of a batch."""

MOST_BYTES: Final = 32 << 20
"""Bytes of a batch: 300 a point."""

MOST_PUBLIC_BYTES: Final = 300_000
"""Bytes of a batch of somebody without a key, where a record is served: some 1,000 points."""

MOST_HEAD_BYTES: Final = 64 << 10
"""Bytes of an address and its headers."""

MOST_HEAD_S: Final = 20
"""Seconds in which an address and its headers have to come."""

MOST_STALL_S: Final = 30
"""Seconds between two pieces of a body."""

MOST_SYSTEMS: Final = 50
"""Different coordinate systems of a batch: looking up an EPSG code takes a millisecond."""

MOST_VERSIONS: Final = 8
"""Versions of a plan that answer one batch: each may have to be read from the record."""

MOST_FEATURES: Final = 10_000
"""Features of a page: a county of small grids is one page of some megabytes."""

MOST_ROWS: Final = 10_000_000
"""Rows that a page may begin at."""

MOST_MINUTES: Final = 240.0
"""Minutes of a circle."""

MOST_ACCURACY_M: Final = 5_000.0
"""Accuracy of a point in metres; a disc this wide touches some 150 grids of a county and takes a millisecond."""

MOST_DISCS_M2: Final = 1e11
"""Squares of the accuracies of a batch together: 100,000 points of 1 km, or 4,000 of 5 km, some six seconds."""

MOST_COORDINATE: Final = 1e8
"""Beyond what any projected coordinate in metres is, with its zone before it."""

MOST_LETTERS: Final = 64
"""Letters of a code, a duty or the name of a coordinate system."""

MOST_SQUARED_LETTERS: Final = 1e8
"""Squares of the lengths of the addresses of a batch together: 100,000 of 31 letters, or 2,500 of 200 that are made to
take long, some two minutes."""

MOST_PUBLIC_SQUARED_LETTERS: Final = 5e6
"""The same of somebody without a key, where a record is served: 1,000 addresses of 70 letters, some six seconds."""

MOST_PLACES: Final = 50
"""Places that an address may mean, or completions of one, in an answer."""

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200
