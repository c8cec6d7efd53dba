"""From an address to the grid it is in: what the geocoder leaves open is weighed by grids, never guessed away."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from gridmap.address.index import degree_m
from gridmap.address.model import Geocoding
from gridmap.locate.locator import Locator
from gridmap.locate.placement import Candidate, Placement

if TYPE_CHECKING:
    from gridmap.address.geocoder import Geocoder

UNRESOLVED: Final = "unresolved"
"""Outcome of an address that names no place: none, of elsewhere, not found, or only a town or the county known."""
SURE: Final = 0.9
"""From this confidence on an answer may be acted on without a person having looked at it (ours)."""
_SEVERAL: Final = "地址可能在几个网格中 · the address may be in several grids"
_FALLBACK: Final = "只认出乡镇或县，须人工核实 · only a town or the county is known: a person has to look"


@dataclass(frozen=True, slots=True)
class GridShare:
    """A grid in which the address may be, and how likely."""

    level: str
    code: str
    confidence: float


@dataclass(frozen=True)
class AddressPlacement:
    """Where an address is.

    Parameters
    ----------
    geocoding
        What the geocoder says of it.
    placement
        As of :meth:`gridmap.Locator.locate`: ``ambiguous`` where the address may be in several grids, with the levels
        that all likely ones share; ``unresolved`` where it names no place.
    confidence
        That the address is in the likeliest grid of the finest tiling level.
    shares
        The grids of that level that it may be in, the likeliest first; a point outside any grid has none.
    needs_person
        Whether somebody has to look before anything is dispatched.
    """

    geocoding: Geocoding
    placement: Placement
    confidence: float
    shares: tuple[GridShare, ...]
    needs_person: bool

    @property
    def is_unresolved(self) -> bool:
        """Whether it names no place. Then nobody is named either; for any other, whoever answers for what is known.

        One rule for all who show a responsible person: of an ``ambiguous`` address it is that of the finest level which
        all likely grids share, so that whoever has to look knows whom to ask. What may be dispatched is another
        question, and :attr:`needs_person` answers it.
        """
        outcome: str = self.placement.outcome
        return outcome == UNRESOLVED


def locate_address(geocoder: Geocoder, locator: Locator, text: str) -> AddressPlacement:
    """Find the grid of an address.

    Parameters
    ----------
    geocoder
        Opened from an address index.
    locator
        Of the plan in force.
    text
        As people write it.

    Returns
    -------
    AddressPlacement
        A text that is no address is ``unresolved`` with a reason; nothing is raised.
    """
    return place_geocoding(locator, geocoder.geocode(text))


def place_geocoding(locator: Locator, found: Geocoding) -> AddressPlacement:
    """Find the grid of what a geocoder has said."""
    if found.match_type in ("", "fallback") or math.isnan(found.lon):
        reason = _FALLBACK if found.match_type == "fallback" else found.reason
        # Only an address can be unresolved: a point of the locator never is, so its outcomes do not list it.
        nowhere = Placement(UNRESOLVED, reason, MappingProxyType({}), (), None, locator.plan_version)  # type: ignore[arg-type]
        return AddressPlacement(found, nowhere, 0.0, (), True)
    placement = locator.locate(found.lon, found.lat)
    if len(found.points) <= 1:
        return _settled(found, placement, found.confidence, locator)
    return _weighed(locator, found, placement)


def _settled(found: Geocoding, placement: Placement, confidence: float, locator: Locator) -> AddressPlacement:
    level = locator.finest_tiling
    shares = (GridShare(level, placement.chain[level], confidence),) if level in placement.chain else ()
    unsure = placement.outcome != "matched" or found.outcome != "matched" or confidence < SURE
    return AddressPlacement(found, placement, confidence, shares, unsure)


def _weighed(locator: Locator, found: Geocoding, placement: Placement) -> AddressPlacement:
    """Sum the weights of all places that may be meant by grid; grids with a small share do not make it ambiguous."""
    lon, lat = found.points.T
    frame = locator.locate_many(lon, lat)
    level = locator.finest_tiling
    shares = _shares(frame[level], found.weights, level)
    if not shares:
        return AddressPlacement(found, placement, 0.0, (), True)
    best = shares[0]
    if best.confidence >= SURE * float(found.weights.sum()):
        inside = np.flatnonzero((frame[level] == best.code).to_numpy())
        nearest = inside[np.argmax(found.weights[inside])]
        at = placement if placement.chain.get(level) == best.code else locator.locate(lon[nearest], lat[nearest])
        return AddressPlacement(found, at, best.confidence, shares, best.confidence < SURE)
    likely = frame[frame[level].isin([each.code for each in shares])]
    candidates = tuple(
        Candidate(level, each.code, _distance_m(found, lon, lat, (frame[level] == each.code).to_numpy()))
        for each in shares
    )
    several = Placement("ambiguous", _SEVERAL, _agreed(likely, locator), candidates, None, locator.plan_version)
    return AddressPlacement(found, several, best.confidence, shares, True)


def _shares(codes: pd.Series, weights: np.ndarray, level: str) -> tuple[GridShare, ...]:
    """Return the grids by weight, down to a hundredth of all."""
    known = codes.notna().to_numpy()
    position, names = codes.cat.codes.to_numpy()[known], codes.cat.categories
    mass = np.bincount(position, weights=weights[known], minlength=len(names)) if known.any() else np.zeros(0)
    order = [int(i) for i in np.argsort(-mass, kind="stable") if mass[i] > 0.01 * weights.sum()]
    return tuple(GridShare(level, str(names[i]), float(mass[i])) for i in order)


def _agreed(likely: pd.DataFrame, locator: Locator) -> Mapping[str, str]:
    """Return the levels at which all likely places are in one grid."""
    found = {}
    for level in locator.levels:
        codes = likely[level].dropna().unique()
        if len(codes) != 1 or likely[level].isna().any():
            break
        found[level] = str(codes[0])
    return MappingProxyType(found)


def _distance_m(found: Geocoding, lon: np.ndarray, lat: np.ndarray, inside: np.ndarray) -> float:
    """Return how far the nearest place in a grid is from the point that was answered."""
    east, north = degree_m(found.lat)
    return float(np.hypot((lon[inside] - found.lon) * east, (lat[inside] - found.lat) * north).min())
