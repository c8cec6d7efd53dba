"""Many short texts as two arrays: what a mapped file can hold and read one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray


def text_tables(name: str, texts: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return texts as the arrays ``{name}_bytes`` (UTF-8) and ``{name}_start``.

    Examples
    --------
    >>> tables = text_tables("title", ["花山镇", "", "虹桥路"])
    >>> tables["title_start"].tolist(), list(Texts("title", tables))
    ([0, 9, 9, 18], ['花山镇', '', '虹桥路'])
    """
    coded = [text.encode() for text in texts]
    start = np.zeros(len(coded) + 1, dtype=np.int32)
    np.cumsum([len(each) for each in coded], out=start[1:])
    return {f"{name}_bytes": np.frombuffer(b"".join(coded), dtype=np.uint8), f"{name}_start": start}


class Texts(Sequence[str]):
    """The texts of :func:`text_tables`, each read when it is asked for.

    Parameters
    ----------
    name
        Of the arrays.
    tables
        That hold them.
    """

    def __init__(self, name: str, tables: Mapping[str, NDArray[Any]]) -> None:
        self._bytes, self._start = tables[f"{name}_bytes"].data, tables[f"{name}_start"].data

    def __len__(self) -> int:
        return len(self._start) - 1

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return [self[each] for each in range(len(self))[at]]
        place = range(len(self))[at]
        return str(self._bytes[self._start[place] : self._start[place + 1]], "utf-8")

    def __iter__(self) -> Iterator[str]:
        whole, start = bytes(self._bytes), self._start.tolist()
        return (whole[a:b].decode() for a, b in pairwise(start))
