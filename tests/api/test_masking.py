"""Full names and phones never leave: not in an answer, not in a page, not in a problem."""

from __future__ import annotations

import pytest
from api_made import PEOPLE


def everything(client, plan):
    point = plan["small"].geometry.iloc[0].representative_point()
    place = {"lon": point.x, "lat": point.y}
    for at in ("2026-02-01", "2026-05-01"):
        for duty in ({}, {"duty": "E0203"}, {"duty": "P0101"}):
            for accuracy in ({}, {"accuracy_m": 900}):
                yield client.get("/v1/locate", params=place | duty | accuracy | {"at": at})
                yield client.post("/v1/locate:batch", json={"points": [place | duty | accuracy | {"at": at}]})
            csv = f"lon,lat,at\n{point.x},{point.y},{at}\n"
            yield client.post("/v1/locate:batch", content=csv, headers={"content-type": "text/csv"})
        for level in plan.layers:
            for code in plan[level].index[:2]:
                for accept in ("application/json", "application/geo+json"):
                    yield client.get(f"/v1/grids/{code}", params={"at": at}, headers={"accept": accept})
    for path in ("/", "/docs", "/openapi.json", "/health", "/v1/grids/9", "/v1/locate?lon=nan", "/x"):
        yield client.get(path)


@pytest.mark.parametrize("accept_language", ["zh", "en"])
def test_nothing_tells_who_somebody_is(client, plan, accept_language):
    client.headers["accept-language"] = accept_language
    texts = [response.text for response in everything(client, plan)]
    assert sum("**" in text for text in texts) > 40  # people are in them
    for text in texts:
        for name, phone in PEOPLE.items():
            assert name not in text
            assert phone not in text
            assert name.encode("unicode_escape").decode() not in text
