"""A made county for the tests of publishing: two towns, two communities each, four grids a community; all boxes."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import shapely

from gridmap.grids.frames import canonical_table
from gridmap.grids.plan import LevelSpec, Plan, PlanMetadata

LEVELS = (LevelSpec("large"), LevelSpec("medium"), LevelSpec("small"))
TOWNS = ("320299001", "320299002")
STEP = 0.01


def cells() -> dict[str, tuple[int, int, int, int]]:
    """Return the sixteen small grids: code → box in steps from the corner."""
    found = {}
    for town in range(2):
        for community in range(2):
            for place in range(4):
                code = f"3202990{town + 1:02d}{community + 1:03d}{place + 1:03d}"
                x, y = 4 * town + 2 * community + place % 2, 1 - place // 2
                found[code] = (x, y, x + 1, y + 1)
    return found


def county(boxes: dict[str, tuple[int, int, int, int]] | None = None, *, name: str = "", lineage=()) -> Plan:
    """Return a plan of small grids; what is above follows from their codes."""
    boxes = cells() if boxes is None else boxes
    shapes = {code: shapely.box(*(120 + x * STEP if at % 2 == 0 else 31 + x * STEP for at, x in enumerate(box)))
              for code, box in boxes.items()}  # fmt: skip
    # vertices where neighbours have theirs: a seamless coverage shares them
    noded = dict(zip(shapes, _noded(list(shapes.values())), strict=True))
    layers = {}
    for spec, digits in zip(LEVELS, (9, 12, 15), strict=True):
        groups: dict[str, list[shapely.Geometry]] = {}
        for code, shape in noded.items():
            groups.setdefault(code[:digits], []).append(shape)
        merged = {code: shapely.union_all(parts) for code, parts in groups.items()}
        layers[spec.name] = gpd.GeoDataFrame(
            {
                "code": list(merged), "name": [f"网格{code[-3:]}" for code in merged], "kind": "base",
                "parent": [None if digits == 9 else code[: digits - 3] for code in merged],
                "households": [400.0 * len(groups[code]) for code in merged],
                "area_m2": [1e6 * each.area / STEP**2 for each in merged.values()],
            },
            geometry=list(merged.values()), crs=4490,
        )  # fmt: skip
    columns = ("level", "old", "new", "date", "share_area", "share_households", "document")
    rows = gpd.pd.DataFrame(list(lineage), columns=list(columns))
    plan = Plan(LEVELS, layers, "default", PlanMetadata(name, "320299"))
    return replace(plan, lineage=canonical_table(rows, columns, "lineage")) if lineage else plan


def _noded(shapes: list[shapely.Geometry]) -> list[shapely.Geometry]:
    corners = shapely.MultiPoint(shapely.get_coordinates(shapes))
    return [shapely.snap(shape, corners, STEP / 100) for shape in shapes]


def without(boxes: dict[str, tuple[int, int, int, int]], *codes: str) -> dict[str, tuple[int, int, int, int]]:
    return {code: box for code, box in boxes.items() if code not in codes}


def split(code: str, left: str, right: str, boxes: dict[str, tuple[int, int, int, int]] | None = None):
    """Return the county with one grid cut in two."""
    boxes = cells() if boxes is None else boxes
    x, y, x2, y2 = boxes[code]
    return without(boxes, code) | {left: (x, y, (x + x2) / 2, y2), right: ((x + x2) / 2, y, x2, y2)}


def renamed(plan: Plan, level: str, code: str, **columns: object) -> Plan:
    """Return a plan in which something else is recorded of a grid."""
    layer = plan[level]
    for name, value in columns.items():
        layer.loc[code, name] = value
    return replace(plan, layers={**plan.layers, level: layer})


def merged(one: str, two: str, new: str, boxes: dict[str, tuple[int, int, int, int]] | None = None):
    """Return the county with two neighbouring grids made one."""
    boxes = cells() if boxes is None else boxes
    a, b = boxes[one], boxes[two]
    return without(boxes, one, two) | {new: (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))}
