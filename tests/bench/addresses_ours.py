"""Our side: an index of a list, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

import gridmap
from gridmap.address.build import Given, build_index
from gridmap.address.index import AddressIndex
from gridmap.address.place import place_geocoding
from gridmap.address.region import Region

REGION = Region("江苏省", "无锡市", "锡澄县")


def build(listed: pd.DataFrame, *, county: Path | None = None) -> gridmap.Geocoder:
    """Return the geocoder of a list, in memory; with the facilities, stations and estates of a made county."""
    return gridmap.Geocoder(_index(listed, county))


def build_file(listed: pd.DataFrame, path: Path) -> None:
    """Write the index of a list of the sample's region."""
    _index(listed, None).save(path)


def _index(listed: pd.DataFrame, county: Path | None) -> AddressIndex:
    places = {} if county is None else {"places": _places(county)}
    region = Region() if "lane" in listed else REGION
    return build_index(Given(listed, region=region, **places)).index


def _places(county: Path) -> pd.DataFrame:
    """Return the named places of a made county as ``gridmap addresses build places=…`` reads them."""
    layers = [gpd.read_file(county / f"{name}.gpkg") for name in ("facilities", "stations", "estates")]
    places = pd.concat(layers, ignore_index=True)
    spot = places.representative_point()
    return pd.DataFrame({
        "name": places["name"], "kind": places["kind"].fillna("estate"), "lon": spot.x, "lat": spot.y,
        "line": np.arange(len(places)) + 2, "source": 0,
    })  # fmt: skip


class Ours:
    """A geocoder and the grids of its answers.

    Parameters
    ----------
    geocoder
        Of a list.
    locator
        Of a plan.
    """

    def __init__(self, geocoder: gridmap.Geocoder, locator: gridmap.Locator) -> None:
        self.geocoder, self.locator = geocoder, locator

    def ask(self, texts: Sequence[str]) -> pd.DataFrame:
        """Return of each text the likeliest grid and what else the bench counts.

        ``grid, confidence, outcome, needs_person`` of the placement; ``match_type, address, point_confidence`` of the
        geocoding, and ``point_grid`` of its point.
        """
        level = self.locator.finest_tiling
        rows = []
        for text in texts:
            found = self.geocoder.geocode(text)
            place = place_geocoding(self.locator, found)
            grid = place.shares[0].code if place.shares else place.placement.chain.get(level, "")
            rows.append((grid, place.confidence, place.placement.outcome, place.needs_person, found.match_type,
                         found.address, found.confidence, found.lon, found.lat))  # fmt: skip
        columns = [
            "grid",
            "confidence",
            "outcome",
            "needs_person",
            "match_type",
            "address",
            "point_confidence",
            "lon",
            "lat",
        ]
        answers = pd.DataFrame(rows, columns=columns)
        answers["point_grid"] = self._grids(answers)
        return answers.drop(columns=["lon", "lat"])

    def _grids(self, answers: pd.DataFrame) -> np.ndarray:
        known = np.array([not math.isnan(each) for each in answers["lon"]])
        grids = np.full(len(answers), "", dtype=object)
        if known.any():
            at = answers[known]
            found = self.locator.locate_many(at["lon"].to_numpy(), at["lat"].to_numpy())
            grids[known] = found[self.locator.finest_tiling].astype(object).fillna("").to_numpy()
        return grids
