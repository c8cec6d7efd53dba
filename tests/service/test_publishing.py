"""What must be true of publishing, whatever was published before."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plans_made import TOWNS, cells, county, merged, renamed, split
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import Range

from gridmap.errors import AccessError, ConflictError, InputError, PlanError, UnknownNameError
from gridmap.service import publishing
from gridmap.store.models import Assignment, Audit, Grid, Lineage, PlanVersion, Publication, State
from gridmap.store.plans import read_version

SMALL = "320299001001001"
FIRST = county(name="first")
SECOND = county(split(SMALL, "320299001001005", "320299001001006"), name="second")
THIRD = county(merged("320299002001001", "320299002001002", "320299002001007"), name="third")


def put(store, plan, *, effective=None, town="*"):
    """Propose, approve and publish."""
    with store.transaction(actor="planner", jurisdiction=town) as session:
        publishing.propose(session, plan, commit=True)
    with store.transaction(actor="county") as session:
        publishing.approve(session, plan.version, commit=True)
    with store.transaction(actor="county") as session:
        return publishing.publish(session, plan.version, effective=effective, commit=True)


def version_at(store, at):
    with store.transaction(actor="reader") as session:
        return publishing.version_in_force(session, at)


def active(session, at):
    """Return the codes in force at a time by the grids' own periods: the second way."""
    return set(session.execute(select(Grid.level, Grid.code).where(Grid.active.contains(at))).all())


def codes(plan):
    return {(level, code) for level, layer in plan.layers.items() for code in layer.index}


def now():
    return datetime.now(UTC)


def test_a_published_plan_reads_back_bit_by_bit_and_is_in_force(store):
    found = put(store, FIRST)
    assert found.committed
    assert found.base is None
    with store.transaction(actor="reader") as session:
        back = read_version(session, FIRST.version, whole=True)
        assert back.equals(FIRST)
        assert active(session, now()) == codes(FIRST)
        assert active(session, found.effective - timedelta(seconds=1)) == set()
    assert version_at(store, now()) == FIRST.version
    assert version_at(store, found.effective - timedelta(microseconds=1)) is None


def test_the_next_version_carries_unchanged_grids_forward(store):
    put(store, FIRST)
    found = put(store, SECOND)
    with store.transaction(actor="reader") as session:
        rows = session.execute(select(Grid.code, Grid.id).where(Grid.level == "small")).all()
        assert len(rows) == 16 + 2 + 1  # fourteen are the same rows; one got the vertex where the new border meets it
        before, after = found.effective - timedelta(microseconds=1), found.effective
        assert active(session, before) == codes(FIRST)
        assert active(session, after) == codes(SECOND)
        told = session.execute(select(Lineage.old, Lineage.new, Lineage.share_area)).all()
    assert {(old, new): round(share, 6) for old, new, share in told} == {
        (SMALL, "320299001001005"): 0.5, (SMALL, "320299001001006"): 0.5,
    }  # fmt: skip
    assert list(found.delta.changed["change"]) == ["split"]


def test_a_dry_run_changes_nothing(store):
    put(store, FIRST)

    def everything(session):
        tables = (PlanVersion, Grid, Lineage, Publication, Audit, State)
        return [session.execute(select(text("xmin::text"), text("*")).select_from(t.__table__)).all() for t in tables]

    with store.transaction(actor="reader") as session:
        before = everything(session)
    with store.transaction(actor="planner") as session:
        found = publishing.propose(session, SECOND)
    assert not found.committed
    with store.transaction(actor="reader") as session:
        assert everything(session) == before
    with store.transaction(actor="planner") as session:
        publishing.propose(session, SECOND, commit=True)
        publishing.approve(session, SECOND.version, commit=True)
    with store.transaction(actor="reader") as session:
        before = everything(session)
    with store.transaction(actor="county") as session:
        assert publishing.publish(session, SECOND.version).delta is not None
    with store.transaction(actor="reader") as session:
        assert everything(session) == before


def test_only_what_is_approved_is_published_and_only_by_the_county(store):
    put(store, FIRST)
    town = TOWNS[0]
    with store.transaction(actor="town", jurisdiction=town) as session:
        publishing.propose(session, SECOND, commit=True)
    with pytest.raises(ConflictError, match="approves it first"), store.transaction(actor="county") as session:
        publishing.publish(session, SECOND.version, commit=True)
    for step in (publishing.approve, publishing.publish, publishing.rollback):
        with pytest.raises(AccessError), store.transaction(actor="town", jurisdiction=town) as session:
            step(session, SECOND.version, commit=True)
    with pytest.raises(AccessError, match="is of 320299001"), store.transaction(actor="t", jurisdiction=TOWNS[1]) as s:
        publishing.propose(s, county(split(SMALL, "320299001001008", "320299001001009")), commit=True)


def test_the_second_of_two_who_publish_is_told(store):
    put(store, FIRST)
    for plan in (SECOND, THIRD):
        with store.transaction(actor="planner") as session:
            publishing.propose(session, plan, commit=True)
            publishing.approve(session, plan.version, commit=True)
    outcomes, barrier = {}, threading.Barrier(2)

    def go(plan):
        try:
            with store.transaction(actor=plan.metadata.name) as session:
                barrier.wait()
                publishing.publish(session, plan.version, commit=True)
            outcomes[plan.version] = "published"
        except ConflictError as error:
            outcomes[plan.version] = str(error)

    threads = [threading.Thread(target=go, args=(plan,)) for plan in (SECOND, THIRD)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(said == "published" for said in outcomes.values()) == [False, True]
    assert any("somebody published first" in said for said in outcomes.values())
    winner = next(version for version, said in outcomes.items() if said == "published")
    assert version_at(store, now()) == winner


def test_a_plan_with_errors_is_refused_and_nothing_stays(store):
    hole = dict(list(cells().items())[1:])
    overlap = cells() | {"320299001001001": (0, 1, 2, 2)}
    with pytest.raises(PlanError, match="overlap"), store.transaction(actor="planner") as session:
        publishing.propose(session, county(overlap), commit=True)
    with store.transaction(actor="reader") as session:
        assert session.scalar(select(func.count()).select_from(PlanVersion)) == 0
        assert session.scalar(select(func.count()).select_from(Grid)) == 0
    put(store, FIRST)
    found = put(store, county(hole))  # less land is no error by itself: it is named as retired
    assert "retired" in set(found.delta.changed["change"])


def test_a_retired_code_never_comes_back_with_another_meaning(store):
    put(store, FIRST)
    put(store, SECOND)
    x, y, x2, y2 = cells()[SMALL]
    again = county(
        {
            key: box
            for key, box in split(SMALL, "320299001001005", "320299001001006").items()
            if key != "320299001001006"
        }
        | {SMALL: ((x + x2) / 2, y, x2, y2)}
    )
    with pytest.raises(PlanError, match=f"retired: {SMALL}"), store.transaction(actor="planner") as session:
        publishing.propose(session, again, commit=True)


def test_rolling_back_puts_the_earlier_version_in_force_again_and_keeps_the_past(store):
    first = put(store, FIRST)
    second = put(store, SECOND)
    with store.transaction(actor="county") as session:
        back = publishing.rollback(session, commit=True)
    assert back.version == FIRST.version
    with store.transaction(actor="reader") as session:
        for at, plan in ((first.effective, FIRST), (second.effective, SECOND), (back.effective, FIRST)):
            assert publishing.version_in_force(session, at) == plan.version
            assert active(session, at) == codes(plan)
        line = publishing.timeline(session)
    assert [each.kind for each in line] == ["publish", "publish", "rollback"]
    assert all(one.until == two.since for one, two in pairwise(line))
    with pytest.raises(ConflictError, match="in force already"), store.transaction(actor="county") as session:
        publishing.rollback(session, FIRST.version, commit=True)


def test_what_begins_later_begins_then_and_can_be_withdrawn_before(store):
    put(store, FIRST)
    later = now() + timedelta(days=30)
    put(store, SECOND, effective=later)
    assert version_at(store, now()) == FIRST.version
    assert version_at(store, later) == SECOND.version
    with store.transaction(actor="planner") as session:
        publishing.propose(session, THIRD, commit=True)
        publishing.approve(session, THIRD.version, commit=True)
    with pytest.raises(ConflictError, match="withdraw it first"), store.transaction(actor="county") as session:
        publishing.publish(session, THIRD.version, commit=True)
    with store.transaction(actor="county") as session:
        publishing.withdraw(session, SECOND.version, commit=True)
    assert version_at(store, later) == FIRST.version
    with store.transaction(actor="county") as session:
        publishing.publish(session, THIRD.version, commit=True)
        assert active(session, later) == codes(THIRD)
    with pytest.raises(ConflictError, match="in force"), store.transaction(actor="county") as session:
        publishing.withdraw(session, THIRD.version, commit=True)


def test_the_past_is_not_published_into(store):
    put(store, FIRST, effective=datetime(2026, 1, 1, tzinfo=UTC))  # a first plan may say since when it was
    with store.transaction(actor="planner") as session:
        publishing.propose(session, SECOND, commit=True)
        publishing.approve(session, SECOND.version, commit=True)
    with pytest.raises(InputError, match="is past"), store.transaction(actor="county") as session:
        publishing.publish(session, SECOND.version, effective=datetime(2026, 5, 1, tzinfo=UTC), commit=True)


def test_who_loses_a_grid_is_named_with_where_its_ground_went(store):
    put(store, FIRST)
    with store.transaction(actor="loader") as session:
        session.add(Assignment(person_id="7", grid=SMALL, town=TOWNS[0], role="网格员", full_time=True, is_primary=True,
                               recorded_by="loader"))  # fmt: skip
    found = put(store, SECOND)
    assert [(each.kind, each.key, each.grid) for each in found.homeless] == [("assignment", "7", SMALL)]
    assert set(found.homeless[0].successors) == {"320299001001005", "320299001001006"}


def test_unknown_versions_are_named(store):
    with pytest.raises(UnknownNameError, match="there is none yet"), store.transaction(actor="county") as session:
        publishing.publish(session, "abc", commit=True)
    put(store, FIRST)
    with pytest.raises(UnknownNameError, match=FIRST.version), store.transaction(actor="county") as session:
        publishing.approve(session, "abc", commit=True)
    with pytest.raises(UnknownNameError, match="nothing to roll back"), store.transaction(actor="county") as session:
        publishing.rollback(session, commit=True)


def test_the_database_itself_refuses_two_current_grids_of_one_code(store):
    put(store, FIRST)
    with store.transaction(actor="x") as session:
        session.add(Grid(level="small", code=SMALL, digest=b"x", geometry=shapely.box(0, 0, 1, 1)))
    activate = text("update gridmap.grid set active = tstzmultirange(tstzrange(now(), null)) where digest = 'x'")
    with pytest.raises(ConflictError, match="one_code_at_a_time"), store.transaction(actor="x") as session:
        session.execute(activate)


def ready(store, plan):
    """Propose and approve."""
    with store.transaction(actor="county") as session:
        publishing.propose(session, plan, commit=True)
        publishing.approve(session, plan.version, commit=True)


def test_what_was_withdrawn_while_it_was_looked_at_is_not_published(store, monkeypatch):
    put(store, FIRST)
    ready(store, SECOND)
    real = publishing.review_plan

    def looked_at(*given):
        with store.transaction(actor="other") as session:
            publishing.withdraw(session, SECOND.version, commit=True)
        return real(*given)

    monkeypatch.setattr(publishing, "review_plan", looked_at)
    with pytest.raises(ConflictError, match="withdrawn by now"), store.transaction(actor="county") as session:
        publishing.publish(session, SECOND.version, commit=True)


@pytest.mark.parametrize(
    "other",
    [
        renamed(FIRST, "small", "320299002001001", responsible_body="另一单位"),
        renamed(FIRST, "medium", "320299002001", name="改名社区"),
        county(lineage=[("small", "320299002001009", "320299002001001", "2026-01-01", 1.0, 1.0, "")]),
    ],
)
def test_a_town_changes_nothing_of_another_not_even_a_word(store, other):
    put(store, FIRST)
    with pytest.raises(AccessError, match="is of 320299002"), store.transaction(actor="t", jurisdiction=TOWNS[0]) as s:
        publishing.propose(s, other, commit=True)
    mine = renamed(SECOND, "medium", "320299001001", name="改名社区")
    with store.transaction(actor="t", jurisdiction=TOWNS[0]) as session:
        assert publishing.propose(session, mine, commit=True).committed


def test_who_approves_is_told_of_codes_that_stand_for_other_ground(store):
    put(store, FIRST)
    boxes = cells()
    one, two = SMALL, "320299001001004"
    with store.transaction(actor="x") as session:
        found = publishing.propose(session, county(boxes | {one: boxes[two], two: boxes[one]}))
    assert set(found.moved_away) == {one, two}
    with store.transaction(actor="x") as session:
        assert publishing.propose(session, SECOND).moved_away == ()


def test_a_scheduled_rollback_can_be_taken_back_and_blocks_nothing_after(store):
    put(store, FIRST)
    put(store, SECOND)
    later = now() + timedelta(days=9)
    with store.transaction(actor="county") as session:
        publishing.rollback(session, FIRST.version, effective=later, commit=True)
    assert version_at(store, later) == FIRST.version
    with pytest.raises(ConflictError, match="withdraw it first"), store.transaction(actor="county") as session:
        publishing.rollback(session, SECOND.version, effective=later, commit=True)
    with store.transaction(actor="county") as session:
        assert publishing.withdraw(session, FIRST.version, commit=True).status == "published"
    assert version_at(store, later) == SECOND.version
    with store.transaction(actor="county") as session:
        assert active(session, later) == codes(SECOND)
        derived = session.scalars(select(Lineage.old).where(Lineage.derived)).all()
    assert derived == [SMALL] * 2


def test_people_are_seen_by_another_town_when_their_grid_is_its_own_not_before(store):
    """An imported plan whose codes say nothing of towns: a small grid changes hands on a day."""
    grid = "320299001002002"  # beside the other town

    def as_is(parent):
        plan = county()
        small = plan["small"]
        small.loc[grid, "parent"] = parent
        layers = {"small": small}
        for above, below in (("medium", "small"), ("large", "medium")):
            layer = plan[above]
            layer["geometry"] = [
                layers[below].geometry[layers[below]["parent"] == code].union_all() for code in layer.index
            ]
            layers[above] = layer
        return replace(plan, layout="as-is", layers={name: layers[name] for name in plan.layers})

    before, after = as_is("320299001002"), as_is("320299002001")
    put(store, before)
    with store.transaction(actor="x") as session:
        for person, until in (("7", None), ("8", datetime(2090, 1, 1, tzinfo=UTC))):
            row = Assignment(person_id=person, grid=grid, town=TOWNS[0], role="", full_time=True, is_primary=True,
                             recorded_by="x")  # fmt: skip
            row.period = Range(now(), until)
            session.add(row)
    later = now() + timedelta(days=30)
    put(store, after, effective=later)

    def towns():
        with store.transaction(actor="x") as session:
            return set(session.scalars(select(Assignment.town)))

    assert towns() == {TOWNS[0]}
    with store.transaction(actor="x") as session:
        publishing.withdraw(session, after.version, commit=True)
    assert towns() == {TOWNS[0]}
    put(store, after)
    assert towns() == {TOWNS[1]}


PLANS = {"first": FIRST, "second": SECOND, "third": THIRD}


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["back", "later", "withdraw", *PLANS]), min_size=2, max_size=6))
def test_at_every_time_there_is_one_version_and_its_grids_are_active(store, steps):
    """Whatever is published, scheduled, withdrawn, rolled back: the timeline is what was done, grids say the same."""
    with store.transaction(actor="x") as session:
        for table in ("publication", "plan_version", "grid"):
            session.execute(text(f"delete from gridmap.{table}"))
    far = now() + timedelta(days=365)
    done = {put(store, FIRST).effective: FIRST.version}
    for step in steps:
        try:
            if step == "withdraw":
                with store.transaction(actor="x") as session:
                    publishing.withdraw(session, done[max(done)], commit=True)
                del done[max(done)]
                continue
            with store.transaction(actor="x") as session:
                found = (
                    publishing.rollback(session, commit=True) if step == "back" else
                    publishing.rollback(session, FIRST.version, effective=far, commit=True) if step == "later" else None
                )  # fmt: skip
            found = found or put(store, PLANS[step])
        except (ConflictError, UnknownNameError, PlanError):
            continue
        done[found.effective] = found.version
    by_version = {plan.version: plan for plan in PLANS.values()}
    with store.transaction(actor="x") as session:
        assert [(each.since, each.version) for each in publishing.timeline(session)] == sorted(done.items())
        for at, version in done.items():
            assert publishing.version_in_force(session, at) == version
            assert active(session, at) == codes(by_version[version])
