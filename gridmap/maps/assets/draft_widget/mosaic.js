// The blocks: their shapes as shared arcs in typed arrays, which grid each is in, and the borders that follow from it.
// Part of one module; gridmap.maps.draft_widget puts the parts together.

const WORLD = L.CRS.EPSG3857;
const UNCLASSED = 255;
const BLOCK_LINE = 254;

class Mosaic {
  constructor(scene) {
    Object.assign(this, { quantum: scene.quantum, unknown: scene.unknown, band: scene.band });
    this.columns = Object.keys(scene.columns);
    this.depth = scene.levels.length;
    Object.assign(this, { number: [], homes: [], water: [], shapes: [], codes: [], label: [], locked: new Set() });
    Object.assign(this, { rowOf: new Map(), slotOf: new Map(), kin: new Map(), figures: [], whole: null });
    this.xy = new Float64Array(0);
    this.arcAt = [0];
    this.patch(scene.blocks);
    this.apply(scene.start);
  }

  get length() {
    return this.number.length;
  }

  get arcs() {
    return this.arcAt.length - 1;
  }

  // Take over shapes: all of them at first, later those of blocks that were cut and of what touches them.
  patch(data) {
    const rows = gridmap.decodeSteps(data.rows);
    const numbers = gridmap.decodeSteps(data.numbers);
    const homes = gridmap.decodeInts(data.households);
    const water = gridmap.decodeInts(data.water);
    if (data.first === this.arcs) this.addArcs(gridmap.decodeArcs(data.arcs));
    else if (data.first < this.arcs) this.addArcs(gridmap.decodeArcs(data.arcs).slice(this.arcs - data.first));
    gridmap.decodeShapes(data.shapes).forEach((shape, i) => {
      const row = rows[i];
      this.shapes[row] = shape;
      this.number[row] = numbers[i];
      this.homes[row] = homes[i];
      this.water[row] = water[i];
      this.rowOf.set(numbers[i], row);
      if (this.label[row] === undefined) this.label[row] = -1;
    });
    this.boxes = this.shapes.map((shape) => this.boxOf(shape));
  }

  addArcs(arcs) {
    let size = this.xy.length;
    const old = this.xy;
    this.xy = new Float64Array(size + arcs.reduce((sum, arc) => sum + arc.length, 0));
    this.xy.set(old);
    for (const arc of arcs) {
      for (let k = 0; k < arc.length; k += 2) {
        const at = worldOf(arc[k + 1] * this.quantum, arc[k] * this.quantum);
        this.xy[size++] = at.x;
        this.xy[size++] = at.y;
      }
      this.arcAt.push(size);
    }
    const boxes = new Float64Array(4 * this.arcs);
    for (let i = 0; i < this.arcs; i++) boxes.set(boxOfPoints(this.xy, this.arcAt[i], this.arcAt[i + 1]), 4 * i);
    this.arcBoxes = boxes;
  }

  boxOf(shape) {
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    for (const ring of shape) for (const ref of ring) widen(box, this.arcBoxes, 4 * (ref < 0 ? ~ref : ref));
    return box;
  }

  // Take over labels, figures and parents that changed.
  apply(change) {
    if (change.patch) this.patch(change.patch);
    const first = change.is === "state" ? 0 : this.codes.length;
    change.codes.forEach((code, i) => {
      this.codes[first + i] = code;
      this.slotOf.set(code, first + i);
    });
    const rows = gridmap.decodeSteps(change.rows);
    gridmap.decodeInts(change.label).forEach((slot, i) => (this.label[rows[i]] = slot));
    const grids = gridmap.decodeSteps(change.grids);
    const figures = gridmap.decodeInts(change.figures);
    const width = this.columns.length;
    grids.forEach((grid, i) => (this.figures[grid] = figures.slice(i * width, (i + 1) * width)));
    for (const [code, kin] of Object.entries(change.kin)) this.kin.set(code, kin);
    this.whole = change.whole;
    this.edits = change.edits;
    this.locked = new Set(change.locked);
    this.findBorders();
    this.areas = null;
    this.members = null;
    this.spots = [];
  }

  // Which rows lie left and right of each arc, and how important the border on it is: 0 for the coarsest level.
  findBorders() {
    const one = new Int32Array(this.arcs).fill(-1);
    const other = new Int32Array(this.arcs).fill(-1);
    for (let row = 0; row < this.length; row++) {
      if (this.label[row] < 0) continue;
      for (const ring of this.shapes[row])
        for (const ref of ring) {
          const arc = ref < 0 ? ~ref : ref;
          if (one[arc] < 0) one[arc] = row;
          else other[arc] = row;
        }
    }
    const lineage = this.codes.map((code) => this.lineage(code));
    this.rank = new Uint8Array(this.arcs).fill(UNCLASSED);
    for (let arc = 0; arc < this.arcs; arc++) {
      if (one[arc] < 0) continue;
      const a = this.label[one[arc]];
      const b = other[arc] < 0 ? -1 : this.label[other[arc]];
      if (a === b) this.rank[arc] = BLOCK_LINE;
      else if (b < 0) this.rank[arc] = 0;
      else {
        let k = 0;
        while (k < this.depth - 1 && lineage[a][k] === lineage[b][k]) k++;
        this.rank[arc] = k;
      }
    }
    Object.assign(this, { one, other });
  }

  // Rings round all rows of one kind, by kind: few and long, where single blocks would be many and short.
  areasBy(kindOf) {
    if (this.areas) return this.areas;
    const kinds = new Map();
    const put = (kind, arc) => {
      if (!kinds.has(kind)) kinds.set(kind, []);
      kinds.get(kind).push(arc);
    };
    for (let arc = 0; arc < this.arcs; arc++) {
      if (this.one[arc] < 0) continue;
      const a = kindOf(this.one[arc]);
      const b = this.other[arc] < 0 ? null : kindOf(this.other[arc]);
      if (a === b) continue;
      put(a, arc);
      if (b !== null) put(b, arc);
    }
    this.areas = new Map([...kinds].map(([kind, arcs]) => [kind, this.chain(arcs)]));
    return this.areas;
  }

  // Arcs put together to rings; filled by the even-odd rule, so that it does not matter which way to go at a crossing.
  chain(arcs) {
    const ends = new Map();
    const key = (at) => `${this.xy[at]} ${this.xy[at + 1]}`;
    const from = (arc) => key(this.arcAt[arc]);
    const to = (arc) => key(this.arcAt[arc + 1] - 2);
    for (const arc of arcs)
      for (const end of [from(arc), to(arc)]) {
        if (!ends.has(end)) ends.set(end, []);
        ends.get(end).push(arc);
      }
    const done = new Set();
    const rings = [];
    for (const first of arcs) {
      if (done.has(first)) continue;
      const ring = { refs: [], box: [Infinity, Infinity, -Infinity, -Infinity] };
      let at = from(first);
      for (let arc = first; arc !== undefined; ) {
        done.add(arc);
        const backwards = from(arc) !== at;
        ring.refs.push(backwards ? ~arc : arc);
        widen(ring.box, this.arcBoxes, 4 * arc);
        at = backwards ? from(arc) : to(arc);
        arc = ends.get(at).find((each) => !done.has(each));
      }
      rings.push(ring);
    }
    return rings;
  }

  // Codes of the grids that a grid lies in, from the coarsest level to itself.
  lineage(code) {
    const found = [code];
    while (found.length < this.depth) found.unshift(this.parent(found[0]));
    return found;
  }

  parent(code) {
    return (this.kin.get(code) ?? [null])[0];
  }

  // How people call the grid above one: its name, or what its code adds to its own parent's; "" for none.
  parentName(slot) {
    const parent = this.parent(this.codes[slot]);
    return parent === null ? "" : this.kin.get(parent)?.[1] ?? this.shorten(parent);
  }

  rowsOf(slot) {
    if (!this.members) {
      this.members = this.codes.map(() => []);
      for (let row = 0; row < this.length; row++) if (this.label[row] >= 0) this.members[this.label[row]].push(row);
    }
    return this.members[slot] ?? [];
  }

  // Grids that lie beside some rows, those with most common border first.
  gridsBeside(rows) {
    const inside = new Set(rows);
    const length = new Map();
    const own = new Set([...inside].map((row) => this.label[row]));
    for (const row of inside)
      for (const ring of this.shapes[row])
        for (const ref of ring) {
          const arc = ref < 0 ? ~ref : ref;
          const beside = this.one[arc] === row ? this.other[arc] : this.one[arc];
          if (beside < 0 || inside.has(beside)) continue;
          const slot = this.label[beside];
          if (own.size === 1 && own.has(slot)) continue;
          const box = this.arcBoxes.subarray(4 * arc, 4 * arc + 4);
          length.set(slot, (length.get(slot) ?? 0) + Math.hypot(box[2] - box[0], box[3] - box[1]));
        }
    return [...length.keys()].sort((a, b) => length.get(b) - length.get(a));
  }

  figure(slot, name) {
    const values = this.figures[slot];
    const value = values ? values[this.columns.indexOf(name)] : this.unknown;
    return value === this.unknown ? null : value;
  }

  // Row of the block at a place, -1 for none.
  at(latlng) {
    const { x, y } = worldOf(latlng.lat, latlng.lng);
    for (let row = 0; row < this.length; row++) {
      const box = this.boxes[row];
      if (this.label[row] < 0 || x < box[0] || y < box[1] || x > box[2] || y > box[3]) continue;
      if (this.holds(row, x, y)) return row;
    }
    return -1;
  }

  holds(row, x, y) {
    let inside = false;
    for (const ring of this.shapes[row])
      for (const ref of ring) {
        const arc = ref < 0 ? ~ref : ref;
        for (let k = this.arcAt[arc] + 2; k < this.arcAt[arc + 1]; k += 2) {
          const y0 = this.xy[k - 1];
          const y1 = this.xy[k + 1];
          if (y0 > y === y1 > y) continue;
          if (x < ((this.xy[k] - this.xy[k - 2]) * (y - y0)) / (y1 - y0) + this.xy[k - 2]) inside = !inside;
        }
      }
    return inside;
  }

  bounds(rows) {
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    for (const row of rows) widen(box, this.boxes[row], 0);
    if (box[0] > box[2]) return null;
    return L.latLngBounds(WORLD.pointToLatLng(L.point(box[0], box[3]), 0), WORLD.pointToLatLng(L.point(box[2], box[1]), 0));
  }

  living() {
    return [...this.number.keys()].filter((row) => this.label[row] >= 0);
  }

  // Code without what it shares with its parent: short enough to stand on the map.
  shortCode(slot) {
    return this.shorten(this.codes[slot]);
  }

  shorten(code) {
    const parent = this.parent(code);
    return parent && code.startsWith(parent) && code.length > parent.length ? code.slice(parent.length) : code;
  }
}

function worldOf(lat, lng) {
  return WORLD.latLngToPoint(L.latLng(lat, lng), 0);
}

function boxOfPoints(xy, from, to) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (let k = from; k < to; k += 2) {
    if (xy[k] < box[0]) box[0] = xy[k];
    if (xy[k + 1] < box[1]) box[1] = xy[k + 1];
    if (xy[k] > box[2]) box[2] = xy[k];
    if (xy[k + 1] > box[3]) box[3] = xy[k + 1];
  }
  return box;
}

function widen(box, by, at) {
  if (by[at] < box[0]) box[0] = by[at];
  if (by[at + 1] < box[1]) box[1] = by[at + 1];
  if (by[at + 2] > box[2]) box[2] = by[at + 2];
  if (by[at + 3] > box[3]) box[3] = by[at + 3];
}
