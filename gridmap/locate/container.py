"""The one run of bytes an index is: in memory as in its file, so that loading is mapping it.

64-byte aligned arrays behind a page of numbers: where each begins and ends, and what else a kernel has to know. A text
in JSON follows the page with what only people and :class:`~gridmap.locate.index.GridIndex` read.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gridmap.errors import InputError

MAGIC: Final = b"gmindex1"
PAGE: Final = 1024
"""Bytes of the page: int64 slots. 0 the magic, 1 bytes in all, 2 of the text, 3 checksum of all but itself, 4 the
border number, 5 how many polygons are grids, from 8 on the begin and the end of each array."""
_TOTAL, _TEXT, _CHECKSUM = 1, 2, 3
BORDER: Final = 4
GRIDS: Final = 5
FIRST: Final = 8
_ALIGNED: Final = 64

Bytes = NDArray[np.uint8]


def pack(arrays: Mapping[str, NDArray[Any]], text: Mapping[str, Any], border: int, grids: int) -> Bytes:
    """Return arrays (kept in their order), a text and two numbers as one read-only run of bytes."""
    if FIRST + 2 * len(arrays) > PAGE // 8:
        raise ValueError(f"{len(arrays)} arrays do not fit on the page")
    kinds = {name: array.dtype.str for name, array in arrays.items()}
    letter = json.dumps({**text, "arrays": kinds}, ensure_ascii=False).encode()
    begin = _up(PAGE + len(letter))
    places = []
    for array in arrays.values():
        places.append((begin, begin + array.nbytes))
        begin = _up(begin + array.nbytes)
    found = np.zeros(begin, dtype=np.uint8)
    found[PAGE : PAGE + len(letter)] = np.frombuffer(letter, dtype=np.uint8)
    for (start, stop), array in zip(places, arrays.values(), strict=True):
        found[start:stop] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    slots = found[:PAGE].view(np.int64)
    slots[0] = int.from_bytes(MAGIC, "little")
    slots[_TOTAL], slots[_TEXT], slots[BORDER], slots[GRIDS] = len(found), len(letter), border, grids
    slots[FIRST : FIRST + 2 * len(places)] = np.ravel(places)
    slots[_CHECKSUM] = _checksum(found)
    found.setflags(write=False)
    return found


def unpack(found: Bytes, name: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays, which share the bytes, and the text.

    Parameters
    ----------
    found
        What :func:`pack` returned, or its file mapped.
    name
        Of the file, for messages.

    Raises
    ------
    InputError
        When the bytes are not an index, or not all of one: a damaged one would answer anything.
    """
    if len(found) < PAGE or found[:8].tobytes() != MAGIC:
        raise InputError(f"{name} is not an index of grids; make one with Locator(plan).save(path)")
    slots = found[:PAGE].view(np.int64)
    if len(found) != slots[_TOTAL]:
        raise InputError(f"{name} has {len(found):,} bytes, not the {slots[_TOTAL]:,} it was saved with; save it anew")
    if _checksum(found) != slots[_CHECKSUM]:
        raise InputError(f"{name} is damaged: its checksum is not the one it was saved with; save it anew")
    text: dict[str, Any] = json.loads(found[PAGE : PAGE + int(slots[_TEXT])].tobytes())
    arrays = {}
    for i, (label, kind) in enumerate(text["arrays"].items()):
        start, stop = slots[FIRST + 2 * i], slots[FIRST + 2 * i + 1]
        arrays[label] = found[start:stop].view(kind)
    return arrays, text


def _checksum(found: Bytes) -> int:
    """Return the checksum of all bytes, its own place taken as zero: a wrong page would lead kernels astray."""
    page = found[:PAGE].copy()
    page.view(np.int64)[_CHECKSUM] = 0
    return zlib.crc32(found[PAGE:].data, zlib.crc32(page.data))


def _up(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED
