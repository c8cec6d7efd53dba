"""Pages as they are sent: made once, compressed once."""

from __future__ import annotations

import gzip
import hashlib
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from gridmap.grids.plan import Plan
    from gridmap.people.roster import Roster


@dataclass(frozen=True)
class Page:
    """A page or a part of one.

    Parameters
    ----------
    body
        What is sent.
    media_type
        What it is.
    """

    body: bytes
    media_type: str = "text/html; charset=utf-8"

    @cached_property
    def compressed(self) -> bytes:
        """Return the body as gzip."""
        return gzip.compress(self.body, 6, mtime=0)

    @cached_property
    def tag(self) -> str:
        """Return the ETag.

        Examples
        --------
        >>> Page(b"a").tag == Page(b"a").tag != Page(b"b").tag
        True
        """
        return tag_of(self.body)

    @classmethod
    def of_plan(
        cls, plan: Plan, circles: gpd.GeoDataFrame | None, incidents: pd.DataFrame | None, roster: Roster | None
    ) -> Page:
        """Draw the map of a plan; people are masked."""
        from gridmap.maps.plan_map import plan_map, save_map

        drawn = plan_map(plan, circles=circles, incidents=incidents, roster=roster)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "map.html"
            save_map(drawn, path)
            return cls(path.read_bytes())


def tag_of(body: bytes, prefix: str = "") -> str:
    """Return an ETag of what is sent, with what says where it is from before it.

    Examples
    --------
    >>> tag_of(b"", "9b3b915afa5d-")
    '"9b3b915afa5d-786a02f742015903"'
    """
    return f'"{prefix}{hashlib.blake2b(body).hexdigest()[:16]}"'
