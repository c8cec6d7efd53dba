"""All tables of the record, under one name."""

from gridmap.store.access_model import ApiKey, AppUser, Audit, Idempotency, State, UserSession
from gridmap.store.base import Base
from gridmap.store.people_model import (
    Assignment,
    Circle,
    CoverageArea,
    Department,
    DepartmentGrid,
    DepartmentMapping,
    Duty,
    Organisation,
    Person,
    Station,
)
from gridmap.store.plans_model import (
    Grid,
    Journal,
    Level,
    Lineage,
    PlanArtefact,
    PlanGrid,
    PlanVersion,
    Publication,
)

__all__ = [
    "ApiKey",
    "AppUser",
    "Assignment",
    "Audit",
    "Base",
    "Circle",
    "CoverageArea",
    "Department",
    "DepartmentGrid",
    "DepartmentMapping",
    "Duty",
    "Grid",
    "Idempotency",
    "Journal",
    "Level",
    "Lineage",
    "Organisation",
    "Person",
    "PlanArtefact",
    "PlanGrid",
    "PlanVersion",
    "Publication",
    "State",
    "Station",
    "UserSession",
]
