// The page of walking circles: rings, stations, gaps, proposed stations, catchments, and straight lines to compare.
(function () {
  "use strict";
  const gridmap = (window.gridmap = window.gridmap || {});
  const { el } = gridmap;
  // From below: catchments, streets and what cannot be crossed, rings, straight lines, and what one clicks on.
  const PANES = { catchments: 300, base: 305, rings: 310, straight: 330, marks: 350 };

  // Lines as Leaflet wants them.
  function linesOf(data) {
    const q = data.quantum;
    return gridmap.decodeArcs(data.arcs).map((arc) => {
      const line = new Array(arc.length / 2);
      for (let k = 0; k < line.length; k++) line[k] = L.latLng(arc[2 * k + 1] * q, arc[2 * k] * q);
      return line;
    });
  }

  function facts(rows) {
    const list = el("dl", "gm-facts");
    for (const [label, value] of rows) list.append(el("dt", "", label), el("dd", "", value));
    return list;
  }

  function card(kind, item) {
    return el("div", "gm-card", el("div", "gm-kind", kind), el("div", "gm-name", item.title), facts(item.rows));
  }

  class App {
    constructor(map, data) {
      Object.assign(this, { map, data, words: data.words, lines: [] });
      this.renderers = {};
      for (const [name, z] of Object.entries(PANES)) {
        const pane = map.createPane(`gm-${name}`);
        pane.style.zIndex = z;
        if (name !== "marks") pane.style.pointerEvents = "none";
        this.renderers[name] = L.canvas({ pane: `gm-${name}`, padding: 0.2 });
      }
      map.getPane("gm-rings").style.opacity = 0.6;
      this.number = new Intl.NumberFormat(data.language === "zh" ? "zh-CN" : "en");
      this.makeCatchments();
      this.makeRings();
      this.makeStations();
      this.makeGaps();
      this.makeProposed();
      this.makeStraight();
      this.makeBase();
    }

    // A line of the panel: a layer to tick, how it looks, what it is called and a word at the end.
    offer(section, layer, swatch, title, note, shown = true, draw = () => {}) {
      this.lines.push({ section, layer, swatch, title, note, shown, draw });
    }

    swatch(name, colour) {
      const mark = el("i", name);
      mark.style.setProperty("--colour", colour);
      return mark;
    }

    polygons(areas, style) {
      return areas.rings.map((rings, i) => (rings.length ? L.polygon(areas.latLngs(i), style(i)) : null));
    }

    makeRings() {
      const { data } = this;
      const { circles } = data;
      const areas = new gridmap.Areas(gridmap.decodeArcs(circles.arcs), circles.shapes, circles.quantum);
      this.circles = { ...circles, areas, range: gridmap.decodeInts(circles.range), station: gridmap.decodeInts(circles.station) };
      const style = { renderer: this.renderers.rings, interactive: false, smoothFactor: 0.5, weight: 1.2, color: "#1f6f78" };
      const drawn = this.polygons(areas, (i) => ({ ...style, fillColor: circles.colours[this.circles.range[i]], fillOpacity: 0.9 }));
      this.rings = circles.ranges.map((_, k) => L.layerGroup(drawn.filter((each, i) => each && this.circles.range[i] === k)));
      circles.ranges.forEach((minutes, k) => {
        const share = data.shares[k];
        const note = share === undefined ? this.number.format(this.rings[k].getLayers().length) : share;
        // Nearer rings lie over wider ones, whichever was ticked last.
        const draw = () => this.rings.slice(0, k).reverse().forEach((each) => each.invoke("bringToFront"));
        this.offer("circles", this.rings[k], this.swatch("gm-patch gm-round", circles.colours[k]), `${minutes} ${this.words.minutes}`, note, true, draw);
      });
    }

    makeStations() {
      const { data, words } = this;
      data.outcomes.forEach((outcome, k) => {
        const mine = data.stations.filter((each) => each.outcome === k);
        if (!mine.length) return;
        const marks = mine.map((each) =>
          L.circleMarker(each.at, {
            renderer: this.renderers.marks, radius: 6.5, weight: 2, color: "#ffffff", fillColor: outcome.colour, fillOpacity: 1,
            bubblingMouseEvents: false,
          }).bindPopup(() => card(words.station, each)).bindTooltip(() => el("span", "", each.title))
        );
        const dot = el("i", "gm-dot");
        dot.style.background = outcome.colour;
        this.offer("stations", L.layerGroup(marks), dot, outcome.title, this.number.format(mine.length));
      });
    }

    makeGaps() {
      const { gaps } = this.data;
      if (!gaps) return;
      const { words } = this;
      const areas = new gridmap.Areas(gridmap.decodeArcs(gaps.arcs), gaps.shapes, gaps.quantum);
      const style = { renderer: this.renderers.marks, color: "#a3261d", weight: 0.9, fillColor: "#d9483b", fillOpacity: 0.45, smoothFactor: 0.5, bubblingMouseEvents: false };
      const group = L.layerGroup();
      this.polygons(areas, () => style).forEach((polygon, i) => {
        if (!polygon) return;
        const said = () => card(words.gap, gaps.items[i]);
        group.addLayer(polygon.bindPopup(said));
        if (gaps.items[i].label)
          group.addLayer(L.marker(gaps.items[i].at, { icon: this.label("gm-rank", gaps.items[i].label) }).bindPopup(said));
      });
      this.offer("planning", group, this.swatch("gm-patch gm-partial", "#d9483b"), words.gaps, this.number.format(gaps.items.length));
    }

    makeProposed() {
      const { proposed } = this.data;
      if (!proposed) return;
      const { words } = this;
      const marks = proposed.map((each) =>
        L.marker(each.at, { icon: this.label("gm-new", each.label), zIndexOffset: 500 }).bindPopup(() => card(words.proposed, each))
      );
      this.offer("planning", L.layerGroup(marks), el("i", "gm-new gm-new-key", "+"), words.proposed, this.number.format(marks.length));
    }

    // A text of ours or a number as a marker; it is set as text, never as markup.
    label(name, text) {
      return L.divIcon({ className: "gm-at", html: el("span", name, text), iconSize: [0, 0] });
    }

    makeCatchments() {
      const { catchments } = this.data;
      if (!catchments) return;
      const areas = new gridmap.Areas(gridmap.decodeArcs(catchments.arcs), catchments.shapes, catchments.quantum);
      this.catchments = { ...catchments, areas };
      const style = { renderer: this.renderers.catchments, interactive: false, smoothFactor: 0.3, weight: 1.6, color: "#6b7480" };
      const drawn = this.polygons(areas, (i) => ({ ...style, fillColor: catchments.colours[i], fillOpacity: 0.35 })).filter(Boolean);
      this.offer("planning", L.layerGroup(drawn), this.swatch("gm-patch", catchments.colours[0]), this.words.catchments, this.number.format(drawn.length));
    }

    makeStraight() {
      const { straight, stations } = this.data;
      if (!straight) return;
      const style = { renderer: this.renderers.straight, interactive: false, fill: false, weight: 1.4, dashArray: "6 5", color: "#7b4a8f" };
      const rings = stations.filter((each) => each.reached).flatMap(({ at }) => straight.radii_m.map((radius) => L.circle(at, { ...style, radius })));
      this.offer("comparison", L.layerGroup(rings), el("i", "gm-dashed"), this.words.straight, "", straight.shown);
    }

    makeBase() {
      for (const { title, colour, parts } of this.data.base) {
        const style = { renderer: this.renderers.base, interactive: false, smoothFactor: 0.8, color: colour, opacity: 1 };
        const drawn = parts.map((part) =>
          part.filled
            ? L.polygon(linesOf(part), { ...style, full: part.weight, fillColor: colour, fillOpacity: 0.85 })
            : L.polyline(linesOf(part), { ...style, full: part.weight })
        );
        this.offer("base", L.layerGroup(drawn), this.swatch("gm-stroke", colour), title, "");
      }
    }

    start() {
      const { map, data } = this;
      map.zoomControl.setPosition("bottomright");
      L.control.scale({ imperial: false }).addTo(map);
      map.attributionControl.setPrefix(false);
      map.attributionControl.addAttribution("Leaflet");
      new Panel(this).addTo(map);
      const [west, south, east, north] = data.bounds;
      const wide = map.getSize().x > 900;
      map.fitBounds([[south, west], [north, east]], { paddingTopLeft: [20, 20], paddingBottomRight: [wide ? 260 : 20, 30], animate: false });
      // The widest ring first, so that the nearer ones lie over it.
      for (const line of [...this.lines].reverse()) if (line.shown) this.show(line, true);
      map.on("click", (event) => this.ask(event.latlng));
      map.on("zoomend", () => this.weigh());
      this.weigh();
    }

    // From far away stations are small and streets thin, and many proposed stations are points without their figure.
    weigh() {
      const zoom = this.map.getZoom();
      const grown = Math.max(0.4, Math.min(1, 0.4 + (zoom - 11) * 0.2));
      for (const { section, layer } of this.lines) {
        if (section === "stations") layer.eachLayer((each) => each.setRadius(6.5 * grown).setStyle({ weight: 2 * grown }));
        if (section === "base") layer.eachLayer((each) => each.setStyle({ weight: each.options.full * grown }));
      }
      const many = (this.data.proposed || []).length > 20;
      this.map.getContainer().classList.toggle("gm-far", many && zoom < 13);
    }

    show(line, on) {
      line.shown = on;
      if (on) this.map.addLayer(line.layer);
      else this.map.removeLayer(line.layer);
      if (on) line.draw();
      if (on && line.section !== "stations")
        for (const each of this.lines)
          if (each.section === "stations" && each.shown && this.map.hasLayer(each.layer)) each.layer.invoke("bringToFront");
    }

    // What one reaches from a place: the nearest range of each station, and whose catchment it is.
    ask(latlng) {
      const { words, circles } = this;
      const best = new Map();
      for (const i of circles.areas.all(latlng)) {
        const [station, range] = [circles.station[i], circles.range[i]];
        if (!(best.get(station) <= range)) best.set(station, range);
      }
      const lines = [...best].sort((a, b) => a[1] - b[1] || a[0] - b[0]).slice(0, 6);
      const rows = lines.map(([station, range]) => [circles.titles[station], `≤ ${circles.ranges[range]} ${words.minutes}`]);
      const mine = this.catchments ? this.catchments.areas.at(latlng) : -1;
      if (mine >= 0) rows.push([words.nearest, this.catchments.titles[mine]]);
      if (!rows.length) return this.map.closePopup();
      const title = lines.length ? words.walk : words.beyond;
      L.popup().setLatLng(latlng).setContent(el("div", "gm-card", el("div", "gm-name", title), facts(rows))).openOn(this.map);
    }
  }

  const Panel = L.Control.extend({
    options: { position: "topright" },

    initialize: function (app) {
      this.app = app;
    },

    onAdd: function () {
      const { app } = this;
      const box = el("details", "gm-box gm-panel");
      box.open = window.innerWidth > 640;
      box.append(el("summary", "", el("span", "gm-title", app.data.title), el("span", "gm-sub", app.words.legend)));
      for (const [section, title] of app.data.sections) {
        const lines = app.lines.filter((line) => line.section === section);
        if (!lines.length) continue;
        box.append(el("section", "", el("h2", "", title), ...lines.map((line) => this.line(line))));
      }
      if (app.data.notes.length) box.append(el("section", "", ...app.data.notes.map((each) => el("div", "gm-note", each))));
      L.DomEvent.disableClickPropagation(box);
      L.DomEvent.disableScrollPropagation(box);
      return box;
    },

    line: function (line) {
      const tick = el("input");
      Object.assign(tick, { type: "checkbox", checked: line.shown });
      tick.addEventListener("change", () => this.app.show(line, tick.checked));
      return el("label", "gm-line", tick, line.swatch, el("span", "gm-label", line.title), el("span", "gm-count", line.note));
    },
  });

  gridmap.openCircles = function (map, data) {
    const app = (gridmap.app = new App(map, data));
    app.start();
    document.documentElement.lang = data.language;
    const count = (each) => (each ? (each.items || each).length : 0);
    document.documentElement.dataset.ready =
      `${app.circles.areas.length} circles ${data.stations.length} stations ${count(data.gaps)} gaps ${count(data.proposed)} proposed`;
    return app;
  };
})();
