"""Pages as they are sent: made once, compressed once."""

from __future__ import annotations

import gzip
import hashlib
import tempfile
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from gridmap.grids.plan import Plan
    from gridmap.people.roster import Roster


class Page:
    """A page or a part of one; it never changes.

    Parameters
    ----------
    body
        What is sent, or a function that makes it when somebody first asks.
    media_type
        What it is.
    """

    def __init__(self, body: bytes | Callable[[], bytes], media_type: str = "text/html; charset=utf-8") -> None:
        self._body, self.media_type = body, media_type
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[object, ...]:
        return Page, (self.body, self.media_type)

    @property
    def body(self) -> bytes:
        """Return what is sent."""
        with self._lock:  # drawing takes seconds: two who ask at once wait for one drawing
            if not isinstance(self._body, bytes):
                self._body = self._body()
            return self._body

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
