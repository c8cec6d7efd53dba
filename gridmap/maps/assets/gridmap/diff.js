// Two plans side by side: the old on the left, the new on the right, moved together.
(function () {
  "use strict";
  const gridmap = (window.gridmap = window.gridmap || {});
  const { el } = gridmap;
  const PANES = { fills: 310, borders: 330, marks: 335, moved: 340 };
  const MARK = { interactive: false, smoothFactor: 0, lineJoin: "round" };

  // One plan at one level.
  class Side {
    constructor(data, arcs, quantum) {
      this.codes = data.codes;
      this.names = data.names;
      for (const key of ["households", "area", "row"]) this[key] = gridmap.decodeInts(data[key]);
      this.areas = new gridmap.Areas(arcs, data.shapes, quantum);
    }

    arcsUsed() {
      const used = new Set();
      for (const shape of this.areas.shapes) for (const refs of shape) for (const ref of refs) used.add(ref < 0 ? ~ref : ref);
      return used;
    }

    nameOf(i) {
      return this.names[i] || this.codes[i];
    }
  }

  class Level {
    constructor(data, arcs, quantum) {
      Object.assign(this, { name: data.name, title: data.title, moved: data.moved });
      this.sides = data.sides.map((side) => new Side(side, arcs, quantum));
      const change = gridmap.decodeInts(data.change);
      const [old, now] = [listsOf(data.old), listsOf(data.new)];
      const figures = data.figures.map(gridmap.decodeInts);
      this.rows = change.map((each, i) => ({ change: each, grids: [old[i], now[i]], figures: figures.map((of) => of[i]) }));
    }
  }

  function listsOf(text) {
    const numbers = gridmap.decodeInts(text);
    const lists = [];
    for (let at = 0; at < numbers.length; at += numbers[at] + 1) lists.push(numbers.slice(at + 1, at + 1 + numbers[at]));
    return lists;
  }

  // One half of the page: a map, and what is drawn on it of the level that is shown.
  class Half {
    constructor(app, map, side) {
      Object.assign(this, { app, map, side, drawn: [] });
      this.renderers = {};
      for (const [name, z] of Object.entries(PANES)) {
        const pane = map.createPane(`gm-${name}`);
        pane.style.zIndex = z;
        pane.style.pointerEvents = "none";
        this.renderers[name] = L.canvas({ pane: `gm-${name}`, padding: 0.2 });
      }
      const mark = { ...MARK, renderer: this.renderers.marks };
      this.hover = L.polygon([], { ...mark, color: "#1d2b3a", weight: 2.4, fillColor: "#ffffff", fillOpacity: 0.35 });
      this.chosen = L.polygon([], { ...mark, color: "#101820", weight: 3.4, fill: false });
      this.twin = L.circleMarker([0, 0], { ...mark, radius: 6, color: "#1d2b3a", weight: 2, fill: false });
      this.tip = new gridmap.Tip(map.getContainer());
    }

    draw(depth) {
      for (const layer of this.drawn) this.map.removeLayer(layer);
      const level = this.app.levels[depth];
      const side = level.sides[this.side];
      const other = level.sides[1 - this.side].arcsUsed();
      const fills = side.areas.rings.map((_, i) =>
        L.polygon(side.areas.latLngs(i), {
          renderer: this.renderers.fills, interactive: false, stroke: false, smoothFactor: 0, fillOpacity: 1,
          fillColor: this.app.colour(level, side.row[i]),
        })
      );
      const line = { renderer: this.renderers.borders, interactive: false, smoothFactor: 0.6 };
      const borders = [...Array(depth + 1).keys()].reverse().map((at) => {
        const weight = at === depth ? 0.8 : [2.8, 1.7, 1.2][Math.min(at, 2)];
        const colour = at === depth ? "#8b9298" : this.app.data.lines[Math.min(at, 1)];
        return L.polyline(this.app.levels[at].sides[this.side].areas.mesh(), { ...line, color: colour, weight });
      });
      const moved = L.polyline(this.app.linesOf([...side.arcsUsed()].filter((arc) => !other.has(arc))),
        { ...line, renderer: this.renderers.moved, color: this.app.data.movedBorder, weight: 2.4 });
      this.drawn = [L.layerGroup(fills), ...borders, moved];
      for (const layer of [...this.drawn, this.hover, this.chosen]) layer.addTo(this.map);
    }

    mark(layer, level, grids) {
      const { areas } = level.sides[this.side];
      layer.setLatLngs(grids.map((i) => areas.latLngs(i)));
    }

    leave() {
      this.hover.setLatLngs([]);
      this.twin.remove();
      this.tip.hide();
    }
  }

  class DiffApp {
    constructor(map, data) {
      Object.assign(this, { data, words: data.words, depth: data.start, chosen: null, hovered: null });
      this.number = new Intl.NumberFormat(data.language === "zh" ? "zh-CN" : "en");
      this.count = (n) => (n < 0 ? "" : this.number.format(n));
      this.area = (m2) => this.areaText(m2);
      this.arcs = gridmap.decodeArcs(data.arcs);
      this.levels = data.levels.map((each) => new Level(each, this.arcs, data.quantum));
      this.list = new gridmap.ChangeList(this);
      const maps = this.layOut(map);
      this.halves = maps.map((each, side) => new Half(this, each, side));
    }

    // The page's own map becomes the right half; the left one is made beside it.
    layOut(map) {
      const right = map.getContainer();
      const left = el("div", "folium-map");
      const [was, is] = this.data.sides.map((side) =>
        el("div", "gm-half-title gm-box", el("b", "", side.title), el("span", "", `${side.name} ${this.words.version} ${side.version}`))
      );
      const root = el("div", "gm-diff", el("div", "gm-half", left, was));
      right.parentNode.insertBefore(root, right);
      root.append(el("div", "gm-half", right, is), this.list.box);
      map.zoomControl.setPosition("bottomright");
      map.attributionControl.setPrefix("Leaflet");
      map.invalidateSize({ animate: false });
      const old = L.map(left, { preferCanvas: true, zoomSnap: map.options.zoomSnap, zoomControl: false, attributionControl: false });
      old.setView(map.getCenter(), map.getZoom(), { animate: false });
      L.control.scale({ imperial: false, position: "bottomleft" }).addTo(old);
      return [old, map];
    }

    start() {
      this.together();
      this.halves.forEach((half) => {
        half.map.on("mousemove", (event) => this.over(half, event));
        half.map.on("click", (event) => this.pick(half, event));
        half.map.on("mouseout movestart", () => this.leave());
      });
      this.whole();
      this.showLevel(this.depth);
    }

    // What moves one half moves the other.
    together() {
      let busy = false;
      this.halves.forEach((half, side) => {
        const other = this.halves[1 - side].map;
        half.map.on("move zoom", () => {
          if (busy) return;
          busy = true;
          other.setView(half.map.getCenter(), half.map.getZoom(), { animate: false });
          busy = false;
        });
      });
    }

    whole() {
      const boxes = this.levels.flatMap((level) => level.sides.flatMap((side) => side.areas.rings.map((_, i) => side.areas.bounds(i))));
      this.fit(boxes, 0.02);
    }

    fit(boxes, margin) {
      const all = boxes.filter(Boolean).reduce((sum, box) => sum.extend(box), L.latLngBounds([]));
      if (all.isValid()) this.halves[1].map.fitBounds(all.pad(margin), { animate: false, maxZoom: 17 });
    }

    showLevel(depth) {
      this.depth = depth;
      this.leave();
      this.halves.forEach((half) => half.draw(depth));
      this.choose(null, false);
      this.list.show(this.levels[depth]);
    }

    colour(level, row) {
      const { changes } = this.data;
      return changes[row < 0 ? changes.length - 1 : level.rows[row].change].colour;
    }

    linesOf(arcs) {
      const q = this.data.quantum;
      return arcs.map((number) => {
        const arc = this.arcs[number];
        return Array.from({ length: arc.length / 2 }, (_, k) => L.latLng(arc[2 * k + 1] * q, arc[2 * k] * q));
      });
    }

    areaText(m2) {
      if (m2 < 0) return "";
      const [value, unit] = m2 >= 1e6 ? [m2 / 1e6, this.words.squareKilometres] : [m2 / 1e4, this.words.hectares];
      return `${value.toFixed(value < 10 ? 2 : 1)} ${unit}`;
    }

    // The codes of a change on either side.
    sidesOf(level, row) {
      return row.grids.map((grids, side) => grids.map((i) => level.sides[side].codes[i]).join("、") || "—");
    }

    titleOf(level, row) {
      const titles = row.grids.map((grids, side) => grids.map((i) => level.sides[side].nameOf(i)).join("、"));
      const own = this.data.changes[row.change].name;
      return own === "merged" || own === "new" ? titles[1] : titles[0];
    }

    movedBy(row) {
      const [areaOut, areaIn, out, into] = row.figures;
      const spell = out < 0 || into < 0 ? this.area : (n) => this.count(n);
      const [lost, gained] = out < 0 || into < 0 ? [areaOut, areaIn] : [out, into];
      const unit = spell === this.area ? "" : ` ${this.words.householdsUnit}`;
      if (this.data.changes[row.change].name !== "reshaped") return spell(lost + gained) + unit;
      // what was given away and what was taken are two things
      return [areaOut > 0 ? `−${spell(lost)}` : "", areaIn > 0 ? `+${spell(gained)}` : ""].filter(Boolean).join(" ") + unit;
    }

    over(half, event) {
      const level = this.levels[this.depth];
      const side = level.sides[half.side];
      const i = side.areas.at(event.latlng);
      if (i < 0) return this.leave();
      const key = `${half.side}/${i}`;
      if (key !== this.hovered) {
        this.hovered = key;
        this.halves.forEach((each) => each.mark(each.hover, level, this.groupOf(level, half.side, i)[each.side]));
      }
      const other = this.halves[1 - half.side];
      other.tip.hide();
      other.twin.setLatLng(event.latlng).addTo(other.map);
      half.twin.remove();
      half.tip.show([this.card(level, half.side, i)], event.containerPoint);
    }

    // The grids that belong together with grid i of a side: those of its change, or the grid itself in either plan.
    groupOf(level, at, i) {
      const side = level.sides[at];
      if (side.row[i] >= 0) return level.rows[side.row[i]].grids;
      const found = [[], []];
      found[at] = [i];
      const twin = level.sides[1 - at].codes.indexOf(side.codes[i]);
      found[1 - at] = twin < 0 ? [] : [twin];
      return found;
    }

    card(level, at, i) {
      const { words, data, count, area } = this;
      const side = level.sides[at];
      const row = level.rows[side.row[i]];
      const change = row ? data.changes[row.change] : data.changes[data.changes.length - 1];
      const dot = el("i", "gm-dot");
      dot.style.background = change.colour;
      const facts = [[words.code, side.codes[i]], [words.households, this.beforeAfter(level, at, i)], [words.area, area(side.area[i])]];
      if (row) {
        const [areaOut, areaIn, out, into] = row.figures;
        const [was, is] = this.sidesOf(level, row);
        if (was !== is) facts.push(at === 0 ? [words.heldNow, is] : [words.heldBefore, was]);
        if (areaOut > 0) facts.push([words.householdsOut, count(out)], [words.areaOut, area(areaOut)]);
        if (areaIn > 0) facts.push([words.householdsIn, count(into)], [words.areaIn, area(areaIn)]);
      }
      const list = el("dl", "gm-facts");
      for (const [label, value] of facts) if (value) list.append(el("dt", "", label), el("dd", "", value));
      return el("div", "gm-card", el("div", "gm-kind", dot, `${level.title} · ${change.title}`), el("div", "gm-name", side.nameOf(i)), list);
    }

    // Households of a grid; of a code that both plans have, before and after.
    beforeAfter(level, at, i) {
      const side = level.sides[at];
      const twin = level.sides[1 - at].codes.indexOf(side.codes[i]);
      const here = this.count(side.households[i]);
      if (twin < 0) return here;
      const there = this.count(level.sides[1 - at].households[twin]);
      if (here === there) return here;
      return at === 0 ? `${here} → ${there}` : `${there} → ${here}`;
    }

    leave() {
      this.hovered = null;
      this.halves.forEach((half) => half.leave());
    }

    pick(half, event) {
      const level = this.levels[this.depth];
      const side = level.sides[half.side];
      const i = side.areas.at(event.latlng);
      this.choose((i >= 0 && level.rows[side.row[i]]) || null, false);
    }

    // Outline a change on both sides, and go there when asked from the list.
    choose(row, go) {
      const level = this.levels[this.depth];
      this.chosen = row;
      this.halves.forEach((half) => half.mark(half.chosen, level, row ? row.grids[half.side] : []));
      if (this.list.buttons) this.list.choose(row);
      document.documentElement.dataset.chosen = row ? this.sidesOf(level, row).join(" → ") : "";
      if (row && go) this.fit(row.grids.flatMap((grids, side) => grids.map((i) => level.sides[side].areas.bounds(i))), 0.4);
    }
  }

  gridmap.openDiff = function (map, data) {
    const app = (gridmap.app = new DiffApp(map, data));
    app.start();
    const changes = app.levels.reduce((sum, level) => sum + level.rows.length, 0);
    document.documentElement.lang = data.language;
    document.documentElement.dataset.ready = `${app.levels.length} levels ${changes} changes`;
    return app;
  };
})();
