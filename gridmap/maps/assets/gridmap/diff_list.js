// The column beside two plans: levels to choose, what moved, a legend that filters, and the list of changes.
(function () {
  "use strict";
  const gridmap = (window.gridmap = window.gridmap || {});
  const { el } = gridmap;
  const STEP = 200;

  class ChangeList {
    constructor(app) {
      this.app = app;
      this.hidden = new Set();
      this.levels = el("div", "gm-modes");
      this.moved = el("div", "gm-moved");
      this.kinds = el("div", "gm-kinds");
      this.list = el("div", "gm-list");
      const whole = el("button", "gm-whole", app.words.whole);
      whole.type = "button";
      whole.addEventListener("click", () => app.whole());
      const title = el("h1", "", app.data.title, whole);
      this.box = el("aside", "gm-changes", title, this.levels, this.moved, this.kinds, this.list);
      app.levels.forEach((level, depth) => this.levels.append(this.tab(level, depth)));
    }

    tab(level, depth) {
      const box = el("input");
      Object.assign(box, { type: "radio", name: "gm-level", value: level.name, checked: depth === this.app.depth });
      box.addEventListener("change", () => this.app.showLevel(depth));
      return el("label", "", box, el("span", "", `${level.title} ${this.app.count(level.rows.length)}`));
    }

    // Fill the column anew for the level that is shown.
    show(level) {
      const { words, count, area } = this.app;
      const [number, unit] =
        level.moved.households < 0 ? [area(level.moved.area), ""] : [count(level.moved.households), words.householdsUnit];
      const share = `${(100 * level.moved.share).toFixed(level.moved.share < 0.1 ? 2 : 1)} %`;
      this.moved.replaceChildren(el("span", "", `${words.movedHere} `), el("b", "", number), el("span", "", ` ${unit} · ${share}`));
      this.legend(level);
      this.fill(level, STEP);
    }

    legend(level) {
      const { app } = this;
      const lines = app.data.changes.map((change, k) => {
        const kept = change.name === "kept";
        const rows = level.rows.filter((row) => row.change === k).length;
        const number = kept ? level.sides[1].row.filter((row) => row < 0).length : rows;
        const swatch = el("i", "gm-patch");
        swatch.style.setProperty("--colour", change.colour);
        const said = [swatch, el("span", "gm-label", change.title), el("span", "gm-count", app.count(number))];
        if (kept) return el("div", "gm-line", el("span", "gm-nobox"), ...said);
        const box = el("input");
        Object.assign(box, { type: "checkbox", checked: !this.hidden.has(k), value: change.name });
        box.addEventListener("change", () => {
          this.hidden[box.checked ? "delete" : "add"](k);
          this.fill(level, STEP);
        });
        return el("label", "gm-line", box, ...said);
      });
      const stroke = el("i", "gm-stroke");
      stroke.style.setProperty("--colour", app.data.movedBorder);
      lines.push(el("div", "gm-line", el("span", "gm-nobox"), stroke, el("span", "gm-label", app.words.movedBorder)));
      this.kinds.replaceChildren(...lines);
    }

    fill(level, most) {
      const rows = level.rows.filter((row) => !this.hidden.has(row.change));
      this.buttons = new Map();
      const buttons = rows.slice(0, most).map((row) => this.button(level, row));
      const { words, count } = this.app;
      if (!level.rows.length) buttons.push(el("div", "gm-empty", words.noChanges));
      if (rows.length > most) {
        const more = el("button", "gm-more-changes", `${words.showMore} (${count(rows.length - most)})`);
        more.type = "button";
        more.addEventListener("click", () => this.fill(level, most + STEP));
        buttons.push(more);
      }
      this.list.replaceChildren(...buttons);
      this.choose(this.app.chosen);
    }

    button(level, row) {
      const { app } = this;
      const bar = el("i");
      bar.style.setProperty("--colour", app.data.changes[row.change].colour);
      const [was, is] = app.sidesOf(level, row);
      const button = el("button", "gm-change", bar, el("b", "", app.titleOf(level, row)), el("em", "", app.movedBy(row)),
        el("small", "", `${app.data.changes[row.change].title} ${was === is ? was : `${was} → ${is}`}`));
      button.type = "button";
      button.addEventListener("click", () => app.choose(row, true));
      this.buttons.set(row, button);
      return button;
    }

    choose(row) {
      for (const [each, button] of this.buttons) button.classList.toggle("gm-chosen", each === row);
      const button = this.buttons.get(row);
      if (button) button.scrollIntoView({ block: "nearest" });
    }
  }

  Object.assign(gridmap, { ChangeList });
})();
