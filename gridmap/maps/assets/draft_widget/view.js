// The widget: one or two maps, the panel, and the talk with Python.

// Clear of the bar of tools.
const ROOM = { paddingTopLeft: [12, 58], paddingBottomRight: [12, 12] };

class View {
  constructor(model, root) {
    Object.assign(this, { model, root, busy: false, asked: 0, edit: null, picked: new Set(), slots: [], timer: null });
    const scene = (this.scene = model.get("scene"));
    this.mosaic = new Mosaic(scene);
    this.backdrop = {
      streets: scene.streets && new Lines(scene.streets, scene.quantum),
      buildings: scene.buildings && new Lines(scene.buildings, scene.quantum),
    };
    root.classList.add("gmd");
    root.tabIndex = 0;
    root.style.height = `${model.get("height_px")}px`;
    this.stage = el("div", "gmd-stage");
    root.append(this.stage);
    this.main = this.makeMap(this.mosaic, "草案", "Draft");
    this.layer = this.main.layer;
    this.tools = new Tools(this.main.map, this);
    this.refusedPlace = L.geoJSON(null, {
      interactive: false, pane: "gmd-sketch", style: { color: REFUSED, weight: 3, fillOpacity: 0.12 },
      pointToLayer: (_, latlng) => L.circleMarker(latlng, { radius: 9, color: REFUSED, pane: "gmd-sketch" }),
    }).addTo(this.main.map);
    this.offeredLine = L.geoJSON(null, {
      interactive: false, pane: "gmd-sketch", style: { color: OFFERED, weight: 4, dashArray: "8 6" },
    }).addTo(this.main.map);
    this.panel = new Panel(this);
    root.append(this.panel.root);
    this.makeBar();
    this.makeLegend();
    this.heard = (message) => this.hear(message);
    this.chosenInCode = () => this.readTraits();
    model.on("msg:custom", this.heard);
    model.on("change:selected_blocks", this.chosenInCode);
    model.on("change:selected_grids", this.chosenInCode);
    root.addEventListener("keydown", (event) => this.key(event));
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(this.stage);
    this.panel.whole(this.mosaic.whole, null);
    this.panel.edit(null);
    this.panel.say("hint", TOOLS[0][3]);
    this.tools.use("blocks");
    this.readTraits();
    this.ask("open", {});
  }

  makeMap(mosaic, chinese, english) {
    const box = el("div", "gmd-map");
    box.append(both(chinese, english, "div", "gmd-badge"));
    this.stage.append(box);
    const map = L.map(box, { zoomControl: false, attributionControl: false, zoomSnap: 0.25, maxZoom: 20, boxZoom: false, keyboard: false });
    for (const [name, z] of [["gmd-canvas", 310], ["gmd-sketch", 450]]) {
      const pane = map.createPane(name);
      pane.style.zIndex = z;
      pane.style.pointerEvents = "none";
    }
    L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
    L.control.zoom({ position: "bottomright", zoomInTitle: "放大 zoom in", zoomOutTitle: "缩小 zoom out" }).addTo(map);
    const layer = new MosaicLayer(mosaic, this.backdrop, { pane: "gmd-canvas", padding: 0.15 });
    const bounds = mosaic.bounds(mosaic.living());
    if (bounds) map.fitBounds(bounds, { ...ROOM, animate: false });
    layer.addTo(map);
    return { box, map, layer };
  }

  makeBar() {
    const bar = el("div", "gmd-bar");
    this.toolButtons = TOOLS.map(([tool, chinese, english, hint]) => {
      const made = button(chinese, english, () => this.use(tool), "gmd-tool");
      made.dataset.tool = tool;
      made.title = hint;
      return made;
    });
    this.compareButton = button("对比现行", "Compare", () => this.compare(), "gmd-tool gmd-apart");
    this.compareButton.dataset.tool = "compare";
    const whole = button("全图", "Fit", () => this.fit(), "gmd-tool");
    bar.append(...this.toolButtons, this.compareButton, whole);
    L.DomEvent.disableClickPropagation(bar);
    this.stage.append(bar);
    this.markTool();
  }

  makeLegend() {
    const legend = el("div", "gmd-legend");
    const band = Math.round(100 * this.scene.band);
    const wide = Math.round(250 * this.scene.band);
    legend.append(both("户数偏差", "Deviation", "div", "gmd-lead"));
    const words = [`< −${wide}%`, `−${wide} ~ −${band}%`, `±${band}%`, `+${band} ~ +${wide}%`, `> +${wide}%`];
    words.forEach((word, k) => {
      const line = el("div", "gmd-class");
      const patch = el("i");
      patch.style.background = FILLS[k];
      line.append(patch, word);
      legend.append(line);
    });
    this.scene.levels.forEach((level, rank) => {
      const line = el("div", "gmd-class");
      const stroke = el("i", "gmd-stroke");
      stroke.style.borderTopWidth = `${borderWidth(rank, this.scene.levels.length)}px`;
      line.append(stroke, level);
      legend.append(line);
    });
    this.stage.append(legend);
  }

  // picking ------------------------------------------------------------------------------------------------------

  use(tool) {
    this.tools.use(tool);
    this.markTool();
    if (!this.refused) this.panel.say("hint", TOOLS.find((each) => each[0] === tool)[3]);
  }

  markTool() {
    for (const made of this.toolButtons) made.setAttribute("aria-pressed", made.dataset.tool === this.tools.tool);
  }

  rows() {
    return [...this.picked].filter((row) => this.mosaic.label[row] >= 0);
  }

  gridSlots() {
    return this.slots.filter((slot) => this.mosaic.rowsOf(slot).length > 0);
  }

  grids() {
    return this.gridSlots().map((slot) => this.mosaic.codes[slot]);
  }

  toggleBlock(row) {
    if (!this.picked.delete(row)) this.picked.add(row);
    this.changedPick();
  }

  toggleGrid(slot) {
    this.slots = this.slots.includes(slot) ? this.slots.filter((each) => each !== slot) : [...this.slots, slot];
    this.changedPick();
  }

  aim(slot) {
    this.slots = [slot];
    this.changedPick();
  }

  clear() {
    this.picked.clear();
    this.slots = [];
    this.dismiss();
    this.tools.cancel();
    this.changedPick();
  }

  changedPick() {
    this.model.set("selected_blocks", this.rows().map((row) => this.mosaic.number[row]));
    this.model.set("selected_grids", this.grids());
    this.model.save_changes();
    this.refresh();
  }

  readTraits() {
    const rows = this.model.get("selected_blocks").map((number) => this.mosaic.rowOf.get(number));
    this.picked = new Set(rows.filter((row) => row !== undefined));
    this.slots = this.model.get("selected_grids").map((code) => this.mosaic.slotOf.get(code)).filter((slot) => slot !== undefined);
    this.refresh();
  }

  // asking -------------------------------------------------------------------------------------------------------

  ask(what, args) {
    if (this.busy) return;
    this.busy = true;
    this.asked += 1;
    this.root.dataset.asked = this.asked;
    this.model.send({ do: what, ask: this.asked, ...args });
    this.refresh();
  }

  move() {
    this.ask("move", { blocks: this.rows().map((row) => this.mosaic.number[row]), to: this.grids()[0] });
  }

  lock() {
    const codes = this.grids();
    const locked = codes.every((code) => this.mosaic.locked.has(code));
    this.ask(locked ? "unlock" : "lock", { codes });
  }

  lineButton() {
    if (this.tools.points.length >= 2) this.splitAlong(this.tools.points);
    else this.use("line");
  }

  // The picked grid, or the one under the middle of the line.
  splitAlong(points) {
    let [code] = this.grids();
    if (this.grids().length !== 1) {
      const half = Math.floor((points.length - 1) / 2);
      const middle = L.latLng((points[half].lat + points[half + 1].lat) / 2, (points[half].lng + points[half + 1].lng) / 2);
      const row = this.mosaic.at(middle);
      if (row < 0) return this.panel.say("failed", "线不在任何网格内 · the line runs through no grid");
      code = this.mosaic.codes[this.mosaic.label[row]];
    }
    return this.ask("split", { code, line: points.map(lonLat) });
  }

  // hearing ------------------------------------------------------------------------------------------------------

  hear(message) {
    const { is } = message;
    if (message.ask === this.asked || is === "state") this.busy = false;
    if (is === "update" || is === "state") this.update(message);
    if (is === "picked") this.pickMany(message.blocks);
    if (is === "refused") this.refuse(message);
    if (is === "failed") this.panel.say("failed", message.message);
    this.root.dataset.heard = message.ask ?? "";
    this.refresh();
  }

  update(message) {
    this.mosaic.apply(message);
    if (message.is === "state") return this.panel.whole(this.mosaic.whole, this.edit && this.edit.before);
    this.dismiss();
    if (message.edit) {
      this.edit = message.edit;
      this.picked.clear();
      this.slots = this.gridSlots();
      this.tools.cancel();
      this.flash(message.edit.moved);
      this.panel.edit(message.edit);
      this.changedPick();
    }
    if (message.proposed) {
      this.panel.proposed.replaceChildren(both(`已生成方案 ${message.proposed}`, "proposed; in code: widget.proposed", "p"));
    }
    this.panel.whole(this.mosaic.whole, this.edit && this.edit.before);
    return undefined;
  }

  pickMany(numbers) {
    for (const number of numbers) {
      const row = this.mosaic.rowOf.get(number);
      if (row !== undefined) this.picked.add(row);
    }
    this.changedPick();
  }

  refuse(message) {
    this.refused = message;
    this.layer.marks.refused = null;
    this.refusedPlace.clearLayers();
    let bounds = null;
    if (message.place) {
      this.refusedPlace.addData(JSON.parse(message.place));
      const [west, south, east, north] = message.bounds;
      bounds = L.latLngBounds([south, west], [north, east]);
    } else {
      const slots = message.codes.map((code) => this.mosaic.slotOf.get(code)).filter((slot) => slot !== undefined);
      const rows = slots.flatMap((slot) => this.mosaic.rowsOf(slot));
      this.layer.marks.refused = new Set(rows);
      bounds = this.mosaic.bounds(rows);
    }
    this.panel.refuse(message);
    if (bounds) this.main.map.fitBounds(bounds.pad(0.6), { maxZoom: 17, animate: false });
  }

  dismiss() {
    this.refused = null;
    this.layer.marks.refused = null;
    this.layer.marks.offered = new Set();
    this.refusedPlace.clearLayers();
    this.offeredLine.clearLayers();
    this.panel.say("hint", "");
    this.layer.repaint();
  }

  offer(rows, line) {
    this.layer.marks.offered = new Set(rows);
    this.offeredLine.clearLayers();
    if (line) this.offeredLine.addData(JSON.parse(line));
    this.layer.repaint();
  }

  // What has just changed is outlined for a while.
  flash(rows) {
    clearTimeout(this.timer);
    this.layer.marks.moved = new Set(rows);
    this.timer = setTimeout(() => {
      this.layer.marks.moved = new Set();
      this.layer.repaint();
    }, 2500);
  }

  // comparing ----------------------------------------------------------------------------------------------------

  compare() {
    if (this.current) {
      this.current.map.remove();
      this.current.box.remove();
      this.current = null;
    } else {
      this.current = this.makeMap(new Mosaic(this.scene), "现行", "Current");
      this.stage.prepend(this.current.box);
      this.follow(this.main.map, this.current.map);
      this.follow(this.current.map, this.main.map);
    }
    this.root.classList.toggle("gmd-comparing", Boolean(this.current));
    this.compareButton.setAttribute("aria-pressed", Boolean(this.current));
    this.resize();
    this.refresh();
    this.fit();
  }

  follow(leader, follower) {
    leader.on("move zoomend", () => {
      if (this.following || !this.current) return;
      this.following = true;
      follower.setView(leader.getCenter(), leader.getZoom(), { animate: false });
      this.following = false;
    });
  }

  markChanges() {
    const { marks } = this.layer;
    if (!this.current) {
      marks.changed = null;
      return;
    }
    const then = this.current.layer.mosaic;
    const now = this.mosaic;
    const codeAt = (mosaic, row) => (mosaic.label[row] >= 0 ? mosaic.codes[mosaic.label[row]] : null);
    const rows = [...now.number.keys()].filter((row) => codeAt(now, row) !== (row < then.length ? codeAt(then, row) : null));
    marks.changed = new Set(rows);
    this.current.layer.marks.changed = new Set(rows.filter((row) => row < then.length));
    this.current.layer.repaint();
  }

  // around -------------------------------------------------------------------------------------------------------

  fit() {
    const bounds = this.mosaic.bounds(this.mosaic.living());
    if (bounds) this.main.map.fitBounds(bounds, { ...ROOM, animate: false });
  }

  resize() {
    // Whole pixels: half a pixel blurs a canvas.
    if (this.current) this.current.box.style.flex = `0 0 ${Math.floor(this.stage.clientWidth / 2)}px`;
    this.main.map.invalidateSize({ animate: false });
    if (this.current) this.current.map.invalidateSize({ animate: false });
    if (!this.sized && this.stage.clientWidth) {
      this.sized = true;
      this.fit();
    }
  }

  key(event) {
    if (event.target.tagName === "INPUT") return event.stopPropagation();
    const command = event.ctrlKey || event.metaKey;
    const done =
      event.key === "Escape" ? this.clear() || true
      : event.key === "Enter" && this.tools.tool === "line" ? this.tools.finish() || true
      : command && event.key.toLowerCase() === "z" ? this.ask(event.shiftKey ? "redo" : "undo", {}) || true
      : command && event.key.toLowerCase() === "y" ? this.ask("redo", {}) || true
      : false;
    if (!done) return undefined;
    event.preventDefault();
    return event.stopPropagation();
  }

  refresh() {
    if (!this.panel) return;
    this.layer.marks.chosen = this.picked;
    this.layer.marks.grids = this.gridSlots();
    this.markChanges();
    this.layer.repaint();
    this.panel.refresh();
  }

  close() {
    this.model.off("msg:custom", this.heard);
    this.model.off("change:selected_blocks", this.chosenInCode);
    this.model.off("change:selected_grids", this.chosenInCode);
    clearTimeout(this.timer);
    this.watch.disconnect();
    if (this.current) this.current.map.remove();
    this.main.map.remove();
  }
}

export default {
  render({ model, el: root }) {
    const view = new View(model, root);
    root.gridmapView = view;
    return () => view.close();
  },
};
