"""The draft's widget in headless Chromium: real mouse and keys, its messages answered by the real widget.

Chromium is talked to over pipes (``--remote-debugging-pipe``). The page's model hands every message to the Python
widget, whose comm hands every answer back, as a notebook does.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from comm.base_comm import BaseComm
from map_browser import CHROMIUM

PAGE = """<!doctype html><meta charset="utf-8"><style>body{margin:16px;background:#fff}</style><div id="cell"></div>"""
MODEL = """(() => {
const state = %s, heard = {};
const model = {
  get: (name) => state[name],
  set: (name, value) => { state[name] = value; },
  save_changes: () => toPython(JSON.stringify({ method: "update", state: {
    selected_blocks: state.selected_blocks, selected_grids: state.selected_grids } })),
  send: (content) => toPython(JSON.stringify({ method: "custom", content })),
  on: (name, then) => (heard[name] = heard[name] || []).push(then),
  off: (name, then) => { heard[name] = (heard[name] || []).filter((each) => each !== then); },
};
window.fromPython = (message) => {
  if (message.method === "custom") (heard["msg:custom"] || []).forEach((then) => then(message.content));
  if (message.method === "update") for (const [name, value] of Object.entries(message.state)) {
    if (JSON.stringify(state[name]) === JSON.stringify(value)) continue;
    state[name] = value;
    (heard["change:" + name] || []).forEach((then) => then());
  }
};
window.errors = [];
window.addEventListener("error", (event) => errors.push(event.message));
window.addEventListener("unhandledrejection", (event) => errors.push(String(event.reason)));
document.head.append(Object.assign(document.createElement("style"), { textContent: %s }));
const url = URL.createObjectURL(new Blob([%s], { type: "text/javascript" }));
import(url).then((module) => { window.stop = module.default.render({ model, el: document.getElementById("cell") }); });
})()"""


class RecordingComm(BaseComm):
    """A comm that keeps what Python sends."""

    def __init__(self, *args, **kwargs):
        self.sent = []
        super().__init__(*args, **kwargs)

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        self.sent.append(data or {})


class Browser:
    """A page in Chromium: what it is told by mouse and keys, and what it looks like."""

    def __init__(self, width=1360, height=760):
        self.folder = tempfile.mkdtemp()
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        options = [
            "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
            "--disable-background-networking", "--disable-component-update", "--disable-extensions",
            "--disable-sync", f"--user-data-dir={self.folder}", "--remote-debugging-pipe", "about:blank",
        ]  # fmt: skip
        # Chromium reads from 3 and writes to 4.
        command = ["bash", "-c", f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}', CHROMIUM, *options]
        self._process = subprocess.Popen(
            command, pass_fds=(to_read, to_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer, self._number, self.calls, self._session = b"", 0, [], None
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", **size)
        self.command("Page.enable")
        self.command("Runtime.enable")
        self.command("Runtime.addBinding", name="toPython")

    def close(self):
        with contextlib.suppress(OSError):
            self._session = None
            self.command("Browser.close")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        os.close(self._write)
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, method, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        data = memoryview(json.dumps(message).encode() + b"\0")
        while data:
            data = data[os.write(self._write, data) :]
        wanted = self._number
        while True:
            said = self._next()
            if said.get("id") == wanted:
                assert "error" not in said, said["error"]
                return said["result"]
            self._take(said)

    def _next(self, timeout=60):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], timeout)
            assert ready, "the browser says nothing"
            data = os.read(self._read, 1 << 20)
            assert data, "the browser is gone"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(line)

    def _take(self, said):
        if said.get("method") == "Runtime.bindingCalled":
            self.calls.append(json.loads(said["params"]["payload"]))

    def run(self, script):
        """Evaluate a script in the page; return its value."""
        found = self.command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def mouse(self, kind, x, y, **more):
        buttons = {"mousePressed": 1, "mouseReleased": 0}.get(kind, more.pop("buttons", 0))
        button = more.pop("button", "none" if kind == "mouseMoved" and not buttons else "left")
        self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=buttons, **more)

    def click(self, x, y, button="left", count=1):
        self.mouse("mouseMoved", x, y)
        for k in range(count):
            self.mouse("mousePressed", x, y, clickCount=k + 1, button=button)
            self.mouse("mouseReleased", x, y, clickCount=k + 1, button=button)

    def drag(self, points):
        self.mouse("mouseMoved", *points[0])
        self.mouse("mousePressed", *points[0], clickCount=1)
        for point in points[1:]:
            self.mouse("mouseMoved", *point, buttons=1)
        self.mouse("mouseReleased", *points[-1], clickCount=1)

    def picture(self, path):
        Path(path).write_bytes(base64.b64decode(self.command("Page.captureScreenshot")["data"]))


class Stand:
    """A widget and the page it is shown on."""

    def __init__(self, widget, browser):
        self.widget, self.browser = widget, browser
        # ipywidgets talks to whatever comm a widget has
        widget.comm = RecordingComm(target_name="jupyter.widget", comm_id=widget.model_id)
        self.comm = widget.comm
        names = ("scene", "height_px", "selected_blocks", "selected_grids")
        state = json.dumps({name: widget.get_state(name)[name] for name in names})
        browser.run(
            f"window.stop && window.stop(); document.open(); document.write({json.dumps(PAGE)}); document.close();"
        )
        browser.run(MODEL % (state, json.dumps(widget._css), json.dumps(widget._esm)))
        self.wait("document.querySelector('.gmd') && document.querySelector('.gmd').gridmapView ? 1 : 0")
        self.settle()

    def pump(self):
        """Carry messages both ways until none is left."""
        self.browser.run("1")
        while self.browser.calls or self.comm.sent:
            calls, self.browser.calls = self.browser.calls, []
            for data in calls:
                data.setdefault("buffer_paths", [])
                self.widget._handle_msg({"content": {"data": data}, "buffers": []})
            sent, self.comm.sent[:] = list(self.comm.sent), []
            for data in sent:
                if data.get("method") in ("custom", "update"):
                    self.browser.run(f"fromPython({json.dumps(data)})")
            self.browser.run("1")

    def wait(self, script, seconds=15):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.pump()
            found = self.browser.run(script)
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"never true: {script}; {self.browser.run('window.errors')}")

    def settle(self):
        """Wait until every request has its answer."""
        self.wait("(() => { const v = document.querySelector('.gmd').gridmapView; return v.busy ? 0 : 1; })()")

    def view(self, script):
        """Evaluate an expression in which ``v`` is the view."""
        return self.browser.run(
            f"(() => {{ const v = document.querySelector('.gmd').gridmapView; return {script}; }})()"
        )

    def press(self, selector):
        """Click the middle of an element; it has to be there, to be seen and to be enabled."""
        box = self.browser.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); if (!e || e.disabled) return null;"
            " e.scrollIntoView({block: 'nearest'}); const b = e.getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2, b.width]; })()"
        )
        assert box, f"{selector} cannot be pressed"
        assert box[2] > 0, f"{selector} is not shown"
        self.browser.click(box[0], box[1])
        self.settle()

    def do(self, action):
        self.press(f'.gmd [data-do="{action}"]')

    def tool(self, name):
        self.press(f'.gmd-tool[data-tool="{name}"]')

    def at(self, lon, lat):
        """Return where a place is on the page."""
        script = (
            f"(() => {{ const m = v.main.map, p = m.latLngToContainerPoint([{lat}, {lon}]),"
            " b = m.getContainer().getBoundingClientRect(); return [b.x + p.x, b.y + p.y]; })()"
        )
        return self.view(script)

    def show(self, bounds):
        """Zoom to west, south, east, north."""
        west, south, east, north = bounds
        self.view(f"v.main.map.fitBounds([[{south}, {west}], [{north}, {east}]], {{animate: false}}) && 1")

    def text(self, selector):
        return self.browser.run(f"document.querySelector({json.dumps(selector)}).innerText")
