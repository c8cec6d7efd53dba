"""The page of a plan: what is in its file, and what must not be."""

from __future__ import annotations

import io
import json
import re

import folium
import pandas as pd
import pytest
from map_made import FakeRoster

import gridmap
from gridmap.errors import InputError, OutputError
from gridmap.maps.plan_map import plan_map, save_map


def data_of(text):
    """Return what the page's scripts read."""
    return json.loads(re.search(r'id="gridmap-data">(.*?)</script>', text, flags=re.DOTALL).group(1))


def saved(page, folder):
    page.save(folder / "map.html")
    return (folder / "map.html").read_text(encoding="utf-8")


def test_the_facade_gives_a_folium_map(plan):
    assert gridmap.plan_map is plan_map
    assert isinstance(plan_map(plan), folium.Map)


@pytest.mark.parametrize("way", ["save", "save_map", "file", "render", "twice", "notebook"])
def test_every_way_of_writing_gives_a_page_that_fetches_nothing(plan, circles, incidents, tmp_path, way):
    page = plan_map(plan, circles, incidents)
    if way == "save":
        text = saved(page, tmp_path)
    elif way == "save_map":
        save_map(page, tmp_path / "map.html")
        text = (tmp_path / "map.html").read_text()
    elif way == "file":
        page.save(target := io.BytesIO(), close_file=False)
        text = target.getvalue().decode()
    elif way == "notebook":
        import html

        text = html.unescape(page._repr_html_())
    else:
        text = page.get_root().render()
        if way == "twice":
            again = page.get_root().render()
            assert text == again
    assert text.count("default-src 'none'") == 1
    markup = re.sub(r"(?s)<script[^>]*>.*?</script>|<style>.*?</style>", "", text)
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?!["']|data:)""", markup)
    assert "cdn" not in markup
    assert text.count("gridmap.open(") == 1


def test_the_same_plan_gives_the_same_page(plan, circles, incidents, tmp_path):
    texts = [saved(plan_map(plan, circles, incidents), tmp_path) for _ in range(2)]
    assert texts[0] == texts[1]


def test_saving_refuses_what_would_be_fetched_and_leaves_what_stood_there(plan, tmp_path):
    target = tmp_path / "map.html"
    target.write_text("old")
    page = plan_map(plan)
    page.get_root().html.add_child(folium.Element('<img src="https://example.org/a.png">'))
    with pytest.raises(OutputError, match=r"example\.org"):
        page.save(target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_layers_of_folium_can_be_added(plan, tmp_path):
    page = plan_map(plan)
    folium.CircleMarker((31.5, 120.4), popup="指挥中心").add_to(page)
    text = saved(page, tmp_path)
    assert "jquery" in text.lower()
    assert "L.circleMarker" in text


def test_levels_names_counts_and_colours(plan, tmp_path):
    data = data_of(saved(plan_map(plan), tmp_path))
    assert [level["title"] for level in data["levels"]] == ["大网格", "中网格", "小网格", "微网格"]
    assert [len(level["codes"]) for level in data["levels"]] == [len(layer) for layer in plan.layers.values()]
    assert data["circles"] is None
    assert data["incidents"] is None
    assert data["title"] == "样例县网格"


def test_the_page_speaks_english(plan, tmp_path, monkeypatch):
    monkeypatch.setenv("GRIDMAP_LANG", "en")
    data = data_of(saved(plan_map(plan), tmp_path))
    assert data["language"] == "en"
    assert data["levels"][0]["title"] == "Large grids"
    assert data["words"]["legend"] == "Layers and legend"


def test_people_are_masked_unless_asked(plan, incidents, tmp_path):
    masked = saved(plan_map(plan, None, incidents, roster=FakeRoster(plan)), tmp_path)
    assert "赵大山" not in masked
    assert "13800001111" not in masked
    assert not re.search("王小[0-9]", masked)
    assert data_of(masked)["people"] == [["网格长", "赵**", "138****1111"], ["网格员", "李**", "139****2222"]]
    full = saved(plan_map(plan, None, incidents, roster=FakeRoster(plan), unmask=True), tmp_path)
    assert "赵大山" in full
    assert re.search("王小[0-9]", full)


def test_a_roster_that_does_not_mask_is_masked_here(plan, tmp_path):
    class Careless(FakeRoster):
        def grid_leaders(self, at=None, unmask=False):
            return super().grid_leaders(at, unmask=True)

    text = saved(plan_map(plan, roster=Careless(plan)), tmp_path)
    assert "赵大山" not in text
    assert "13800001111" not in text


def test_the_roster_of_the_product(plan, tmp_path):
    from gridmap.people.io import as_roster

    code = plan["medium"].index[0]
    roster = as_roster(
        pd.DataFrame({"person_id": ["7"], "name": ["王小明"], "phone": ["13812345678"], "role": ["专职网格员"],
                      "grid": [code], "duties": ["*"]})
    )  # fmt: skip
    assert data_of(saved(plan_map(plan, roster=roster), tmp_path))["people"] == [["专职网格员", "王**", "138****5678"]]


def test_circles_without_their_columns_are_refused(plan, circles):
    with pytest.raises(InputError, match="minutes"):
        plan_map(plan, circles.drop(columns="minutes"))


def test_any_level_names_and_depth(plan, tmp_path):
    made = gridmap.Plan.from_layers({"片区": plan["large"].reset_index()[["code", "name", "geometry"]]}, name="name")
    data = data_of(saved(plan_map(made), tmp_path))
    assert [level["title"] for level in data["levels"]] == ["片区"]
