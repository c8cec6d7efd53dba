"""A page in headless Chromium: what it became, and what a probe script says of it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1200,800",
    "--virtual-time-budget=10000",
)  # fmt: skip
WATCH = """<script>
window.gmViolations = [];
document.addEventListener("securitypolicyviolation", (event) => gmViolations.push(event.blockedURI));
window.gmErrors = [];
window.addEventListener("error", (event) => gmErrors.push(event.message));
window.addEventListener("load", () => {
  let found;
  try { found = (() => { %s })(); } catch (error) { found = { failed: String(error.stack) }; }
  const place = document.createElement("pre");
  place.id = "gm-probe";
  place.textContent = JSON.stringify(found === undefined ? null : found);
  document.documentElement.append(place);
});
</script>"""


def probe(page: Path, script: str = "", fragment: str = "") -> tuple[object, str]:
    """Open a copy of a page with a probe in it; return what the probe's script returns, and the DOM."""
    assert CHROMIUM is not None
    text = page.read_text(encoding="utf-8")
    assert "<body>" in text
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "page.html"
        copy.write_text(text.replace("<body>", "<body>" + WATCH % script, 1), encoding="utf-8")
        command = [CHROMIUM, *OPTIONS, f"--user-data-dir={folder}/profile", "--dump-dom", copy.as_uri() + fragment]
        done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    dom = done.stdout.decode("utf-8")
    said = re.search(r'<pre id="gm-probe">(.*?)</pre>', dom, flags=re.DOTALL)
    assert said is not None, "the page did not load"
    found = json.loads(html.unescape(said.group(1)))
    assert not (isinstance(found, dict) and "failed" in found), found
    return found, dom


def flag(dom: str, name: str) -> str | None:
    """Return an attribute of the root element, unescaped."""
    found = re.search(rf'<html[^>]*\bdata-{name}="([^"]*)"', dom)
    return None if found is None else html.unescape(found.group(1))
