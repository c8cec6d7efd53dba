"""The versions that the bytes of a result depend on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

import gridmap


def software() -> str:
    """Return the versions of what reads, joins and writes.

    Examples
    --------
    >>> software().startswith("gridmap ")
    True
    """
    return f"gridmap {gridmap.__version__}, numpy {np.__version__}, pandas {pd.__version__}, pyarrow {pa.__version__}"
