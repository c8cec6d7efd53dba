"""The synthetic county: 12 towns, 198 communities and villages, about 300,000 households, in a few seconds."""

from __future__ import annotations

from gridmap.sample.generate import generate
from gridmap.sample.model import County
from gridmap.sample.names import COUNTY as NAME
from gridmap.sample.spec import COUNTY

__all__ = ["County", "make_county"]


def make_county(seed: int = 0) -> County:
    """Make a believable Chinese county that does not exist.

    Parameters
    ----------
    seed
        The same seed makes the same county, another seed another one.

    Returns
    -------
    County
        Layers in EPSG:4490; small and micro grids are not among them: gridmap draws those.

    Examples
    --------
    >>> county = make_county(seed=0)  # doctest: +SKIP
    >>> len(county.towns), len(county.communities)  # doctest: +SKIP
    (12, 198)
    """
    return generate(COUNTY, seed, name=NAME)
