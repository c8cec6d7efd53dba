"""gridmap: the multi-level grids of a county, from streets to the responsible person.

Every public name can be imported from here; what lies behind it is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gridmap.address.geocoder import Geocoder
    from gridmap.cases.incidents import join_incidents
    from gridmap.circles.catchment import Catchments, catchments
    from gridmap.circles.cover import Coverage, coverage
    from gridmap.circles.demand import Demand, place_demand
    from gridmap.circles.isochrones import service_circles
    from gridmap.circles.siting import Siting, propose_stations
    from gridmap.errors import EditRefused
    from gridmap.geo.io import read_layer
    from gridmap.geo.repair import Repaired, repair
    from gridmap.grids.blocks import Weights, make_blocks
    from gridmap.grids.check import check_plan
    from gridmap.grids.compare import Delta, compare_plans
    from gridmap.grids.departments import Integration, integrate
    from gridmap.grids.draft import Draft, Edit
    from gridmap.grids.draw import draw_plan
    from gridmap.grids.editable import blocks_from_plan
    from gridmap.grids.io import read_plan
    from gridmap.grids.plan import LevelSpec, Plan
    from gridmap.locate.locator import Candidate, Locator, Placement
    from gridmap.maps.circle_map import circle_map
    from gridmap.maps.diff_map import diff_map
    from gridmap.maps.draft_map import draft_map
    from gridmap.maps.plan_map import plan_map
    from gridmap.network.io import read_network
    from gridmap.network.model import WalkNetwork
    from gridmap.network.pace import Pace
    from gridmap.people.io import read_roster
    from gridmap.people.roster import Responsible, Roster

__version__ = "0.1.0"

_HOME = {
    "Candidate": "gridmap.locate.locator",
    "Catchments": "gridmap.circles.catchment",
    "Coverage": "gridmap.circles.cover",
    "Delta": "gridmap.grids.compare",
    "Demand": "gridmap.circles.demand",
    "Draft": "gridmap.grids.draft",
    "Edit": "gridmap.grids.draft",
    "EditRefused": "gridmap.errors",
    "Integration": "gridmap.grids.departments",
    "Geocoder": "gridmap.address.geocoder",
    "LevelSpec": "gridmap.grids.plan",
    "Locator": "gridmap.locate.locator",
    "Pace": "gridmap.network.pace",
    "Placement": "gridmap.locate.locator",
    "Plan": "gridmap.grids.plan",
    "Repaired": "gridmap.geo.repair",
    "Responsible": "gridmap.people.roster",
    "Roster": "gridmap.people.roster",
    "Siting": "gridmap.circles.siting",
    "WalkNetwork": "gridmap.network.model",
    "Weights": "gridmap.grids.blocks",
    "blocks_from_plan": "gridmap.grids.editable",
    "catchments": "gridmap.circles.catchment",
    "check_plan": "gridmap.grids.check",
    "circle_map": "gridmap.maps.circle_map",
    "compare_plans": "gridmap.grids.compare",
    "coverage": "gridmap.circles.cover",
    "diff_map": "gridmap.maps.diff_map",
    "draft_map": "gridmap.maps.draft_map",
    "draw_plan": "gridmap.grids.draw",
    "integrate": "gridmap.grids.departments",
    "join_incidents": "gridmap.cases.incidents",
    "make_blocks": "gridmap.grids.blocks",
    "place_demand": "gridmap.circles.demand",
    "plan_map": "gridmap.maps.plan_map",
    "propose_stations": "gridmap.circles.siting",
    "read_layer": "gridmap.geo.io",
    "read_network": "gridmap.network.io",
    "read_plan": "gridmap.grids.io",
    "read_roster": "gridmap.people.io",
    "repair": "gridmap.geo.repair",
    "service_circles": "gridmap.circles.isochrones",
}

__all__ = [
    "Candidate",
    "Catchments",
    "Coverage",
    "Delta",
    "Demand",
    "Draft",
    "Edit",
    "EditRefused",
    "Geocoder",
    "Integration",
    "LevelSpec",
    "Locator",
    "Pace",
    "Placement",
    "Plan",
    "Repaired",
    "Responsible",
    "Roster",
    "Siting",
    "WalkNetwork",
    "Weights",
    "__version__",
    "blocks_from_plan",
    "catchments",
    "check_plan",
    "circle_map",
    "compare_plans",
    "coverage",
    "diff_map",
    "draft_map",
    "draw_plan",
    "integrate",
    "join_incidents",
    "make_blocks",
    "place_demand",
    "plan_map",
    "propose_stations",
    "read_layer",
    "read_network",
    "read_plan",
    "read_roster",
    "repair",
    "service_circles",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"gridmap has no {name!r}; it has {', '.join(sorted(_HOME))}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
