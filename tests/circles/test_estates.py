"""Large estates without a station of their own."""

from __future__ import annotations

import pytest
from shapely import MultiPolygon, Point, box

from gridmap.circles.estates import estates_without_station
from gridmap.errors import InputError, LayerError
from tests.network.made import layer

SQUARES = [box(x, 0, x + 100, 100) for x in range(0, 1000, 200)]


def estates(*households, shapes=SQUARES):
    return layer(
        *shapes[: len(households)], name=[f"e{n}" for n in range(len(households))], households=list(households)
    )


def without(asked, *stations, **options) -> list[str]:
    posts = layer(*stations).to_crs(4490)
    return estates_without_station(asked, posts, **options)["name"].tolist()


def test_only_large_estates_count_most_households_first():
    asked = estates(1000, 999, 5000, 1500, 999.9)
    assert without(asked, Point(5000, 0)) == ["e2", "e3", "e0"]
    assert without(asked, Point(5000, 0), at_least=999) == ["e2", "e3", "e0", "e4", "e1"]
    assert without(asked.rename(columns={"households": "flats"}), Point(0, 0), households="flats") == ["e2", "e3"]


@pytest.mark.parametrize(
    ("station", "served"),
    [
        (Point(50, 50), "e0"),
        (Point(100, 50), "e0"),
        (Point(115, 50), "e0"),
        (Point(125, 50), None),
        (box(195, 90, 205, 95), "e1"),
        (None, None),
    ],
    ids=["inside", "on-the-wall", "at-the-gate", "down-the-road", "a-house-on-the-wall", "nowhere"],
)
def test_a_station_stands_inside_or_at_the_gate(station, served):
    asked = estates(1200, 1300)
    assert without(asked, Point(5000, 0), station) == [name for name in ("e1", "e0") if name != served]


def test_a_station_between_two_estates_is_the_own_of_one_only():
    pair = [box(0, 0, 100, 100), box(120, 0, 220, 100)]
    asked = estates(1200, 1300, shapes=pair)
    assert without(asked, Point(108, 50)) == ["e1"]
    assert without(asked, Point(112, 50)) == ["e0"]
    assert without(asked, Point(90, 50)) == ["e1"], "it stands in e0, though e1 is within its gate's distance, too"
    small = estates(1200, 10, shapes=pair)
    assert without(small, Point(112, 50)) == ["e0"], "the small estate's station is not the large one's"
    assert without(asked, Point(108, 50), gate_m=0) == ["e1", "e0"]


def test_an_estate_of_several_parts_needs_one_station():
    assert without(estates(3000, shapes=[MultiPolygon(SQUARES[:2])]), Point(250, 50)) == []


def test_what_is_no_estate_is_refused():
    with pytest.raises(InputError, match="have to be polygons"):
        without(layer(Point(0, 0), name=["e"], households=[2000]), Point(0, 0))
    with pytest.raises(LayerError, match="the estates, row 1: households is many"):
        without(estates(2000, "many"), Point(0, 0))
    with pytest.raises(LayerError, match="the estates have no column 'people'"):
        without(estates(2000), Point(0, 0), households="people")
