"""The address index: immutable, one run of bytes, mapped and shared by whoever answers.

*Objects* are towns, communities, streets, hamlets, estates and landmarks. Below them hang *nodes*: the numbers of the
listed addresses, one level for each number, so that 华阳镇人民路15号24栋 is the street › plate 15 › building 24. Node
ids begin with the objects; the others follow level by level, sorted by parent and number, so that the children of a
node are one run in which neighbours by number are neighbours. *Entries* are the rows (listed addresses) below the
nodes, depth first: the rows below a node are one run too. A row has an entry under its street and under its estate,
community and town.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gridmap.address.model import AddressParts, Step
from gridmap.address.region import Region
from gridmap.address.steps import format_steps, step_of
from gridmap.address.table_texts import Texts
from gridmap.errors import InputError
from gridmap.geo.container import Form, map_file, unpack, verify
from gridmap.geo.files import atomic_path
from gridmap.locate.discs import metres_per_degree

OBJECT_KINDS: Final = ("town", "community", "street", "hamlet", "estate", "landmark")
"""Kinds of objects; the position is the code in the index."""
TOWN, COMMUNITY, STREET, HAMLET, ESTATE, LANDMARK = range(len(OBJECT_KINDS))
CONTRADICTION, FROM_DOOR, NO_POSITION = 1, 2, 4
"""Bits of ``row_flag``: the list has this address at another place too; the position is its door's; it has none."""
FORM: Final = Form(
    b"gmaddrs1", 4096, "an index of addresses", "make one with gridmap addresses build FILE -o addresses.idx", False
)

degree_m: Final = metres_per_degree.py_func
"""Metres of a degree, not compiled: for a call now and then that takes longer to load than to do without."""

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AddressIndex:
    """What is known of the addresses of a county.

    Parameters
    ----------
    content
        All of it, read-only: what its file holds. The arrays share its memory.
    tables
        All arrays by name, those of names, reverse and completion too.
    text
        ``version``, ``region``, ``sources`` (names of the files), ``counts``.

    Notes
    -----
    Of objects (by id): ``object_kind`` (place in :data:`OBJECT_KINDS`), ``object_town``, ``object_community``
    (objects, -1: none), ``object_gate`` (node of the door that most rows of an estate have, -1: none),
    ``object_lon``, ``object_lat``. ``name_object[name_start[i] : name_start[i + 1]]`` are the objects that have the
    name ``i``.

    Of nodes (by id): ``node_row`` (its own row, -1: none), ``node_first`` and ``node_last`` (from the first to before
    the last of its entries in ``entry_row``), ``node_child`` (its children are the nodes from there to before that of
    the next), ``node_lon``, ``node_lat`` (of its own row, else of the one of the rows below with the least sum of
    squared distances to the others). ``node_key`` of inner nodes only: parent << 32 | code of the step.

    Of rows (by id): ``row_lon``, ``row_lat`` (NaN: unknown), ``row_town``, ``row_community`` (objects, -1: none),
    ``row_node``, ``row_flag``.
    """

    content: NDArray[np.uint8]
    tables: Mapping[str, NDArray[Any]]
    text: Mapping[str, Any]

    object_kind: NDArray[np.uint8]
    object_town: Ints
    object_community: Ints
    object_gate: Ints
    node_key: NDArray[np.uint64]
    node_child: Ints
    node_row: Ints
    node_first: Ints
    node_last: Ints
    node_lon: Floats
    node_lat: Floats
    entry_row: Ints
    row_lon: Floats
    row_lat: Floats
    row_town: Ints
    row_community: Ints
    row_node: Ints
    row_flag: NDArray[np.uint8]
    name_start: Ints
    name_object: Ints

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> AddressIndex:
        """Map the file of an index; several processes that do share its memory.

        Raises
        ------
        InputError
            When there is no file, it is not an index of addresses, or its head is damaged; :meth:`verify` looks at the
            rest.
        """
        return cls.from_bytes(map_file(FORM, Path(path)), str(path))

    @classmethod
    def from_bytes(cls, content: NDArray[np.uint8], name: str = "the index") -> AddressIndex:
        """Return the index that is in some bytes; ``name`` says whose they are when they are none."""
        tables, text = unpack(FORM, content, name)
        fields = [field for field in cls.__dataclass_fields__ if field not in ("content", "tables", "text")]
        missing = [field for field in fields if field not in tables]
        if missing:
            raise InputError(f"{name} was made by another version of gridmap (it lacks {missing[0]}); build it anew")
        return cls(content, tables, text, **{field: tables[field] for field in fields})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index as one file, whole or not at all.

        Raises
        ------
        OutputError
            When it cannot be written.
        """
        with atomic_path(path) as draft:
            self.content.tofile(draft)

    def verify(self) -> None:
        """Look at every byte.

        Raises
        ------
        InputError
            When one is not as it was saved.
        """
        verify(FORM, self.content, "the index")

    def __reduce__(self) -> tuple[Any, ...]:
        return AddressIndex.from_bytes, (np.asarray(self.content),)

    @property
    def version(self) -> str:
        """Made from the content: the same list gives the same version."""
        return str(self.text["version"])

    @cached_property
    def region(self) -> Region:
        """Where the county lies."""
        return Region(**self.text["region"])

    @cached_property
    def names(self) -> list[str]:
        """All names, cleaned, official ones and others; the place is the id."""
        return list(Texts("names", self.tables))

    @property
    def object_lon(self) -> Floats:
        """Longitude of every object."""
        return self.node_lon[: len(self.object_kind)]

    @property
    def object_lat(self) -> Floats:
        """Latitude of every object."""
        return self.node_lat[: len(self.object_kind)]

    def objects_of(self, name: int) -> list[int]:
        """Return the objects that have a name."""
        return self._name_object[self._name_start[name] : self._name_start[name + 1]].tolist()

    def title(self, thing: int) -> str:
        """Return the name of an object as the list writes it; empty for -1."""
        return self._titles[self.tables["object_title"][thing]] if thing >= 0 else ""

    def gate_of(self, estate: int) -> int:
        """Return the node of the door that most rows of an estate have, -1 where they have none."""
        return int(self.object_gate[estate])

    def children(self, node: int) -> range:
        """Return the nodes right below a node, by number."""
        return range(self._child[node], self._child[node + 1])

    def code(self, node: int) -> int:
        """Return the code of the step that leads to an inner node; see :func:`gridmap.address.steps.step_code`."""
        return self._key[node - self._objects] & 0xFFFFFFFF

    def number(self, node: int) -> int:
        """Return the number of the step that leads to an inner node."""
        return self.code(node) >> 12

    def parent(self, node: int) -> int:
        """Return the node above; -1 for an object."""
        at = node - self._objects
        return self._key[at] >> 32 if at >= 0 else -1

    def object_of(self, node: int) -> int:
        """Return the object a node hangs below."""
        while (above := self.parent(node)) >= 0:
            node = above
        return node

    def find_number(self, node: int, number: int) -> range:
        """Return the children with a number, whatever letter and word it has."""
        first, last = self._child[node], self._child[node + 1]
        if first == last:
            return range(0)
        low, high = node << 32 | number << 12, node << 32 | (number + 1) << 12
        start = bisect_left(self._key, low, first - self._objects, last - self._objects)
        stop = start
        while stop < last - self._objects and self._key[stop] < high:
            stop += 1
        return range(self._objects + start, self._objects + stop)

    def is_under(self, node: int, other: int) -> bool:
        """Whether a node is another (never -1) or hangs below it."""
        while node > other >= 0:
            node = self.parent(node)
        return node == other >= 0

    def row_of(self, node: int) -> int:
        """Return the row whose address ends at a node, -1 where there is none."""
        return self._row[node]

    def is_contradicted(self, row: int) -> bool:
        """Whether the list has the address of a row (-1: of none) at another place too."""
        return row >= 0 and bool(self.row_flag[row] & CONTRADICTION)

    def rows_under(self, node: int) -> Ints:
        """Return the rows below a node, its own first."""
        return self.entry_row[self.node_first[node] : self.node_last[node]]

    def rows_near(self, lon: float, lat: float, radius_m: float) -> Ints:
        """Return the rows within a radius of a point, ascending."""
        east, north = degree_m(lat)
        order, high = self.tables["row_by_lat"], radius_m / north
        first, last = np.searchsorted(self._lat_sorted, (lat - high, lat + high))
        rows: Ints = order[first:last]
        away = np.hypot((self.row_lon[rows] - lon) * east, (self.row_lat[rows] - lat) * north)
        return np.sort(rows[away <= radius_m])

    def areas_of(self, row: int) -> tuple[str, str]:
        """Return the town and the community of a row."""
        return self.title(int(self.row_town[row])), self.title(int(self.row_community[row]))

    def named_areas(self, thing: int) -> tuple[str, str]:
        """Return the town and the community that an object is in, or is."""
        kind = OBJECT_KINDS[self.object_kind[thing]]
        town = thing if kind == "town" else int(self.object_town[thing])
        community = thing if kind == "community" else int(self.object_community[thing])
        return self.title(town), self.title(community)

    def address(self, row: int) -> str:
        """Return a row's address as the list writes it."""
        return f"{self._heads[self.tables['row_head'][row]]}{self._tails[self.tables['row_tail'][row]]}"

    def steps_to(self, node: int) -> tuple[int, list[Step]]:
        """Return the object a node hangs below, and the numbers from there to it."""
        steps: list[Step] = []
        while (above := self.parent(node)) >= 0:
            steps.insert(0, step_of(self.code(node)))
            node = above
        return node, steps

    def parts_of(self, node: int) -> AddressParts:
        """Return what a node is made of."""
        thing, steps = self.steps_to(node)
        rows, (town, community) = self.rows_under(node), self.named_areas(thing)
        community = community or self.title(_only(self.row_community[rows]))
        kind = OBJECT_KINDS[self.object_kind[thing]]
        return AddressParts(kind, self.title(thing), town, community, tuple(steps))

    def describe(self, node: int, further: Step | None = None) -> str:
        """Return the standard text of a node: the address of its row, else made of its names and numbers.

        Parameters
        ----------
        node
            Of the index.
        further
            A number below it that is not listed.
        """
        row = self.row_of(node)
        if row >= 0 and further is None:
            return self.address(row)
        node, steps = self.steps_to(node)
        numbers = format_steps(steps if further is None else [*steps, further])
        town, community = self.named_areas(node)
        kind = OBJECT_KINDS[self.object_kind[node]]
        front = {"town": "", "community": town, "street": town}.get(kind, town + community)
        name = self.title(node)
        gap = " " if front and front[-1].isascii() and name[:1].isascii() else ""
        return front + gap + name + numbers

    @cached_property
    def _objects(self) -> int:
        return len(self.object_kind)

    @cached_property
    def _row(self) -> memoryview:
        return self.node_row.data

    @cached_property
    def _key(self) -> memoryview:
        return self.node_key.data

    @cached_property
    def _name_start(self) -> memoryview:
        return self.name_start.data

    @cached_property
    def _name_object(self) -> memoryview:
        return self.name_object.data

    @cached_property
    def _child(self) -> memoryview:
        return self.node_child.data

    @cached_property
    def _lat_sorted(self) -> Floats:
        found: Floats = self.row_lat[self.tables["row_by_lat"]]
        return found

    @cached_property
    def _titles(self) -> Texts:
        return Texts("titles", self.tables)

    @cached_property
    def _heads(self) -> Texts:
        return Texts("heads", self.tables)

    @cached_property
    def _tails(self) -> Texts:
        return Texts("tails", self.tables)


def _only(values: Ints) -> int:
    """Return the value that all have, -1 where they differ."""
    return int(values[0]) if len(values) and (values == values[0]).all() else -1
