"""How large a sample is and what lies in it: one table for the county, one for the small town."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

COUNTY_CODE: Final = "320299"


@dataclass(frozen=True)
class BarrierSpec:
    """A river, canal, railway or motorway that crosses the territory.

    Parameters
    ----------
    kind
        ``river``, ``canal``, ``rail`` or ``motorway``.
    angle_deg, offset_m
        Its direction, and how far left of the centre it passes.
    swing_m, wave_m
        How far it winds, and over what length.
    width_m
        From bank to bank; of a railway or motorway its own width.
    verge_m
        How far from its edge the next street runs.
    joins
        Position of the river it begins at; ``None`` crosses from border to border.
    """

    kind: str
    angle_deg: float
    offset_m: float
    swing_m: float
    wave_m: float
    width_m: float
    verge_m: float
    joins: int | None = None


@dataclass(frozen=True)
class Spec:
    """One sample territory.

    Parameters
    ----------
    lon, lat
        Its centre (CGCS2000).
    radius_m
        Half its extent west to east and south to north.
    core_m
        Radius of the built-up core.
    districts, towns
        How many streets (街道) share the core, and how many towns (镇) lie around it.
    core_communities, seat_communities, villages
        Urban communities in the core and at each town's seat; villages in all.
    core_households, seat_households, hamlets
        What one urban community of the core and of a seat holds on average; hamlets a village has on average.
    barriers
        Rivers, canals, railways, motorways.
    field_m2
        Land between tracks, about.
    crossings_m
        The most between two bridges in the core and outside.
    village_first
        Last three digits of the first village's code; ``None`` continues after the urban communities.
    first_town
        Last three digits of the first town's code (100-199 are towns).
    """

    lon: float
    lat: float
    radius_m: tuple[float, float]
    core_m: float
    districts: int
    towns: int
    core_communities: int
    seat_communities: int
    villages: int
    core_households: float
    seat_households: float
    hamlets: float
    barriers: tuple[BarrierSpec, ...]
    field_m2: float
    crossings_m: tuple[float, float]
    village_first: int | None = 201
    first_town: int = 100

    @property
    def urban(self) -> int:
        """How many urban communities there are."""
        return self.core_communities + self.towns * self.seat_communities

    @property
    def communities(self) -> int:
        """How many communities and villages there are."""
        return self.urban + self.villages


COUNTY: Final = Spec(
    lon=120.30,
    lat=31.50,
    radius_m=(17_800.0, 15_200.0),
    core_m=3_300.0,
    districts=4,
    towns=8,
    core_communities=22,
    seat_communities=2,
    villages=160,
    core_households=5_100.0,
    seat_households=3_600.0,
    hamlets=9.0,
    barriers=(
        BarrierSpec("river", 6.0, -1_500.0, 900.0, 7_000.0, 90.0, 14.0),
        BarrierSpec("river", 78.0, 0.0, 600.0, 6_000.0, 60.0, 14.0, joins=0),
        BarrierSpec("canal", 96.0, -7_200.0, 250.0, 8_000.0, 26.0, 10.0),
        BarrierSpec("canal", -4.0, 8_300.0, 300.0, 9_000.0, 24.0, 10.0),
        BarrierSpec("canal", 12.0, -9_300.0, 300.0, 9_000.0, 24.0, 10.0),
        BarrierSpec("rail", -11.0, 3_000.0, 500.0, 20_000.0, 10.0, 14.0),
        BarrierSpec("motorway", 84.0, 5_600.0, 700.0, 18_000.0, 28.0, 18.0),
    ),
    field_m2=230_000.0,
    crossings_m=(550.0, 1_500.0),
)

TOWN: Final = Spec(
    lon=120.3057,
    lat=31.5222,
    radius_m=(1_900.0, 1_650.0),
    core_m=750.0,
    districts=0,
    towns=1,
    core_communities=0,
    seat_communities=3,
    villages=3,
    core_households=0.0,
    seat_households=1_300.0,
    hamlets=5.5,
    barriers=(
        BarrierSpec("river", 74.0, -620.0, 130.0, 2_200.0, 42.0, 12.0),
        BarrierSpec("rail", 4.0, 820.0, 60.0, 5_000.0, 8.0, 12.0),
    ),
    field_m2=110_000.0,
    crossings_m=(420.0, 900.0),
    village_first=None,
)
