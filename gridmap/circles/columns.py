"""Which columns stations, circles and coverage have wherever they are kept; every row holds for a while."""

from __future__ import annotations

from typing import Final

VALIDITY: Final = ("valid_from", "valid_to")
STATION_COLUMNS: Final = ("station", "name", "kind", "capacity", "outcome", "reason", *VALIDITY)
CIRCLE_COLUMNS: Final = ("station", "minutes", "outcome", "reason", "area_m2", "speed_m_s", *VALIDITY)
COVERAGE_COLUMNS: Final = ("area", "minutes", "total", "covered", *VALIDITY)
