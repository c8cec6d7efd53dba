// The page: layers in their order, what the pointer is over, and what the address asks for.
(function () {
  "use strict";
  const gridmap = (window.gridmap = window.gridmap || {});
  const { el } = gridmap;
  // From below: fills, circles, borders, what is marked, incidents. All below what folium's own layers use (400).
  const PANES = { fills: 310, circles: 320, borders: 330, marks: 340, points: 350 };

  class App {
    constructor(map, data) {
      Object.assign(this, { map, data, words: data.words, mode: "grids", hovered: null });
      this.renderers = {};
      for (const [name, z] of Object.entries(PANES)) {
        const pane = map.createPane(`gm-${name}`);
        pane.style.zIndex = z;
        pane.style.pointerEvents = "none";
        if (name !== "points") this.renderers[name] = L.canvas({ pane: `gm-${name}`, padding: 0.2 });
      }
      this.makeLevels();
      this.makeCircles();
      if (data.incidents) this.points = new gridmap.Points(data.incidents, { pane: "gm-points", padding: 0.2 });
      this.cards = new gridmap.Cards(this);
      this.tip = new gridmap.Tip(map.getContainer());
    }

    makeLevels() {
      const { data } = this;
      const arcs = gridmap.decodeArcs(data.arcs);
      this.levels = data.levels.map((each, depth) => new gridmap.Level(each, arcs, data, depth));
      for (const level of this.levels) {
        level.shown = true;
        level.makeFill(this.renderers.fills);
        level.makeBorders(this.renderers.borders, this.borderColour(level));
      }
      const mark = { renderer: this.renderers.marks, interactive: false, smoothFactor: 0, lineJoin: "round" };
      this.hover = L.polygon([], { ...mark, color: "#1d2b3a", weight: 2.2, fillColor: "#ffffff", fillOpacity: 0.28 });
      this.chosen = L.polygon([], { ...mark, color: "#d2401f", weight: 3.2, fillColor: "#ffd9a8", fillOpacity: 0.16 });
    }

    borderColour(level) {
      const { lines, micro } = this.data;
      return level.tiles ? lines[Math.min(level.depth, lines.length - 1)] : micro;
    }

    makeCircles() {
      const data = this.data.circles;
      if (!data) return;
      const areas = new gridmap.Areas(gridmap.decodeArcs(data.arcs), data.shapes, data.quantum);
      const circles = (this.circles = { ...data, areas });
      circles.range = gridmap.decodeInts(data.range);
      circles.station = gridmap.decodeInts(data.station);
      circles.shown = data.ranges.map(() => true);
      this.map.getPane("gm-circles").style.opacity = 0.55;
      circles.layers = data.ranges.map((_, k) => {
        const colour = data.colours[k];
        const style = { renderer: this.renderers.circles, interactive: false, smoothFactor: 0.5, weight: 1.2 };
        const polygons = areas.rings.flatMap((rings, i) =>
          rings.length && circles.range[i] === k
            ? [L.polygon(areas.latLngs(i), { ...style, color: "#1f6f78", fillColor: colour, fillOpacity: 0.85 })]
            : []
        );
        return L.layerGroup(polygons);
      });
    }

    start() {
      const { map, data } = this;
      map.zoomControl.setPosition("bottomright");
      L.control.scale({ imperial: false }).addTo(map);
      new WholeButton(this).addTo(map);
      map.attributionControl.setPrefix(false);
      map.attributionControl.addAttribution(el("span", "", `${this.words.version} ${data.version} · Leaflet`).innerHTML);
      this.search = new gridmap.Search(this).addTo(map);
      this.panel = new gridmap.Panel(this).addTo(map);
      this.whole(false);
      if (this.circles) [...this.circles.layers].reverse().forEach((layer) => layer.addTo(map));
      if (this.points) this.points.addTo(map);
      this.arrange();
      this.hover.addTo(map);
      this.chosen.addTo(map);
      map.on("zoomend", () => this.weigh());
      map.on("mousemove", (event) => this.over(event));
      map.on("click", (event) => this.over(event));
      map.on("mouseout movestart", () => this.leave());
      window.addEventListener("hashchange", () => this.readAddress());
      this.readAddress();
    }

    // Show the whole plan, clear of the panel.
    whole(animate = true) {
      const boxes = this.levels.flatMap((level) => level.areas.boxes.map((_, i) => level.areas.bounds(i)));
      const all = boxes.filter(Boolean).reduce((sum, box) => sum.extend(box), L.latLngBounds([]));
      if (all.isValid()) this.map.fitBounds(all, { ...this.padding(), animate });
    }

    padding() {
      const wide = this.map.getSize().x > 900;
      return { paddingTopLeft: wide ? [30, 20] : [10, 60], paddingBottomRight: wide ? [250, 20] : [10, 10] };
    }

    // The finest level that is shown and tiles its parent: the one that is filled.
    filledLevel() {
      return [...this.levels].reverse().find((level) => level.shown && level.tiles);
    }

    // Put on the map what is shown, coarser borders over finer ones.
    arrange() {
      const filled = this.mode === "none" ? null : this.filledLevel();
      for (const level of this.levels) {
        this.put(level.fill, level.shown && (level === filled || (!level.tiles && this.mode !== "none")));
        this.put(level.borders, level.shown);
      }
      for (const level of this.levels) if (!level.tiles && this.map.hasLayer(level.fill)) level.fill.invoke("bringToFront");
      for (const level of [...this.levels].reverse()) if (level.shown) level.borders.bringToFront();
      this.weigh();
      this.panel.refresh();
    }

    put(layer, on) {
      if (on && !this.map.hasLayer(layer)) this.map.addLayer(layer);
      if (!on && this.map.hasLayer(layer)) this.map.removeLayer(layer);
    }

    // Borders grow a little as one zooms in; the coarser the level, the thicker.
    weigh() {
      const grown = Math.max(0.55, Math.min(1.5, 0.55 + (this.map.getZoom() - 10.5) * 0.2));
      const finest = this.levels.length - 1;
      for (const level of this.levels) {
        const weight = level.tiles ? [3.4, 1.6, 0.9, 0.7][Math.min(level.depth, 3)] : 0.8;
        const alone = level.depth === finest && level.depth === 0 ? 1.2 : weight;
        level.borders.setStyle({ weight: alone * grown });
      }
    }

    showLevel(level, on) {
      level.shown = on;
      this.leave();
      this.arrange();
    }

    showRange(k, on) {
      this.circles.shown[k] = on;
      const { layers } = this.circles;
      layers.forEach((layer) => this.put(layer, false));
      [...layers.keys()].reverse().forEach((each) => this.put(layers[each], this.circles.shown[each]));
    }

    setMode(mode) {
      this.mode = mode;
      if (mode !== "none") for (const level of this.levels) if (level.tiles) level.recolour(mode);
      this.arrange();
    }

    // The finest shown grid at a place.
    gridAt(latlng) {
      for (const level of [...this.levels].reverse()) {
        const i = level.shown ? level.areas.at(latlng) : -1;
        if (i >= 0) return { depth: level.depth, i };
      }
      return null;
    }

    over(event) {
      const grid = this.gridAt(event.latlng);
      const incident = this.points ? this.points.near(event.latlng) : -1;
      const key = `${incident}/${grid ? `${grid.depth}/${grid.i}` : ""}`;
      if (key !== this.hovered) {
        this.hovered = key;
        this.hover.setLatLngs(grid ? this.levels[grid.depth].areas.latLngs(grid.i) : []);
        this.map.getContainer().classList.toggle("gm-pointing", incident >= 0);
      }
      if (!grid && incident < 0) return this.tip.hide();
      const first = incident >= 0 ? this.cards.incident(incident) : this.cards.grid(grid.depth, grid.i);
      this.tip.show([first, this.cards.walk(event.latlng)], event.containerPoint);
    }

    leave() {
      this.hovered = null;
      this.hover.setLatLngs([]);
      this.tip.hide();
    }

    // Mark a grid and go there; null marks nothing.
    select(hit) {
      const areas = hit && this.levels[hit.depth].areas;
      this.chosen.setLatLngs(hit ? areas.latLngs(hit.i) : []);
      const bounds = hit && areas.bounds(hit.i);
      if (bounds) this.map.fitBounds(bounds.pad(0.35), { ...this.padding(), maxZoom: 17, animate: false });
      this.writeAddress(hit ? this.levels[hit.depth].codes[hit.i] : "");
    }

    writeAddress(code) {
      try {
        history.replaceState(null, "", code ? `#code=${encodeURIComponent(code)}` : "#");
      } catch (error) {
        // a notebook's frame has no address to write
      }
    }

    readAddress() {
      const asked = /^#code=(.*)$/.exec(location.hash);
      if (!asked) return;
      try {
        this.search.run(decodeURIComponent(asked[1]));
      } catch (error) {
        if (!(error instanceof URIError)) throw error;
      }
    }
  }

  // Back to the whole plan.
  const WholeButton = L.Control.extend({
    options: { position: "bottomright" },
    initialize: function (app) {
      this.app = app;
    },
    onAdd: function () {
      const button = el("button", "gm-box gm-whole", this.app.words.whole);
      button.type = "button";
      L.DomEvent.disableClickPropagation(button);
      button.addEventListener("click", () => this.app.whole());
      return button;
    },
  });

  gridmap.open = function (map, data) {
    const app = (gridmap.app = new App(map, data));
    app.start();
    const grids = app.levels.reduce((sum, level) => sum + level.length, 0);
    const circles = app.circles ? app.circles.areas.length : 0;
    const incidents = app.points ? app.points.length : 0;
    document.documentElement.lang = data.language;
    document.documentElement.dataset.ready =
      `${app.levels.length} levels ${grids} grids ${circles} circles ${incidents} incidents`;
    return app;
  };
})();
