"""One small town: six communities, about 6,000 households, a river and a railway; drawn in a second or two."""

from __future__ import annotations

from gridmap.sample.generate import generate
from gridmap.sample.model import County
from gridmap.sample.names import TOWNS
from gridmap.sample.spec import TOWN

STATIONS = 5


def make_town(seed: int = 0) -> County:
    """Make a small town, of the same kind as :func:`gridmap.sample.county.make_county` makes a county.

    Parameters
    ----------
    seed
        The same seed makes the same town.

    Examples
    --------
    >>> town = make_town()
    >>> len(town.communities), len(town.stations), town.communities["code"].iloc[0][:9]
    (6, 5, '320299100')
    """
    return generate(TOWN, seed, name=TOWNS[0], most_stations=STATIONS)
