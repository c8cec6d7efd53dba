"""One run of bytes that an index is: in memory as in its file, so that opening it is mapping it.

64-byte aligned arrays behind a page of numbers: where each begins and ends, and what else a kernel has to know. A text
in JSON follows the page with what only people and the index's own class read.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gridmap.errors import InputError

NUMBERS: Final = (4, 5)
"""Slots of the page that a form uses as it likes."""
FIRST: Final = 8
"""Slot from which on stand the begin and the end of each array."""
_TOTAL, _TEXT, _CHECKSUM, _BODY = 1, 2, 3, 6
_ALIGNED: Final = 64

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Form:
    """What a kind of index has of its own.

    Parameters
    ----------
    magic
        Eight bytes that it begins with.
    page
        Bytes of the page: int64 slots. 0 the magic, 1 bytes in all, 2 of the text, 3 the checksum, 4 and 5 two
        numbers, 6 the checksum of the arrays where that is apart, from 8 on the begin and the end of each array.
    called, made_by
        What messages call it, and how they say one is made.
    whole
        Whether all bytes are summed at opening. Without, only the page and the text are: a big file is opened at
        once, and :func:`verify` sums the rest.
    """

    magic: bytes
    page: int
    called: str
    made_by: str
    whole: bool = True


def pack(
    form: Form, arrays: Mapping[str, NDArray[Any]], text: Mapping[str, Any], numbers: tuple[int, int] = (0, 0)
) -> Bytes:
    """Return arrays (kept in their order), a text and two numbers as one read-only run of bytes.

    Examples
    --------
    >>> form = Form(b"example1", 1024, "an example", "make one")
    >>> found = pack(form, {"a": np.arange(3)}, {"name": "花山镇"})
    >>> arrays, text = unpack(form, found, "a.idx")
    >>> arrays["a"].tolist(), text["name"]
    ([0, 1, 2], '花山镇')
    """
    if FIRST + 2 * len(arrays) > form.page // 8:
        raise ValueError(f"{len(arrays)} arrays do not fit on the page")
    kinds = {name: array.dtype.str for name, array in arrays.items()}
    letter = json.dumps({**text, "arrays": kinds}, ensure_ascii=False).encode()
    body = begin = _up(form.page + len(letter))
    places = []
    for array in arrays.values():
        places.append((begin, begin + array.nbytes))
        begin = _up(begin + array.nbytes)
    found = np.zeros(begin, dtype=np.uint8)
    found[form.page : form.page + len(letter)] = np.frombuffer(letter, dtype=np.uint8)
    for (start, stop), array in zip(places, arrays.values(), strict=True):
        found[start:stop] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    slots = found[: form.page].view(np.int64)
    slots[0] = int.from_bytes(form.magic, "little")
    slots[_TOTAL], slots[_TEXT] = len(found), len(letter)
    slots[list(NUMBERS)] = numbers
    slots[FIRST : FIRST + 2 * len(places)] = np.ravel(places)
    if not form.whole:
        slots[_BODY] = zlib.crc32(found[body:].data)
    slots[_CHECKSUM] = _checksum(form, found)
    found.setflags(write=False)
    return found


def unpack(form: Form, found: Bytes, name: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays, which share the bytes, and the text.

    Parameters
    ----------
    form
        What it is to be.
    found
        What :func:`pack` returned, or its file mapped.
    name
        Of the file, for messages.

    Raises
    ------
    InputError
        When the bytes are not an index, or not all of one: a damaged one would answer anything.
    """
    if len(found) < form.page or found[:8].tobytes() != form.magic:
        raise InputError(f"{name} is not {form.called}; {form.made_by}")
    slots = found[: form.page].view(np.int64)
    if len(found) != slots[_TOTAL]:
        raise InputError(f"{name} has {len(found):,} bytes, not the {slots[_TOTAL]:,} it was saved with; save it anew")
    if _checksum(form, found) != slots[_CHECKSUM]:
        raise InputError(f"{name} is damaged: its checksum is not the one it was saved with; save it anew")
    text: dict[str, Any] = json.loads(found[form.page : _end_of_text(form, found)].tobytes())
    arrays = {}
    for i, (label, kind) in enumerate(text["arrays"].items()):
        start, stop = slots[FIRST + 2 * i], slots[FIRST + 2 * i + 1]
        arrays[label] = found[start:stop].view(kind)
    return arrays, text


def verify(form: Form, found: Bytes, name: str) -> None:
    """Sum all bytes of an index of which opening sums the head only.

    Raises
    ------
    InputError
        When one of them is not as it was saved.
    """
    body = _up(_end_of_text(form, found))
    if zlib.crc32(found[body:].data) != found[: form.page].view(np.int64)[_BODY]:
        raise InputError(f"{name} is damaged: its checksum is not the one it was saved with; save it anew")


def map_file(form: Form, source: Path) -> Bytes:
    """Map the file of an index; several processes that do share its memory.

    Raises
    ------
    InputError
        When there is no file, or it cannot be an index.
    """
    if not source.exists():
        raise InputError(f"{source} does not exist; {form.made_by.replace('make one', 'make an index', 1)}")
    if not source.is_file() or source.stat().st_size < form.page:
        raise InputError(f"{source} is not {form.called}; {form.made_by}")
    return np.memmap(source, dtype=np.uint8, mode="r").view(np.ndarray)


def _end_of_text(form: Form, found: Bytes) -> int:
    return min(form.page + int(found[: form.page].view(np.int64)[_TEXT]), len(found))


def _checksum(form: Form, found: Bytes) -> int:
    """Return the checksum, its own place taken as zero: a wrong page would lead kernels astray."""
    page = found[: form.page].copy()
    page.view(np.int64)[_CHECKSUM] = 0
    end = len(found) if form.whole else _end_of_text(form, found)
    return zlib.crc32(found[form.page : end].data, zlib.crc32(page.data))


def _up(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED
