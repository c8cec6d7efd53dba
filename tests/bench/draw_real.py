"""Real places: superblocks in Xinwu, buildings in Liechtenstein, blocks of Washington, a layer of Hsinchu repaired."""

from __future__ import annotations

import random
from collections.abc import Callable

import geopandas as gpd
import numpy as np
import shapely
from bench import SHARED, Bars, out, print_table, seconds_of, short

import gridmap
from gridmap.geo.crs import metric_crs_of, to_storage
from gridmap.grids.adjacency import block_borders

COLUMNS = ("", "seconds", "grids", "in band", "of siblings", "broken", "Polsby-Popper", "on main borders", "narrowest")
LEAST_WIDTH_M = 20.0


class Planner:
    """Makes edits at random, as a planner would: neighbours only."""

    def __init__(self, draft: gridmap.Draft, seed: int) -> None:
        self._draft = draft
        self._random = random.Random(seed)

    def move(self) -> Callable[[], object] | None:
        state = self._draft.state
        row = self._random.randrange(len(state.ground))
        beside = state.ground.neighbour[state.ground.start[row] : state.ground.start[row + 1]]
        goals = [int(state.label[other]) for other in beside if state.label[other] != state.label[row]]
        if not goals:
            return None
        code, block = state.levels[state.finest].codes[goals[0]], int(state.ground.block[row])
        return lambda: self._draft.move([block], to=code)

    def split(self) -> Callable[[], object]:
        code = self._code()
        return lambda: self._draft.split(code)

    def merge(self) -> Callable[[], object] | None:
        pair = self._neighbours()
        return pair and (lambda: self._draft.merge(pair))

    def redraw(self) -> Callable[[], object] | None:
        pair = self._neighbours()
        return pair and (lambda: self._draft.redraw(pair))

    def _code(self) -> str:
        level = self._draft.state.levels[self._draft.state.finest]
        return str(level.codes[self._random.choice(np.flatnonzero(level.alive).tolist())])

    def _neighbours(self) -> list[str] | None:
        state, code = self._draft.state, self._code()
        level = state.levels[state.finest]
        slot = level.slot(code)
        for row in np.flatnonzero(state.label == slot):
            for other in state.ground.neighbour[state.ground.start[row] : state.ground.start[row + 1]]:
                goal = state.label[other]
                if goal != slot and level.parent[goal] == level.parent[slot]:
                    return [code, str(level.codes[goal])]
        return None


def _row(name: str, seconds: float, plan: gridmap.Plan, network: gridmap.WalkNetwork | None) -> tuple[list[str], dict]:
    small = plan["small"]
    homes = small["households"]
    siblings = homes.groupby(small["parent"]).transform("mean")
    flat = small.to_crs(metric_crs_of(small))
    compact = float((4 * np.pi * flat.area / flat.length**2).mean())
    # the widest circle that fits into the widest part: its diameter is the width of a grid
    width = 2 * shapely.length(shapely.maximum_inscribed_circle(flat.geometry.values, tolerance=0.5))
    broken = int((gridmap.check_plan(plan)["rule"] == "not_contiguous").sum())
    figures = {
        "county": float(((homes / homes.mean() - 1).abs() <= 0.1).mean()),
        "siblings": float(((homes / siblings - 1).abs() <= 0.1).mean()),
        "compact": compact,
        "narrow": int((np.asarray(width) < LEAST_WIDTH_M).sum()),
        "broken": broken,
        "main": float("nan") if network is None else main_share(plan, network, plan.levels[0].name),
    }
    row = [
        name, short(seconds), " › ".join(str(len(plan[spec.name])) for spec in plan.levels), f"{figures['county']:.1%}",
        f"{figures['siblings']:.1%}", str(broken), f"{compact:.3f}", f"{figures['main']:.1%}",
        f"{float(np.min(width)):.0f} m",
    ]  # fmt: skip
    return row, figures


def main_share(plan: gridmap.Plan, network: gridmap.WalkNetwork, level: str) -> float:
    """Return the share of the border between grids of a level that lies on main streets, water or rail."""
    assert plan.blocks is not None
    borders = block_borders(plan.blocks, network)
    codes = plan.blocks[plan.finest_tiling]
    at = plan.finest_tiling
    while at != level:
        codes = codes.map(plan[at]["parent"])
        at = plan.level_above(at)
    label = codes.to_numpy(object)
    between = label[borders.a] != label[borders.b]
    return float(borders.main_m[between].sum() / borders.length_m[between].sum())


def xinwu(bars: Bars) -> None:
    """Draw 12 › 198 › 2021 of a district whose people live in a few hundred superblocks."""
    folder = SHARED / "xinwu"
    weights = gridmap.Weights(gridmap.read_layer(folder / "built_form_250m.gpkg"), "area_residential_m2", 100)
    network = gridmap.read_network(folder / "roads.gpkg", water=folder / "water.gpkg")
    blocks = gridmap.make_blocks(
        folder / "boundary.gpkg", folder / "roads.gpkg", water=folder / "water.gpkg", weights=weights
    )
    levels = {"large": 12, "medium": 198, "small": 2021, "micro": 253}
    seconds, plan = seconds_of(lambda: gridmap.draw_plan(blocks, network, levels=levels, county_code="320214"))
    row, found = _row("Xinwu", seconds, plan, network)
    print_table("Xinwu, superblocks split", COLUMNS, [row])
    bars.at_least("small grids within ± 10 % of their siblings", "Xinwu", 100 * found["siblings"], 95, "%")
    bars.at_least("border of large grids on main streets, water, rail", "Xinwu", 100 * found["main"], 90, "%")
    bars.at_least("mean Polsby-Popper", "Xinwu", found["compact"], 0.45, "")
    bars.at_most("small grids narrower than 20 m", "Xinwu", found["narrow"], 0, "grids")
    bars.at_most("broken grids", "Xinwu", found["broken"], 0, "grids")


def liechtenstein(bars: Bars) -> None:
    """Draw a country with buildings inside its municipalities: no building is cut."""
    folder = SHARED / "liechtenstein"
    extract = folder / "liechtenstein_2021.osm.pbf"
    towns = gridmap.read_layer(folder / "municipalities_11.geojson")
    code = next(name for name in ("code", "name") if name in towns)
    towns = towns.assign(code=[f"32029900{i:d}" if i < 10 else f"3202990{i:d}" for i in range(1, len(towns) + 1)],
                         name=towns[code])  # fmt: skip
    network = gridmap.read_network(extract, water=extract, rail=extract)
    blocks = gridmap.make_blocks(towns, extract, water=extract, rail=extract, buildings=extract)
    levels = {"medium": len(towns), "small": 120, "micro": 30}
    seconds, plan = seconds_of(
        lambda: gridmap.draw_plan(blocks, network, levels=levels, county_code="320299", within={"medium": towns})
    )
    row, _ = _row("Liechtenstein", seconds, plan, network)
    print_table("Liechtenstein, buildings known", COLUMNS, [row])
    buildings = gridmap.read_layer(extract, role="buildings")
    cut = gridmap.check_plan(plan, buildings=buildings)
    cut = cut[cut["rule"] == "building_cut"]
    out.print(f"{len(buildings):,} buildings")
    bars.at_most("buildings cut", f"Liechtenstein, {len(buildings):,}", len(cut), 0, "buildings")


def dc(bars: Bars) -> None:
    """Draw 8 › 50 › 571 of Washington's census blocks, every block weight 1."""
    read = to_storage(gridmap.read_layer(SHARED / "dc" / "tabblock20.zip"))
    water = read["ALAND20"].to_numpy() == 0 if "ALAND20" in read else np.zeros(len(read), bool)
    blocks = gpd.GeoDataFrame(
        {"block": np.arange(len(read)), "households": np.where(water, 0.0, 1.0), "residents": 0.0, "water": water},
        geometry=read.geometry.values, crs=read.crs,
    )  # fmt: skip
    streets = _outlines(blocks)
    network = gridmap.read_network(streets)
    levels = {"large": 8, "medium": 50, "small": 571}
    seconds, plan = seconds_of(lambda: gridmap.draw_plan(blocks, network, levels=levels, county_code="320299"))
    row, found = _row("Washington DC", seconds, plan, None)
    print_table("Washington DC, every block weight 1", COLUMNS, [row])
    bars.at_most("broken grids", "DC", found["broken"], 0, "grids")


def _outlines(blocks: gpd.GeoDataFrame) -> str:
    """Write the borders of census blocks as streets: they are drawn along them."""
    from bench import CACHE

    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / "dc_streets.gpkg"
    lines = shapely.get_parts(shapely.line_merge(shapely.union_all(shapely.boundary(blocks.geometry.values))))
    gpd.GeoDataFrame({"highway": ["residential"] * len(lines)}, geometry=lines, crs=blocks.crs).to_file(path)
    return str(path)


def hsinchu(bars: Bars) -> None:
    """Repair the official statistical areas."""
    base = gpd.read_parquet(SHARED / "hsinchu" / "base.parquet")
    union = shapely.union_all(to_storage(base).geometry.values)
    seconds, found = seconds_of(lambda: gridmap.repair(base))
    shapes = found.layer.geometry.values
    metric = metric_crs_of(found.layer)
    whole = shapely.union_all(shapes)
    holes = sum(len(part.interiors) for part in shapely.get_parts(whole))
    overlap = float(gpd.GeoSeries(shapes, crs=found.layer.crs).to_crs(metric).area.sum())
    overlap -= float(gpd.GeoSeries([whole], crs=found.layer.crs).to_crs(metric).area.iloc[0])
    area = float(gpd.GeoSeries([union], crs=found.layer.crs).to_crs(metric).area.iloc[0])
    now = float(gpd.GeoSeries(shapes, crs=found.layer.crs).to_crs(metric).area.sum())
    out.print(f"Hsinchu base: {len(base):,} polygons repaired in {seconds:.1f} s, {len(found.changes):,} changes")
    bars.at_most("holes after repair", "Hsinchu base", holes, 0, "holes")
    bars.at_most("overlap after repair", "Hsinchu base", abs(overlap), 0.5, "m²")
    bars.at_most("area off the union", "Hsinchu base", 100 * abs(now / area - 1), 0.01, "%")
    before = to_storage(base)
    changed = before.index[~shapely.equals(before.geometry.values, found.layer.geometry.reindex(before.index).values)]
    unnamed = set(map(str, changed)) - set(found.changes["code"])
    bars.at_most(
        "changed polygons without a name", f"Hsinchu base, {len(changed)} changed", len(unnamed), 0, "polygons"
    )
