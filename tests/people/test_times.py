"""Times are read as they are written, or not at all."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.people.times import _read_written, at_microseconds, microseconds, read_times

MOMENT = datetime(2026, 5, 1, 8, 30, tzinfo=timezone(timedelta(hours=8)))


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-01 08:30", "2026-05-01T08:30:00+08:00", "2026-05-01T08:30:00+08", "2026-05-01T00:30Z", "2026/5/1 8:30",
        "2026年5月1日 8:30", "2026年05月01日8时30分", "2026年5月1日 8时30分0秒", "2026-04-30T19:30:00-0500",
        " 2026.5.1 8:30:00.000 ",
    ],
)  # fmt: skip
def test_one_moment_written_in_many_ways(text):
    times, unreadable = read_times(pd.Series([text]))
    assert not unreadable[0]
    assert times[0] == MOMENT


@pytest.mark.parametrize(
    "text", ["05/06/2026", "08:30", "now", "today", "1714521600", "45778", "2026-02-30", "2026-05-01 25:00", "明天"]
)
def test_what_could_mean_two_things_is_not_guessed(text):
    times, unreadable = read_times(pd.Series([text]))
    assert unreadable[0]
    assert times.isna()[0]


def test_nothing_is_nothing_and_the_end_of_days_is_a_day():
    times, unreadable = read_times(pd.Series([None, "", float("nan"), "9999-12-31", "1500-01-01"], dtype=object))
    assert not unreadable.any()
    assert times.isna().tolist() == [True, True, True, False, False]
    assert microseconds(times, 0.0).argmax() == 3


@given(st.datetimes(datetime(1950, 1, 1), datetime(2200, 1, 1)), st.integers(-720, 720))
def test_what_python_writes_is_read_back(naive, minutes):
    aware = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    times, _ = read_times(pd.Series([aware.isoformat(), aware.isoformat(" ", "seconds")]))
    assert times[0] == aware
    assert times[1] == aware.replace(microsecond=0)
    assert at_microseconds(aware) == pytest.approx(aware.timestamp() * 1e6, abs=1)


def spelled(moment: datetime, layout: str, zone: str) -> str:
    return moment.strftime(layout) + zone


SPELLINGS = st.one_of(
    st.builds(
        spelled,
        st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)),
        st.sampled_from(
            ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H", "%Y-%m-%d %H:%M:%S.%f", "%Y/%m/%d %H:%M"]
        ),
        st.sampled_from(["", "Z", "+08", "+08:00", "-0530", " +08:00", "+08:60"]),
    ),
    st.sampled_from(
        ["2026-02-30", "2026-05-01 24:00", "", " ", "now", " 2026-05-01 08:30 ", "2026年5月1日", "0000-01-01"]
    ),
    st.none(),
)


@given(st.lists(SPELLINGS, max_size=6))
def test_the_fast_way_reads_what_the_slow_way_reads(texts):
    column = pd.Series(texts, dtype="str")
    times, unreadable = read_times(column)
    slow, odd = _read_written(column.astype(object))
    assert microseconds(times, 0.5).tolist() == microseconds(slow, 0.5).tolist()
    assert unreadable.tolist() == odd.tolist()
