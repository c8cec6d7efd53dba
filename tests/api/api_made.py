"""People and places of the tests of the API."""

from __future__ import annotations

from pathlib import Path

TOWN = Path(__file__).parents[2] / "data" / "town"

PEOPLE = {
    "欧阳清风": "13911112222",
    "司马长河": "13733334444",
    "诸葛大江": "18655556666",
    "上官小溪": "15077778888",
}
"""Full names and phones: none of them may ever be sent."""
