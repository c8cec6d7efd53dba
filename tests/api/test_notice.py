"""The public notice over HTTP: a page that the browser lets run nothing, of the people of the day, masked."""

from __future__ import annotations

from api_made import PEOPLE


def test_the_notice_is_a_page_without_scripts_and_without_full_names(client, plan):
    code = plan["small"].index[0]
    answer = client.get(f"/v1/grids/{code}/notice", params={"at": "2026-02-01"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "诸***" in answer.text
    assert "<script" not in answer.text
    assert not any(secret in answer.text for pair in PEOPLE.items() for secret in pair)
    again = client.get(answer.request.url, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_names_in_full_are_not_for_everybody_and_codes_that_are_no_more_say_so(client, plan):
    code = plan["small"].index[0]
    refused = client.get(f"/v1/grids/{code}/notice", params={"unmask": "想看看"})
    assert refused.status_code == 403
    assert client.get("/v1/grids/320299001001901/notice").status_code == 410
    assert client.get("/v1/grids/nobody/notice").status_code == 404
    assert client.get(f"/v1/grids/{code}/notice?level=tiny").status_code == 422


def test_a_reason_may_be_as_long_wherever_names_are_asked_for(client, plan):
    code = plan["small"].index[0]
    for page in ("notice", "responsible"):
        for letters, status in ((500, 403), (501, 422)):  # files show no names, whatever the reason
            answer = client.get(f"/v1/grids/{code}/{page}", params={"unmask": "访" * letters})
            assert answer.status_code == status, (page, letters, answer.text)
