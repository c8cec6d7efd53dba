"""Dividing blocks into a given number of grids: balanced, whole on land, borders where streets are."""

from __future__ import annotations

from gridmap.errors import DrawError
from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import BlockGraph
from gridmap.grids.nested import divide_nested


def divide(graph: BlockGraph, parts: int, *, band: float, seed: int) -> m.Ints:
    """Divide blocks into so many grids of one level; see :func:`gridmap.grids.nested.divide_nested`.

    Parameters
    ----------
    graph
        The blocks of one parent.
    parts
        How many grids.
    band
        Deviation from the mean that balancing accepts.
    seed
        Of all that is random.

    Returns
    -------
    array of int
        0 … parts - 1 a block; each occurs.

    Raises
    ------
    DrawError
        When there are fewer blocks than grids.
    """
    if parts > len(graph.weight):
        raise DrawError(f"{parts} grids are more than {len(graph.weight)} blocks can give")
    return divide_nested(graph, (parts,), band=band, seed=seed)[0]
