// The search box: a code, the beginning of a code, or (part of) a name.
(function () {
  "use strict";
  const gridmap = (window.gridmap = window.gridmap || {});
  const { el } = gridmap;
  const SHOWN = 8;

  const plain = (text) => text.normalize("NFKC").replace(/\s+/g, "").toLowerCase();

  // Every grid with what it is found by, the coarsest level first.
  function indexOf(levels) {
    const entries = [];
    for (const level of levels)
      for (let i = 0; i < level.length; i++)
        entries.push({ depth: level.depth, i, code: plain(level.codes[i]), name: plain(level.names[i] || "") });
    return entries;
  }

  // How well an entry fits, 0 the best; -1 where it does not.
  function rank(entry, query) {
    if (entry.code === query) return 0;
    if (entry.name === query) return 1;
    if (entry.code.startsWith(query)) return 2;
    if (entry.name.startsWith(query)) return 3;
    return entry.name.includes(query) ? 4 : -1;
  }

  function find(entries, text) {
    const query = plain(text);
    if (!query) return [];
    const hits = [];
    for (const entry of entries) {
      const fit = rank(entry, query);
      if (fit >= 0) hits.push([fit, entry]);
    }
    return hits.sort((a, b) => a[0] - b[0]).map((hit) => hit[1]);
  }

  const Search = L.Control.extend({
    options: { position: "topleft" },

    initialize: function (app) {
      this.app = app;
      this.entries = indexOf(app.levels);
      this.hits = [];
    },

    onAdd: function () {
      const { words } = this.app;
      this.input = el("input", "gm-query");
      Object.assign(this.input, { type: "search", placeholder: words.search, autocomplete: "off", spellcheck: false });
      this.input.setAttribute("aria-label", words.search);
      this.list = el("div", "gm-hits");
      this.message = el("div", "gm-message");
      this.message.setAttribute("role", "status");
      this.found = el("div", "gm-found");
      const box = el("div", "gm-box gm-search", this.input, this.message, this.list, this.found);
      L.DomEvent.disableClickPropagation(box);
      L.DomEvent.disableScrollPropagation(box);
      this.input.addEventListener("input", () => this.suggest());
      this.input.addEventListener("keydown", (event) => this.key(event));
      return box;
    },

    key: function (event) {
      if (event.isComposing) return; // Enter that ends a Chinese input is not the Enter that searches
      if (event.key === "Enter") this.run(this.input.value);
      if (event.key === "Escape") this.clear();
      if (event.key === "ArrowDown" && this.list.firstChild) {
        event.preventDefault();
        this.list.firstChild.focus();
      }
    },

    suggest: function () {
      const text = this.input.value;
      if (!text.trim()) return this.clear();
      this.hits = find(this.entries, text);
      this.message.textContent = this.hits.length ? "" : this.nothing(text);
      this.fillList(this.hits);
    },

    nothing: function (text) {
      return `${this.app.words.nothing} “${text.trim().slice(0, 40)}”`;
    },

    fillList: function (hits) {
      const { words, levels, cards } = this.app;
      const buttons = hits.slice(0, SHOWN).map((hit) => {
        const level = levels[hit.depth];
        const button = el("button", "gm-hit", el("b", "", cards.nameOf(level, hit.i)),
          el("span", "", `${level.title} ${level.codes[hit.i]}`));
        button.type = "button";
        button.addEventListener("click", () => this.choose(hit));
        return button;
      });
      const rest = hits.length - buttons.length;
      if (rest > 0) buttons.push(el("div", "gm-more", `${words.more} ${cards.count(rest)} ${words.moreGrids}`));
      this.list.replaceChildren(...buttons);
    },

    // Search and go to the best hit; used by Enter and by the address (#code=…).
    run: function (text) {
      if (!text.trim()) return this.clear();
      this.input.value = text;
      this.hits = find(this.entries, text);
      if (this.hits.length) return this.choose(this.hits[0]);
      this.list.replaceChildren();
      this.found.replaceChildren();
      this.message.textContent = this.nothing(text);
      this.app.select(null);
      document.documentElement.dataset.found = "";
    },

    choose: function (hit) {
      const { levels, cards } = this.app;
      const others = this.hits.filter((each) => each !== hit);
      this.message.textContent = "";
      this.input.value = levels[hit.depth].codes[hit.i];
      this.found.replaceChildren(cards.grid(hit.depth, hit.i));
      this.fillList(others);
      this.app.select(hit);
      document.documentElement.dataset.found = levels[hit.depth].codes[hit.i];
    },

    clear: function () {
      this.input.value = "";
      this.message.textContent = "";
      this.list.replaceChildren();
      this.found.replaceChildren();
      this.app.select(null);
      delete document.documentElement.dataset.found;
    },
  });

  Object.assign(gridmap, { Search, find, indexOf });
})();
