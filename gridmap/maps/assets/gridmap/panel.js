// Legend and layer control in one: every line says what is drawn, how it looks and how many there are.
(function () {
  "use strict";
  const gridmap = (window.gridmap = window.gridmap || {});
  const { el } = gridmap;

  const Panel = L.Control.extend({
    options: { position: "topright" },

    initialize: function (app) {
      this.app = app;
    },

    onAdd: function () {
      const { app } = this;
      const details = el("details", "gm-box gm-panel");
      details.open = window.innerWidth > 640;
      details.append(el("summary", "", el("span", "gm-title", app.data.title), el("span", "gm-sub", app.words.legend)));
      details.append(this.levels(), this.fills());
      if (app.circles) details.append(this.circles());
      if (app.points) details.append(this.incidents());
      L.DomEvent.disableClickPropagation(details);
      L.DomEvent.disableScrollPropagation(details);
      return details;
    },

    section: function (title, ...lines) {
      return el("section", "", el("h2", "", title), ...lines);
    },

    // A line with a box to tick, how it looks, what it is called and a number.
    line: function (swatch, title, count, change) {
      const box = el("input");
      box.type = "checkbox";
      box.checked = true;
      box.addEventListener("change", () => change(box.checked));
      const number = el("span", "gm-count", this.app.cards.count(count));
      return el("label", "gm-line", box, swatch, el("span", "gm-label", title), number);
    },

    levels: function () {
      const { app } = this;
      const lines = app.levels.map((level, depth) => {
        const swatch = el("i", level.tiles ? "gm-border" : "gm-patch gm-partial");
        swatch.style.setProperty("--colour", app.borderColour(level));
        swatch.style.setProperty("--weight", `${[3.2, 1.8, 1][Math.min(depth, 2)]}px`);
        return this.line(swatch, level.title, level.length, (on) => app.showLevel(level, on));
      });
      return this.section(app.words.levels, ...lines);
    },

    fills: function () {
      const { app } = this;
      const modes = [["grids", app.words.byGrid], ["households", app.words.byHouseholds], ["none", app.words.noFill]];
      const group = el("div", "gm-modes");
      this.classes = el("div", "gm-classes");
      for (const [mode, title] of modes) {
        const box = el("input");
        Object.assign(box, { type: "radio", name: "gm-mode", value: mode, checked: mode === app.mode });
        box.addEventListener("change", () => app.setMode(mode));
        group.append(el("label", "", box, el("span", "", title)));
      }
      return this.section(app.words.fill, group, this.classes);
    },

    // The classes of households of the level that is filled now.
    refresh: function () {
      const { app } = this;
      const level = app.filledLevel();
      this.classes.replaceChildren();
      if (app.mode !== "households" || !level) return;
      const edges = [...level.breaks, null];
      edges.forEach((edge, k) => {
        const low = k ? app.cards.count(level.breaks[k - 1]) : "0";
        const label = edge === null ? `≥ ${low}` : `${low} – ${app.cards.count(edge - 1)}`;
        this.classes.append(this.patch(app.data.ramp[Math.min(k, app.data.ramp.length - 1)], label));
      });
      if (level.households.some((each) => each < 0)) this.classes.append(this.patch(app.data.unknown, app.words.unknown));
    },

    patch: function (colour, label) {
      const swatch = el("i", "gm-patch");
      swatch.style.setProperty("--colour", colour);
      return el("div", "gm-line", swatch, el("span", "gm-label", label));
    },

    circles: function () {
      const { app } = this;
      const { circles } = app;
      const lines = circles.ranges.map((minutes, k) => {
        const swatch = el("i", "gm-patch gm-round");
        swatch.style.setProperty("--colour", circles.colours[k]);
        const drawn = circles.areas.rings.filter((rings, i) => rings.length && circles.range[i] === k).length;
        return this.line(swatch, `${minutes} ${app.words.minutes}`, drawn, (on) => app.showRange(k, on));
      });
      return this.section(app.words.circles, ...lines);
    },

    incidents: function () {
      const { app } = this;
      const { points } = app;
      const lines = points.outcomes.map((outcome) => {
        const dot = el("i", "gm-dot");
        dot.style.background = outcome.colour;
        return this.line(dot, outcome.title || app.words.incidents, outcome.count, (on) => {
          outcome.shown = on;
          points.repaint();
        });
      });
      const left = app.data.incidents.left;
      if (left) lines.push(el("div", "gm-note", `${app.words.notDrawn} ${app.cards.count(left)}`));
      const all = points.outcomes.reduce((sum, outcome) => sum + outcome.count, 0);
      return this.section(`${app.words.incidents} ${app.cards.count(all)}`, ...lines);
    },
  });

  gridmap.Panel = Panel;
})();
