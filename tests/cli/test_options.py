"""The small languages of the options refuse what they do not understand, and say what they do."""

from __future__ import annotations

import pytest

from gridmap.cli import options
from gridmap.errors import InputError


@pytest.mark.parametrize("value", ["", "12,,x", "0,5", "-1", "1,2,3,4,5", "large=3,5", "12.5"])
def test_levels_refuse_what_is_not_a_count(value):
    with pytest.raises(InputError, match="12,198,2021,253"):
        options.parse_levels(value)


def test_levels_may_have_any_names():
    assert options.parse_levels("town=3,block=20") == {"town": 3, "block": 20}


@pytest.mark.parametrize("value", ["cells.gpkg", "cells.gpkg:", ":area", "cells.gpkg:area/0", "cells.gpkg:area/x"])
def test_weights_refuse_what_is_not_file_and_column(value):
    with pytest.raises(InputError, match="FILE:COLUMN"):
        options.parse_weights(value)


@pytest.mark.parametrize("value", ["large", "=x.gpkg", "large=x.gpkg:a:b:c", "large=:a"])
def test_named_layers_refuse_what_has_no_level_or_too_many_names(value):
    with pytest.raises(InputError, match="FILE"):
        options.parse_named_layer(value)


@pytest.mark.parametrize("value", ["120.3", "120.3,31.5,2", "east,north"])
def test_a_point_is_two_numbers(value):
    with pytest.raises(InputError, match="--at"):
        options.parse_point(value)
