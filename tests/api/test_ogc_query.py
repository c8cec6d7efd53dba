"""What is asked of the OGC API is refused before tipg and its parser see it, where they would fail or fall."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gridmap.api.ogc_query import MOST_LETTERS, check_filter, check_query
from gridmap.errors import InputError

DEEP = (
    "(" * 900 + "1=1" + ")" * 900, "1=" + "-" * 900 + "1", "1=" + "- " * 900 + "1", "1=" + "(" * 990 + "1" + ")" * 990,
    "not " * 490 + "a=1", "1=" + "1+" * 990 + "1", '{"op":"not","args":[' * 99, "[" * 1990,
)  # fmt: skip
ASK = """
import json, sys
from gridmap.api.ogc_query import check_filter
for written in json.loads(sys.argv[1]):
    try:
        check_filter(written)
    except ValueError:
        pass
"""


def test_a_filter_that_goes_deep_is_an_answer_and_no_end_of_the_process():
    """The parser could end the process: so it is asked in another one."""
    assert max(map(len, DEEP)) <= MOST_LETTERS
    assert subprocess.run([sys.executable, "-c", ASK, json.dumps(DEEP)], check=False).returncode == 0


@pytest.mark.parametrize("written", ["households > 1e999", "households > -1e999", "a = '" + "x" * 3000 + "'"])
def test_numbers_and_texts_without_end_are_refused(written):
    with pytest.raises(InputError, match="filter"):
        check_filter(written)


@pytest.mark.parametrize(
    "written", ["households > -5", "name like '%苑%' and (area_m2 between 1 and 2.5e3)", "a in (1,2,3)"]
)
def test_usual_filters_pass(written):
    check_filter(written)


@pytest.mark.parametrize(
    ("name", "value"),
    [("ids", "9" * 24), ("ids", "1,x"), ("itemId", "9" * 24), ("simplify", "-1"), ("simplify", "-0.0001"), ("z", "-1"),
     ("z", "25"), ("x", "-1"), ("limit", "1e9"), ("offset", "-1")],
)  # fmt: skip
def test_numbers_that_are_none_are_refused_by_name(name, value):
    with pytest.raises(InputError, match=name):
        check_query({name: value})
