"""What a page is told of a draft: from the messages alone it knows what the draft knows, and no shape is sent twice."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from draft_made import COMMUNITIES, SIDE, SOUTH, WEST, made_draft, made_streets, middle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString

from gridmap.errors import EditRefused
from gridmap.maps.codec import ALPHABET
from gridmap.maps.draft_desk import Desk
from gridmap.maps.draft_report import UNKNOWN

FIRST, SECOND, THIRD = (f"{COMMUNITIES[0]}{k:03d}" for k in (1, 2, 3))


def decode(text):
    found, value, scale = [], 0, 1
    for letter in text:
        group = ALPHABET.index(letter)
        value += (group & 31) * scale
        scale *= 32
        if not group & 32:
            found.append(-(value + 1) // 2 if value % 2 else value // 2)
            value, scale = 0, 1
    return found


def steps(text):
    return np.cumsum(decode(text)).astype(int).tolist()


class Mirror:
    """A page's knowledge, by the messages alone."""

    def __init__(self, scene):
        scene = json.loads(json.dumps(scene, allow_nan=False))
        self.quantum, self.columns = scene["quantum"], list(scene["columns"])
        self.number, self.homes, self.rings, self.arcs = {}, {}, {}, []
        self.codes, self.label, self.figures, self.kin = [], {}, {}, {}
        self.patch(scene["blocks"])
        self.apply(scene["start"])

    def patch(self, data):
        assert data["first"] <= len(self.arcs)
        at, numbers, x, y = 0, decode(data["arcs"]), 0, 0
        arcs = []
        while at < len(numbers):
            arc, size = [], numbers[at]
            for k in range(size):
                x, y = x + numbers[at + 1 + 2 * k], y + numbers[at + 2 + 2 * k]
                arc.append((x, y))
            arcs.append(arc)
            at += 1 + 2 * size
        self.arcs = self.arcs[: data["first"]] + arcs
        flat = iter(decode(data["shapes"]))
        for row, number, homes in zip(
            steps(data["rows"]), steps(data["numbers"]), decode(data["households"]), strict=True
        ):
            self.rings[row] = [[next(flat) for _ in range(next(flat))] for _ in range(next(flat))]
            self.number[row], self.homes[row] = number, homes

    def apply(self, change):
        change = json.loads(json.dumps(change, allow_nan=False))
        if change["patch"]:
            self.patch(change["patch"])
        self.codes = change["codes"] if change.get("is") == "state" else self.codes + change["codes"]
        self.label.update(zip(steps(change["rows"]), decode(change["label"]), strict=True))
        figures = np.reshape(decode(change["figures"]), (-1, len(self.columns))).tolist()
        self.figures.update(zip(steps(change["grids"]), figures, strict=True))
        self.kin.update(change["kin"])

    def living(self):
        return [row for row, slot in self.label.items() if slot >= 0]

    def shape(self, row):
        lines = []
        for ring in self.rings[row]:
            points = []
            for ref in ring:
                points += self.arcs[ref] if ref >= 0 else self.arcs[~ref][::-1]
            lines.append(np.array(points) * self.quantum)
        return shapely.union_all([shapely.Polygon(line) for line in lines])

    def lonely_m(self):
        """Return the length of the arcs that only one living block has."""
        used = np.zeros(len(self.arcs), dtype=int)
        for row in self.living():
            for ring in self.rings[row]:
                for ref in ring:
                    used[ref if ref >= 0 else ~ref] += 1
        assert used.max() <= 2
        lengths = [LineString(arc).length * self.quantum for arc in self.arcs]
        return float(np.sum(np.array(lengths)[used == 1]))


def must_agree(mirror, draft):
    blocks = draft.blocks().set_index("block")
    living = mirror.living()
    assert {mirror.number[row]: mirror.codes[mirror.label[row]] for row in living} == blocks[draft.finest].to_dict()
    for row in living:
        apart = shapely.hausdorff_distance(mirror.shape(row), blocks.geometry[mirror.number[row]])
        assert apart <= mirror.quantum
    outline = shapely.union_all(blocks.geometry.to_numpy()).length
    assert mirror.lonely_m() == pytest.approx(outline, abs=1e-5)
    metrics = draft.metrics()
    for code, households in zip(metrics.codes, metrics.columns["households"], strict=True):
        assert mirror.figures[mirror.codes.index(code)][0] == round(households)
    gone = set(mirror.codes) - set(metrics.codes)
    assert all(set(mirror.figures[mirror.codes.index(code)]) == {UNKNOWN} for code in gone)
    parents = draft[draft.finest]["parent"].to_dict()
    assert {code: mirror.kin[code][0] for code in parents} == parents


def straight(column):
    """Return a line from below to above the lower community."""
    x = WEST + column * SIDE
    return [[x, SOUTH - SIDE / 9], [x, SOUTH + 4 * SIDE + SIDE / 9]]


REQUESTS = st.one_of(
    st.builds(lambda block, k: {"do": "move", "blocks": [block], "code": k}, st.integers(0, 95), st.integers(0, 7)),
    st.builds(lambda k: {"do": "split", "code": k}, st.integers(0, 7)),
    st.builds(lambda x: {"do": "split", "line": straight(x), "code": int(x // 3)}, st.floats(0.2, 11.8)),
    st.builds(lambda k: {"do": "merge", "code": k}, st.integers(0, 6)),
    st.just({"do": "undo"}),
    st.just({"do": "undo"}),
    st.just({"do": "redo"}),
    st.just({"do": "option", "number": 0}),
)


def ready(request, draft):
    """Give a request the codes that the draft has now."""
    codes = draft.metrics().grids.index
    at = request.get("code", 0) % (len(codes) - 1)
    return {**request, "code": codes[at], "codes": list(codes[at : at + 2]), "to": codes[at]}


@pytest.fixture(scope="module")
def begun():
    return made_draft()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests=st.lists(REQUESTS, min_size=4, max_size=9))
def test_a_page_knows_what_the_draft_knows_from_the_messages_alone(begun, requests):
    draft = begun.branch()
    desk = Desk(draft)
    mirror = Mirror(desk.scene)
    must_agree(mirror, draft)
    for request in requests:
        told = desk.answer(ready(request, draft))
        assert told["is"] in ("update", "refused", "failed")
        if told["is"] == "update":
            mirror.apply(told)
        must_agree(mirror, draft)
    late = Mirror(desk.scene)  # a page that was not there
    late.apply(desk.answer({"do": "open"}))
    must_agree(late, draft)


def test_a_move_sends_labels_and_figures_only(begun):
    desk = Desk(begun.branch(), made_streets())
    told = desk.answer({"do": "move", "blocks": [3], "to": FIRST})
    assert told["patch"] is None
    assert len(decode(told["label"])) == 1
    assert len(json.dumps(told)) < len(json.dumps(desk.scene)) / 3
    rows = {row["code"]: (row["before"][0], row["after"][0]) for row in told["edit"]["rows"]}
    assert rows == {FIRST: (240, 280), SECOND: (240, 200)}
    assert told["edit"]["before"]["in_band"] == 1.0
    assert told["whole"]["in_band"] == 0.75


def test_a_line_sends_the_blocks_it_cuts_and_those_that_touch_them(begun):
    desk = Desk(begun.branch())
    told = desk.answer({"do": "split", "code": THIRD, "line": straight(6.78)})
    numbers = set(steps(told["patch"]["numbers"]))
    cut = {6, 18, 30, 42}
    assert not numbers & cut
    new = {number for number in numbers if number >= 96}
    assert len(new) == 8
    assert numbers - new <= {5, 17, 29, 41, 7, 19, 31, 43, 53, 54, 55, 66}


def test_a_refusal_says_where_and_its_offer_can_be_taken(begun):
    draft = begun.branch()
    desk = Desk(draft)
    told = desk.answer({"do": "split", "code": THIRD, "line": straight(6.5)})
    assert (told["is"], told["rule"], told["title"][0]) == ("refused", "building_cut", "会切开建筑")
    west, _, east, _ = told["bounds"]
    assert WEST + 6 * SIDE < west <= east < WEST + 7 * SIDE
    assert len(told["options"]) == 1
    assert shapely.from_geojson(told["lines"][0]).length > 4 * SIDE
    assert desk.answer({"do": "option", "number": 0})["is"] == "update"
    assert draft.metrics().buildings_cut == 0
    assert desk.answer({"do": "option", "number": 0})["is"] == "failed"


def test_a_lasso_picks_what_the_draft_says(begun):
    desk = Desk(begun.branch())
    ring = [middle(c, r) for c, r in ((-0.4, -0.4), (2.4, -0.4), (2.4, 1.4), (-0.4, 1.4))]
    assert desk.answer({"do": "lasso", "ring": ring})["blocks"] == [0, 1, 2, 12, 13, 14]


def test_what_cannot_be_asked_or_is_not_there_is_said(begun):
    desk = Desk(begun.branch())
    assert "rebalance" in desk.answer({"do": "plan"})["message"]
    assert "no grid" in desk.answer({"do": "split", "code": "7"})["message"]
    assert desk.answer({"do": "undo"})["rule"] == "nothing_to_do"
    assert desk.answer({"do": "split", "code": FIRST, "line": [[1, 2]]})["is"] == "failed"


def test_locks_hold_and_a_proposal_is_a_plan(begun):
    draft = begun.branch()
    desk = Desk(draft)
    assert desk.answer({"do": "propose", "note": "早"})["is"] == "refused"
    assert desk.answer({"do": "lock", "codes": [FIRST]})["locked"] == [FIRST]
    assert desk.answer({"do": "move", "blocks": [3], "to": FIRST})["rule"] == "locked"
    assert desk.answer({"do": "unlock", "codes": [FIRST]})["locked"] == []
    assert desk.answer({"do": "move", "blocks": [3], "to": FIRST})["is"] == "update"
    told = desk.answer({"do": "propose", "note": "并户"})
    assert told["proposed"] == desk.proposed.version
    assert desk.proposed["small"].loc[FIRST, "households"] == 280
    with pytest.raises(EditRefused):
        begun.branch().propose("nothing was done")
