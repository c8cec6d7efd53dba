"""What is known of a layer as a whole (its ``attrs``) and the metadata of a file that keep it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Final

import pandas as pd

_NOTE: Final = "gridmap."
"""What the names of our own notes begin with; other software adds notes of its own."""
_OF_READING: Final = "skipped"
"""What ``attrs`` say of one reading of a file; it is no part of the layer."""


def notes_of(frame: pd.DataFrame) -> dict[str, object]:
    """Return what of a frame's ``attrs`` a file can keep: plain values, as JSON knows them.

    Examples
    --------
    >>> frame = pd.DataFrame()
    >>> frame.attrs = {"minutes": (5, 10), "skipped": ["way 7"], "network": object()}
    >>> notes_of(frame)
    {'minutes': [5, 10]}
    """
    kept: dict[str, object] = {}
    for name, value in frame.attrs.items():
        with contextlib.suppress(TypeError, ValueError):
            if name != _OF_READING:
                kept[str(name)] = json.loads(json.dumps(value, allow_nan=False))
    return kept


def as_metadata(frame: pd.DataFrame) -> dict[str, str] | None:
    """Return the notes of a frame as GDAL keeps them with a layer; None where there are none."""
    notes = notes_of(frame)
    return {f"{_NOTE}{name}": json.dumps(value, ensure_ascii=False) for name, value in notes.items()} or None


def from_metadata(metadata: Mapping[str, str] | None) -> dict[str, object]:
    """Return our own notes of a layer's metadata.

    Examples
    --------
    >>> from_metadata({"gridmap.barriers": '{"water": 3}', "AREA_OR_POINT": "Area"})
    {'barriers': {'water': 3}}
    """
    own = {name: value for name, value in (metadata or {}).items() if name.startswith(_NOTE)}
    return {name.removeprefix(_NOTE): json.loads(value) for name, value in own.items()}
