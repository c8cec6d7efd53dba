"""Loading what belongs to the grids: people, organisations, stations and their circles, departments.

Every function takes what was read and says row by row what becomes of it: new, changed, ended, unchanged or refused,
and why. It is a dry run unless it is to be committed. What is on record is never overwritten: from the date on, other
rows hold. See :mod:`gridmap.service.loading_history` for the rule.
"""

from __future__ import annotations

from gridmap.service.loading_departments import DepartmentSource, load_departments, map_departments
from gridmap.service.loading_facts import CircleTables, load_circles, load_stations
from gridmap.service.loading_organisations import load_organisations
from gridmap.service.loading_report import Change, LoadFinding, LoadReport, LoadRow
from gridmap.service.loading_roster import load_roster
from gridmap.service.loading_run import LoadOptions

__all__ = [
    "Change",
    "CircleTables",
    "DepartmentSource",
    "LoadFinding",
    "LoadOptions",
    "LoadReport",
    "LoadRow",
    "load_circles",
    "load_departments",
    "load_organisations",
    "load_roster",
    "load_stations",
    "map_departments",
]
