// What is said of a grid, an incident or a place. Text from data goes into text nodes only, never into markup.
(function () {
  "use strict";
  const gridmap = (window.gridmap = window.gridmap || {});

  // An element with a class and children; strings become text.
  function el(tag, name, ...children) {
    const node = document.createElement(tag);
    if (name) node.className = name;
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }

  function rows(pairs) {
    const list = el("dl", "gm-facts");
    for (const [label, value] of pairs) if (value) list.append(el("dt", "", label), el("dd", "", value));
    return list;
  }

  class Cards {
    constructor(app) {
      this.app = app;
      this.number = new Intl.NumberFormat(app.data.language === "zh" ? "zh-CN" : "en");
    }

    count(n) {
      return n < 0 ? "" : this.number.format(n);
    }

    area(m2) {
      const words = this.app.words;
      if (m2 < 0) return "";
      const large = m2 >= 1e6;
      const value = large ? m2 / 1e6 : m2 / 1e4;
      return `${value.toFixed(value < 10 ? 2 : 1)} ${large ? words.squareKilometres : words.hectares}`;
    }

    nameOf(level, i) {
      return level.names[i] || level.codes[i];
    }

    // The grids above grid i, the coarsest first.
    above(depth, i) {
      const found = [];
      for (let d = depth; d > 0 && i >= 0; d--) {
        i = this.app.levels[d].parents[i];
        if (i >= 0) found.unshift([this.app.levels[d - 1], i]);
      }
      return found;
    }

    // Who leads grid i, or else the nearest grid above it that somebody leads.
    leader(depth, i) {
      const chain = [...this.above(depth, i), [this.app.levels[depth], i]];
      for (const [level, at] of chain.reverse()) {
        if (level.leads[at] >= 0) {
          const [role, name, phone] = this.app.data.people[level.leads[at]];
          const from = level.depth === depth ? "" : `（${this.nameOf(level, at)}）`;
          return [role, name, phone].filter(Boolean).join(" ") + from;
        }
      }
      return this.app.data.hasRoster ? this.app.words.nobody : "";
    }

    grid(depth, i) {
      const words = this.app.words;
      const level = this.app.levels[depth];
      const parents = this.above(depth, i).map(([each, at]) => this.nameOf(each, at));
      return el("div", "gm-card",
        el("div", "gm-kind", level.title),
        el("div", "gm-name", this.nameOf(level, i)),
        rows([
          [words.code, level.codes[i]],
          [words.within, parents.join(" › ")],
          [words.households, this.count(level.households[i])],
          [words.residents, this.count(level.residents[i])],
          [words.area, this.area(level.area[i])],
          [words.body, level.body[i] < 0 ? "" : level.bodies[level.body[i]]],
          [words.person, this.leader(depth, i)],
        ])
      );
    }

    incident(i) {
      const { words, points } = this.app;
      const outcome = points.outcomes[points.outcome[i]];
      const mark = el("i", "gm-dot");
      mark.style.background = outcome.colour;
      return el("div", "gm-card",
        el("div", "gm-kind", mark, words.incidents),
        el("div", "gm-name", points.types[points.type[i]] || words.incidents),
        rows([
          [words.time, points.time(i)],
          [words.grid, this.gridLine(points.grid[i])],
          [words.outcome, outcome.title],
          [words.person, points.persons[points.person[i]] || ""],
        ])
      );
    }

    // Name and code of a grid that is counted through all levels.
    gridLine(number) {
      if (number < 0) return this.app.words.noGrid;
      for (const level of this.app.levels) {
        if (number < level.length) {
          const [name, code] = [level.names[number], level.codes[number]];
          return name && name !== code ? `${name} ${code}` : code;
        }
        number -= level.length;
      }
      return "";
    }

    // The nearest range of each station whose circle holds the place.
    walk(latlng) {
      const circles = this.app.circles;
      if (!circles) return null;
      const best = new Map();
      for (const i of circles.areas.all(latlng)) {
        const [station, range] = [circles.station[i], circles.range[i]];
        if (circles.shown[range] && !(best.get(station) <= range)) best.set(station, range);
      }
      if (!best.size) return null;
      const lines = [...best].sort((a, b) => a[1] - b[1] || a[0] - b[0]).slice(0, 3);
      const unit = this.app.words.minutes;
      return el("div", "gm-walk", rows([[this.app.words.walk,
        lines.map(([station, range]) => `${circles.stations[station]} ${circles.ranges[range]} ${unit}`).join("、")]]));
    }
  }

  // A box beside the pointer that stays inside the map.
  class Tip {
    constructor(container) {
      this.box = el("div", "gm-tip");
      this.box.setAttribute("role", "tooltip");
      this.container = container;
      container.append(this.box);
      this.hide();
    }

    show(content, point) {
      this.box.replaceChildren(...content.filter(Boolean));
      this.box.hidden = false;
      this.move(point);
    }

    move(point) {
      const { offsetWidth: w, offsetHeight: h } = this.box;
      const x = point.x + 16 + w > this.container.clientWidth ? point.x - 16 - w : point.x + 16;
      const y = Math.min(point.y + 14, this.container.clientHeight - h - 8);
      this.box.style.transform = `translate(${Math.max(8, x)}px, ${Math.max(8, y)}px)`;
    }

    hide() {
      this.box.hidden = true;
    }
  }

  Object.assign(gridmap, { el, Cards, Tip });
})();
