// The panel beside the map: figures of the plan, what is picked, what can be done, what was done or refused.

function el(tag, name = "", words = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (words !== "") made.textContent = words;
  return made;
}

// A label in Chinese with the English beside it.
function both(chinese, english, tag = "span", name = "") {
  const made = el(tag, name);
  made.append(el("span", "gmd-zh", chinese), el("span", "gmd-en", english));
  return made;
}

function button(chinese, english, action, name = "gmd-button") {
  const made = both(chinese, english, "button", name);
  made.type = "button";
  made.addEventListener("click", action);
  return made;
}

const percent = (share, digits = 1) => (share === null ? "—" : `${(100 * share).toFixed(digits)}%`);
const counted = (value) => (value === null ? "—" : Math.round(value).toLocaleString("en"));

// Of the whole plan: name, label, how it is written, and whether more is better (1), worse (-1) or neither (0).
const WHOLE = [
  ["in_band", "达标率", "In band", percent, 1],
  ["worst", "最大偏差", "Worst", percent, -1],
  ["count", "网格数", "Grids", counted, 0],
  ["broken", "不连通", "Broken", counted, -1],
  ["compactness", "紧凑度", "Compact", (v) => (v === null ? "—" : v.toFixed(3)), 1],
  ["on_streets", "沿主路", "On streets", percent, 1],
  ["buildings_cut", "切开建筑", "Cut", counted, -1],
];

// Of a grid, in the table before → after.
const COLUMNS = [
  ["households", "户数", "Households", counted],
  ["deviation", "偏差", "Deviation", (v) => (v === null ? "—" : signed(v))],
  ["compactness", "紧凑", "Compact", (v) => (v === null ? "—" : (v / 1000).toFixed(2))],
  ["station_s", "到站", "Walk", (v) => (v === null ? "—" : `${(v / 60).toFixed(1)}′`)],
];

class Panel {
  constructor(view) {
    this.view = view;
    this.root = el("div", "gmd-panel");
    this.figures = this.section("全方案", "Whole plan", "gmd-whole");
    this.picked = this.section("已选", "Picked", "gmd-picked");
    this.actions = this.section("操作", "Edit", "gmd-actions");
    this.said = this.section("", "", "gmd-said");
    this.last = this.section("上一步", "Last edit", "gmd-last");
    this.proposal = this.section("方案", "Proposal", "gmd-proposal");
    this.makeActions();
    this.makeProposal();
  }

  section(chinese, english, name) {
    const made = el("section", name);
    if (chinese) made.append(both(chinese, english, "h2"));
    const body = el("div", "gmd-body");
    made.append(body);
    this.root.append(made);
    return body;
  }

  makeActions() {
    const { view } = this;
    const make = (chinese, english, key, action) => {
      const made = button(chinese, english, action);
      made.dataset.do = key;
      return made;
    };
    this.buttons = [
      make("移动", "Move", "move", () => view.move()),
      make("拆分", "Split", "split", () => view.ask("split", { code: view.grids()[0], n: 2 })),
      make("划线拆分", "Split by line", "line", () => view.lineButton()),
      make("合并", "Merge", "merge", () => view.ask("merge", { codes: view.grids() })),
      make("重划", "Redraw", "redraw", () => view.ask("redraw", { codes: view.grids() })),
      make("均衡", "Rebalance", "rebalance", () => view.ask("rebalance", {})),
      make("锁定", "Lock", "lock", () => view.lock()),
      make("撤销", "Undo", "undo", () => view.ask("undo", {})),
      make("重做", "Redo", "redo", () => view.ask("redo", {})),
    ];
    this.actions.append(...this.buttons);
  }

  makeProposal() {
    this.note = el("input", "gmd-note");
    this.note.placeholder = "依据或说明 · reason or document";
    this.note.setAttribute("aria-label", "依据或说明 · reason or document");
    const send = button("提交方案", "Propose", () => this.view.ask("propose", { note: this.note.value }), "gmd-button gmd-main");
    send.dataset.do = "propose";
    this.buttons.push(send);
    this.proposed = el("div", "gmd-proposed");
    this.proposal.append(this.note, send, this.proposed);
  }

  refresh() {
    const { view } = this;
    const { mosaic } = view;
    const rows = view.rows();
    const homes = rows.reduce((sum, row) => sum + mosaic.homes[row], 0);
    const grids = view.grids();
    this.picked.replaceChildren(
      both(
        rows.length ? `${rows.length.toLocaleString("en")} 个街块 · ${homes.toLocaleString("en")} 户` : "未选街块",
        rows.length ? "blocks, households" : "no block", "div", "gmd-count"
      )
    );
    if (rows.length) this.picked.append(this.targets(rows));
    const listed = el("div", "gmd-chips");
    listed.append(both("网格", "Grids", "span", "gmd-lead"));
    for (const slot of view.gridSlots()) listed.append(this.chip(slot, true));
    if (!grids.length) listed.append(el("span", "gmd-none", "未选 none"));
    this.picked.append(listed);
    if (rows.length || grids.length) this.picked.append(button("清空", "Clear", () => view.clear(), "gmd-clear"));
    const locked = grids.length > 0 && grids.every((code) => mosaic.locked.has(code));
    const can = {
      move: rows.length > 0 && grids.length === 1, split: grids.length === 1, line: true, merge: grids.length > 1,
      redraw: grids.length > 0, rebalance: true, lock: grids.length > 0, undo: true, redo: true, propose: mosaic.edits > 0,
    };
    for (const made of this.buttons) made.disabled = view.busy || !can[made.dataset.do];
    const lock = this.buttons.find((made) => made.dataset.do === "lock");
    lock.replaceChildren(...both(locked ? "解锁" : "锁定", locked ? "Unlock" : "Lock").childNodes);
    const line = this.buttons.find((made) => made.dataset.do === "line");
    line.classList.toggle("gmd-ready", view.tools.points.length >= 2);
    this.root.classList.toggle("gmd-busy", view.busy);
  }

  // Neighbours of the picked blocks, each a click away from being the goal of a move.
  targets(rows) {
    const { view } = this;
    const made = el("div", "gmd-chips");
    made.append(both("移到", "Move to", "span", "gmd-lead"));
    const chosen = view.gridSlots();
    for (const slot of view.mosaic.gridsBeside(rows).slice(0, 5)) if (!chosen.includes(slot)) made.append(this.chip(slot, false));
    return made;
  }

  chip(slot, chosen) {
    const { mosaic } = this.view;
    const made = el("button", chosen ? "gmd-chip gmd-chosen" : "gmd-chip");
    made.type = "button";
    made.title = mosaic.codes[slot];
    const deviation = mosaic.figure(slot, "deviation");
    const dot = el("i", "gmd-dot");
    const at = deviationClass(deviation, mosaic.band);
    dot.style.background = at < 0 ? NO_FIGURE : FILLS[at];
    const above = mosaic.parentName(slot);
    made.append(dot, above, el("b", "", mosaic.shortCode(slot)), deviation === null ? "" : signed(deviation));
    if (chosen) made.append(el("span", "gmd-x", "×"));
    made.addEventListener("click", () => (chosen ? this.view.toggleGrid(slot) : this.view.aim(slot)));
    return made;
  }

  // Figures of the plan, with those before the last edit where they differ.
  whole(now, before) {
    this.figures.replaceChildren(
      ...WHOLE.map(([name, chinese, english, write, better]) => {
        const tile = el("div", "gmd-tile");
        tile.dataset.figure = name;
        const value = el("b", "", write(now[name]));
        tile.append(both(chinese, english), value);
        const was = before ? before[name] : now[name];
        if (before && write(was) !== write(now[name])) {
          const good = Math.sign(now[name] - was) * better;
          tile.append(el("s", good > 0 ? "gmd-good" : good < 0 ? "gmd-bad" : "", write(was)));
        }
        return tile;
      })
    );
  }

  edit(edit) {
    this.last.parentElement.hidden = !edit;
    if (!edit) return;
    this.last.replaceChildren(el("p", "gmd-title", edit.title));
    if (edit.note) this.last.append(el("p", "gmd-small", edit.note));
    if (edit.rows.length) this.last.append(this.table(edit));
    if (edit.more) this.last.append(el("p", "gmd-small", `另有 ${edit.more} 个网格 · and ${edit.more} more`));
  }

  table(edit) {
    const { mosaic } = this.view;
    const at = COLUMNS.map(([name]) => mosaic.columns.indexOf(name));
    const value = (row, k) => (!row || row[at[k]] === mosaic.unknown ? null : row[at[k]]);
    const known = COLUMNS.map((_, k) => edit.rows.some((row) => value(row.before, k) !== null || value(row.after, k) !== null));
    const table = el("table");
    const head = el("tr");
    head.append(both("网格", "Grid", "th"));
    COLUMNS.forEach(([, chinese, english], k) => known[k] && head.append(both(chinese, english, "th")));
    table.append(head);
    for (const row of edit.rows) {
      const line = el("tr", !row.before ? "gmd-made" : !row.after ? "gmd-ended" : "");
      line.dataset.code = row.code;
      const slot = mosaic.slotOf.get(row.code);
      const name = el("td");
      name.title = row.code;
      name.append(el("b", "gmd-code", slot === undefined ? row.code : mosaic.shortCode(slot)));
      name.append(el("span", "gmd-above", slot === undefined ? "" : mosaic.parentName(slot)));
      line.append(name);
      COLUMNS.forEach(([, , , write], k) => {
        if (!known[k]) return;
        const cell = el("td");
        const [was, now] = [value(row.before, k), value(row.after, k)];
        if (row.before && (!row.after || was !== now)) cell.append(el("s", "", write(was)));
        if (row.after) cell.append(el("b", "", write(now)));
        line.append(cell);
      });
      table.append(line);
    }
    return table;
  }

  say(kind, words) {
    this.said.parentElement.hidden = !words;
    this.said.parentElement.className = `gmd-said gmd-${kind}`;
    this.said.replaceChildren(el("p", "", words));
  }

  refuse(refusal) {
    const { view } = this;
    this.said.parentElement.hidden = false;
    this.said.parentElement.className = "gmd-said gmd-refused";
    const close = el("button", "gmd-close", "×");
    close.type = "button";
    close.title = "关闭 close";
    close.addEventListener("click", () => view.dismiss());
    const title = both(`不可以：${refusal.title[0]}`, refusal.title[1], "p", "gmd-title");
    this.said.replaceChildren(close, title, el("p", "gmd-small", refusal.message));
    for (const words of refusal.advice) this.said.append(el("p", "gmd-small", words));
    if (!refusal.options.length) return;
    this.said.append(both("可以改为", "Allowed instead", "p", "gmd-lead"));
    refusal.options.forEach((words, number) => {
      const made = el("button", "gmd-option", words);
      made.type = "button";
      made.dataset.option = number;
      made.addEventListener("mouseenter", () => view.offer(refusal.previews[number], refusal.lines[number]));
      made.addEventListener("mouseleave", () => view.offer([]));
      made.addEventListener("click", () => view.ask("option", { number }));
      this.said.append(made);
    });
    this.said.scrollIntoView({ block: "nearest" });
  }
}
