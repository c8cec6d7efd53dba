"""The map and the documentation: nothing of them comes from anywhere else, and people are masked."""

from __future__ import annotations

import contextlib
import gzip
import re
import shutil
import subprocess
import threading
import time

import pytest
import uvicorn

from gridmap.api.app import create_app
from gridmap.api.serve import bind, url_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def test_the_map_is_the_plans(client, plan):
    response = client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert plan.version in response.text
    assert "default-src 'none'" in response.text
    assert not re.search(r"""<(?:script|img|link)[^>]*(?:src|href)=["']?(?:https?:)?//""", response.text)


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/start.js"])
def test_pages_are_compressed_once_and_asked_for_again(client, path):
    plain = client.get(path, headers={"accept-encoding": "identity"})
    small = client.get(path, headers={"accept-encoding": "gzip"})
    assert (plain.status_code, small.status_code) == (200, 200)
    assert small.content == plain.content
    assert small.headers["content-encoding"] == "gzip"
    assert small.headers["etag"] != plain.headers["etag"]
    for response in (plain, small):
        assert response.headers["cache-control"] == "no-cache"
        encoding = response.headers.get("content-encoding", "identity")
        again = client.get(path, headers={"accept-encoding": encoding, "if-none-match": response.headers["etag"]})
        assert again.status_code == 304
    if path.endswith(".js") and "bundle" in path:
        assert len(gzip.compress(plain.content)) < len(plain.content) / 3


def test_the_documentation_links_to_nothing_outside(client):
    page = client.get("/docs")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for link in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert link.startswith("data:") or client.get(f"/{link}").status_code == 200


@contextlib.contextmanager
def serving(source):
    with bind("127.0.0.1", 0) as taken:
        server = uvicorn.Server(uvicorn.Config(create_app(source), log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield url_of(taken)
        finally:
            server.should_exit = True
            thread.join()


def dom_of(url, folder):
    options = (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
        "--virtual-time-budget=20000", f"--user-data-dir={folder}", "--dump-dom",
    )  # fmt: skip
    done = subprocess.run([CHROMIUM, *options, url], capture_output=True, timeout=120, check=True)
    return done.stdout.decode(), done.stderr.decode()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)")
def test_the_documentation_shows_every_operation_in_a_browser(source, tmp_path):
    with serving(source) as url:
        dom, said = dom_of(f"{url}docs", tmp_path / "docs")
    for path in ("/v1/locate", "/v1/locate:batch", "/v1/grids/{code}", "/health"):
        assert f'data-path="{path}"' in dom
    assert "Content Security Policy" not in said
    assert "Failed to load" not in dom


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)")
def test_the_map_opens_in_a_browser(source, tmp_path):
    with serving(source) as url:
        dom, said = dom_of(url, tmp_path / "map")
    assert "leaflet-container" in dom
    assert "Content Security Policy" not in said
    assert "Uncaught" not in said
