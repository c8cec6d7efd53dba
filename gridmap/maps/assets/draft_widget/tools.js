// What the pointer does on the map: pick blocks or grids, draw a lasso or a line.

const TOOLS = [
  ["blocks", "选街块", "Blocks", "单击街块选中或取消 · click a block to pick or drop it"],
  ["lasso", "套索", "Lasso", "按住拖一圈，选中圈内街块 · hold and draw round blocks"],
  ["grids", "选网格", "Grids", "单击网格选中或取消；随时可用右键点选目标 · click grids; the right button picks one at any time"],
  ["line", "划线", "Line", "依次单击画线，双击结束 · click along the line, double-click to end"],
];

class Tools {
  constructor(map, view) {
    Object.assign(this, { map, view, tool: "blocks", points: [], drawing: false });
    const style = { pane: "gmd-sketch", interactive: false, color: CHOSEN, weight: 3, dashArray: "7 5", lineJoin: "round" };
    this.under = L.polyline([], { ...style, color: "#ffffff", weight: 6, dashArray: null }).addTo(map);
    this.sketch = L.polyline([], style).addTo(map);
    map.on("click", (event) => this.click(event.latlng));
    map.on("dblclick", (event) => this.finish(event));
    map.on("contextmenu", (event) => {
      L.DomEvent.preventDefault(event.originalEvent);
      const row = view.mosaic.at(event.latlng);
      if (row >= 0) view.aim(view.mosaic.label[row]);
    });
    map.on("mousedown", (event) => this.press(event));
    map.on("mousemove", (event) => this.move(event.latlng));
    map.on("mouseup", () => this.release());
  }

  use(tool) {
    this.tool = tool;
    this.map.dragging[tool === "lasso" ? "disable" : "enable"]();
    this.map.doubleClickZoom[tool === "line" ? "disable" : "enable"]();
    if (tool !== "line") this.cancel();
    this.map.getContainer().dataset.tool = tool;
  }

  click(latlng) {
    if (this.tool === "blocks") this.pickBlock(latlng);
    if (this.tool === "grids") this.pickGrid(latlng);
    if (this.tool === "line") {
      const last = this.points[this.points.length - 1];
      if (!last || !last.equals(latlng)) this.points.push(latlng);
      this.show(this.points);
      this.view.refresh();
    }
  }

  pickBlock(latlng) {
    const row = this.view.mosaic.at(latlng);
    if (row >= 0) this.view.toggleBlock(row);
  }

  pickGrid(latlng) {
    const row = this.view.mosaic.at(latlng);
    if (row >= 0) this.view.toggleGrid(this.view.mosaic.label[row]);
  }

  press(event) {
    if (this.tool !== "lasso" || event.originalEvent.button !== 0) return;
    this.drawing = true;
    this.points = [event.latlng];
  }

  move(latlng) {
    if (this.tool === "lasso" && this.drawing) {
      const last = this.map.latLngToLayerPoint(this.points[this.points.length - 1]);
      if (last.distanceTo(this.map.latLngToLayerPoint(latlng)) >= 4) this.points.push(latlng);
      this.show([...this.points, this.points[0]]);
    }
    if (this.tool === "line" && this.points.length) this.show([...this.points, latlng]);
  }

  release() {
    if (!this.drawing) return;
    this.drawing = false;
    const ring = this.points;
    this.cancel();
    if (ring.length >= 3) this.view.ask("lasso", { ring: ring.map(lonLat) });
  }

  // End a line: it splits at once.
  finish(event) {
    if (this.tool !== "line") return;
    if (event) L.DomEvent.stop(event.originalEvent);
    if (this.points.length >= 2) this.view.splitAlong(this.points);
  }

  cancel() {
    this.points = [];
    this.drawing = false;
    this.show([]);
    this.view.refresh();
  }

  show(latlngs) {
    this.under.setLatLngs(latlngs);
    this.sketch.setLatLngs(latlngs);
  }
}

function lonLat(latlng) {
  return [latlng.lng, latlng.lat];
}
