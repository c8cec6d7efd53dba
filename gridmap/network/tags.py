"""Columns of tags, each value kept once: a rule is asked of the few values that occur, not of every street."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Tags:
    """Tags of streets, rivers or railways as lower-case text, ``""`` where there is none.

    Parameters
    ----------
    size
        How many features there are.
    values
        The texts that occur in each column.
    codes
        Which of them each feature has.

    Examples
    --------
    >>> tags = Tags.of({"foot": ["No ", None, "yes"]}, 3)
    >>> tags.text("foot").tolist(), tags.among("foot", ["no"]).tolist(), tags.among("access", ["no"]).tolist()
    (['no', '', 'yes'], [True, False, False], [False, False, False])
    """

    size: int
    values: Mapping[str, NDArray[np.object_]]
    codes: Mapping[str, NDArray[np.intp]]

    @classmethod
    def of(cls, columns: Mapping[str, Any], size: int) -> Tags:
        """Return tags given as columns of anything."""
        values, codes = {}, {}
        for name, column in columns.items():
            texts = column if isinstance(column, pd.Series) else pd.Series(column, dtype=object)
            codes[name], known = pd.factorize(texts)
            # What is missing has the code -1, which is the last of the values.
            values[name] = np.array([*(str(value).strip().lower() for value in known), ""], dtype=object)
        return cls(size, values, codes)

    @classmethod
    def of_layer(cls, layer: gpd.GeoDataFrame, names: Iterable[str]) -> Tags:
        """Return those of the named columns that a layer has."""
        return cls.of({name: layer[name] for name in names if name in layer.columns}, len(layer))

    def __len__(self) -> int:
        return self.size

    def __contains__(self, name: str) -> bool:
        return name in self.codes

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Tags:
        """Return the tags of some of the features."""
        size = int(which.sum()) if which.dtype == bool else len(which)
        return Tags(size, self.values, {name: codes[which] for name, codes in self.codes.items()})

    def text(self, name: str) -> NDArray[np.object_]:
        """Return the values of a tag."""
        if name not in self.codes:
            return np.full(self.size, "", dtype=object)
        return self.values[name][self.codes[name]]

    def among(self, name: str, allowed: Collection[str]) -> NDArray[np.bool_]:
        """Return which features have one of some values."""
        return self.map(name, lambda value: value in allowed).astype(bool)

    def map(self, name: str, rule: Any) -> NDArray[Any]:
        """Return what a rule makes of the value of each feature."""
        if name not in self.codes:
            return np.full(self.size, rule(""))
        return np.array([rule(value) for value in self.values[name]])[self.codes[name]]
