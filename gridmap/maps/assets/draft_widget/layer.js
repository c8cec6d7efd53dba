// One canvas for everything: fills by deviation, buildings, streets, borders, labels and what is marked.

const FILLS = ["#7d6fb0", "#bdb4da", "#e3e7dd", "#f2bb74", "#d7731f"];
const NO_FIGURE = "#d4d0c8";
const WATER = "#bcd7e6";
const CHOSEN = "#0a58ca";
const REFUSED = "#c81e3a";
const OFFERED = "#0f766e";
const FONT = '"Noto Sans CJK SC", "Noto Sans SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif';

// Class of a deviation in thousandths: far below, below, within the band, above, far above.
function deviationClass(deviation, band) {
  if (deviation === null) return -1;
  const share = deviation / 1000;
  const size = Math.abs(share) <= band + 5e-4 ? 0 : Math.abs(share) <= 2.5 * band + 5e-4 ? 1 : 2;
  return 2 + (share < 0 ? -size : size);
}

// Width in pixels of the borders of a level; 0 is the coarsest.
function borderWidth(rank, depth) {
  return [1.7, 3, 4.2][Math.min(depth - 1 - rank, 2)];
}

// What the canvas shows, and how world coordinates become pixels of it.
class Frame {
  constructor(map, bounds) {
    const origin = map.getPixelOrigin();
    this.zoom = map.getZoom();
    this.scale = Math.pow(2, this.zoom);
    Object.assign(this, { x: origin.x, y: origin.y });
    this.box = [bounds.min.x + origin.x, bounds.min.y + origin.y, bounds.max.x + origin.x, bounds.max.y + origin.y].map(
      (value) => value / this.scale
    );
  }

  misses(boxes, at) {
    const { box } = this;
    return boxes[at] > box[2] || boxes[at + 1] > box[3] || boxes[at + 2] < box[0] || boxes[at + 3] < box[1];
  }

  // Points of a stretch into a path, those left out that lie within a pixel of the one before.
  trace(ctx, xy, from, to, backwards, begin) {
    const { scale, x: left, y: top } = this;
    const step = backwards ? -2 : 2;
    let k = backwards ? to - 2 : from;
    const last = backwards ? from : to - 2;
    let px = xy[k] * scale - left;
    let py = xy[k + 1] * scale - top;
    if (begin) ctx.moveTo(px, py);
    else ctx.lineTo(px, py);
    while (k !== last) {
      k += step;
      const x = xy[k] * scale - left;
      const y = xy[k + 1] * scale - top;
      if (k !== last && Math.abs(x - px) < 0.8 && Math.abs(y - py) < 0.8) continue;
      ctx.lineTo(x, y);
      px = x;
      py = y;
    }
  }
}

const MosaicLayer = L.Canvas.extend({
  initialize: function (mosaic, backdrop, options) {
    L.Canvas.prototype.initialize.call(this, options);
    Object.assign(this, { mosaic, ...backdrop });
    this.marks = { chosen: new Set(), grids: [], moved: new Set(), refused: null, offered: new Set(), changed: null };
  },

  // Leaflet's own would then move the canvas by parts of a pixel, and so blur it.
  _reset: function () {
    this._update();
    this._postponeUpdatePaths = false;
    this._updatePaths();
  },

  repaint: function () {
    if (!this._map || !this._bounds) return;
    this._redrawBounds = null;
    this._clear();
    this._draw();
  },

  _draw: function () {
    if (!this._map || !this._bounds) return;
    const start = performance.now();
    const frame = new Frame(this._map, this._bounds);
    const ctx = this._ctx;
    ctx.save();
    ctx.lineJoin = ctx.lineCap = "round";
    const shown = this.shown(frame);
    this.drawFills(ctx, frame);
    this.drawBackdrop(ctx, frame);
    this.drawBorders(ctx, frame, shown);
    this.drawMarks(ctx, frame);
    this.drawNames(ctx, frame, shown);
    ctx.restore();
    this.tookMs = performance.now() - start;
  },

  shown: function (frame) {
    const { mosaic } = this;
    const rows = [];
    for (let row = 0; row < mosaic.length; row++)
      if (mosaic.label[row] >= 0 && !frame.misses(mosaic.boxes[row], 0)) rows.push(row);
    return rows;
  },

  traceRows: function (ctx, frame, rows) {
    const { xy, arcAt, shapes } = this.mosaic;
    ctx.beginPath();
    for (const row of rows)
      for (const ring of shapes[row]) {
        let begin = true;
        for (const ref of ring) {
          const arc = ref < 0 ? ~ref : ref;
          frame.trace(ctx, xy, arcAt[arc], arcAt[arc + 1], ref < 0, begin);
          begin = false;
        }
        // A ring ends where it began; closePath() would measure the whole path anew each time.
      }
  },

  drawFills: function (ctx, frame) {
    const { mosaic } = this;
    const { xy, arcAt } = mosaic;
    const classOf = mosaic.codes.map((_, slot) => deviationClass(mosaic.figure(slot, "deviation"), mosaic.band));
    const colourOf = (row) => (mosaic.water[row] ? WATER : (FILLS[classOf[mosaic.label[row]]] ?? NO_FIGURE));
    for (const [colour, rings] of mosaic.areasBy(colourOf)) {
      ctx.beginPath();
      for (const ring of rings) {
        if (frame.misses(ring.box, 0)) continue;
        ring.refs.forEach((ref, k) => {
          const arc = ref < 0 ? ~ref : ref;
          frame.trace(ctx, xy, arcAt[arc], arcAt[arc + 1], ref < 0, k === 0);
        });
      }
      ctx.fillStyle = colour;
      ctx.fill("evenodd");
    }
  },

  drawBackdrop: function (ctx, frame) {
    const { streets, buildings } = this;
    if (buildings && frame.zoom >= 14) {
      ctx.beginPath();
      buildings.trace(ctx, frame);
      ctx.fillStyle = "rgba(58, 62, 70, 0.30)";
      ctx.fill("evenodd");
    }
    if (!streets) return;
    const grown = Math.max(0.5, Math.min(2.2, Math.pow(1.35, frame.zoom - 14.5)));
    for (const kind of [2, 1, 0]) {
      if (frame.zoom < [0, 13, 14.5][kind]) continue;
      ctx.beginPath();
      streets.trace(ctx, frame, kind);
      ctx.strokeStyle = kind === 2 ? "rgba(255, 255, 255, 0.75)" : "#ffffff";
      ctx.lineWidth = [3.4, 2.1, 1][kind] * grown;
      ctx.stroke();
    }
  },

  // Borders are thinner where grids are small on the screen.
  drawBorders: function (ctx, frame, shown) {
    const { mosaic } = this;
    const finest = mosaic.depth - 1;
    const area = shown.reduce((sum, row) => sum + areaOf(mosaic.boxes[row]), 0) * frame.scale ** 2;
    const grids = new Set(shown.map((row) => mosaic.label[row])).size;
    const grown = Math.max(0.3, Math.min(1.5, Math.sqrt(area / (grids + 1)) / 70));
    if (Math.sqrt(area / (shown.length + 1)) > 18) this.strokeRank(ctx, frame, BLOCK_LINE, "rgba(80, 84, 92, 0.38)", 0.8);
    for (let rank = finest; rank >= 0; rank--) {
      const wide = Math.max(0.8, borderWidth(rank, mosaic.depth) * grown);
      if (wide > 2.4) this.strokeRank(ctx, frame, rank, "rgba(255, 255, 255, 0.85)", wide + 2);
      this.strokeRank(ctx, frame, rank, rank === finest ? "#37414d" : "#16202b", wide);
    }
  },

  strokeRank: function (ctx, frame, rank, colour, width) {
    const { mosaic } = this;
    ctx.beginPath();
    for (let arc = 0; arc < mosaic.arcs; arc++)
      if (mosaic.rank[arc] === rank && !frame.misses(mosaic.arcBoxes, 4 * arc))
        frame.trace(ctx, mosaic.xy, mosaic.arcAt[arc], mosaic.arcAt[arc + 1], false, true);
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    // Round ends are slow, and not to be seen on thin lines.
    ctx.lineCap = width < 2 ? "butt" : "round";
    ctx.lineJoin = width < 2 ? "bevel" : "round";
    ctx.stroke();
    ctx.lineJoin = ctx.lineCap = "round";
  },

  // Outline of some rows: arcs with one of them on one side only.
  traceOutline: function (ctx, frame, rows) {
    const { mosaic } = this;
    ctx.beginPath();
    for (const row of rows)
      for (const ring of mosaic.shapes[row])
        for (const ref of ring) {
          const arc = ref < 0 ? ~ref : ref;
          const beside = mosaic.one[arc] === row ? mosaic.other[arc] : mosaic.one[arc];
          if (beside >= 0 && rows.has(beside)) continue;
          frame.trace(ctx, mosaic.xy, mosaic.arcAt[arc], mosaic.arcAt[arc + 1], false, true);
        }
  },

  drawMarks: function (ctx, frame) {
    const { marks } = this;
    if (marks.changed) this.markRows(ctx, frame, marks.changed, { hatch: "rgba(10, 88, 202, 0.55)", line: CHOSEN, width: 1.6 });
    for (const slot of marks.grids) {
      const rows = new Set(this.mosaic.rowsOf(slot));
      this.traceOutline(ctx, frame, rows);
      Object.assign(ctx, { strokeStyle: "#ffffff", lineWidth: 8 });
      ctx.stroke();
      Object.assign(ctx, { strokeStyle: CHOSEN, lineWidth: 3.6 });
      ctx.stroke();
    }
    if (marks.refused) this.markRows(ctx, frame, marks.refused, { fill: "rgba(200, 30, 58, 0.20)", line: REFUSED, width: 3 });
    this.markRows(ctx, frame, marks.moved, { fill: "rgba(255, 255, 255, 0.45)", line: CHOSEN, width: 2.2 });
    this.markRows(ctx, frame, marks.chosen, { fill: "rgba(10, 88, 202, 0.32)", line: CHOSEN, width: 2.4 });
    this.markRows(ctx, frame, marks.offered, { fill: "rgba(15, 118, 110, 0.38)", line: OFFERED, width: 3, dash: [7, 5] });
  },

  markRows: function (ctx, frame, rows, style) {
    const alive = new Set([...rows].filter((row) => this.mosaic.label[row] >= 0));
    if (!alive.size) return;
    if (style.fill || style.hatch) {
      this.traceRows(ctx, frame, alive);
      ctx.fillStyle = style.fill ?? hatchOf(ctx, style.hatch);
      ctx.fill("evenodd");
    }
    this.traceOutline(ctx, frame, alive);
    ctx.setLineDash(style.dash ?? []);
    Object.assign(ctx, { strokeStyle: "rgba(255, 255, 255, 0.9)", lineWidth: style.width + 2 });
    ctx.stroke();
    Object.assign(ctx, { strokeStyle: style.line, lineWidth: style.width });
    ctx.stroke();
    ctx.setLineDash([]);
  },

  // Number and deviation of each grid that is large enough on the screen, at the middle of its largest blocks.
  drawNames: function (ctx, frame, shown) {
    const { mosaic } = this;
    const spots = new Map();
    for (const row of shown) {
      const slot = mosaic.label[row];
      if (!spots.has(slot)) spots.set(slot, mosaic.spots[slot] ?? (mosaic.spots[slot] = nameSpot(mosaic, mosaic.rowsOf(slot))));
    }
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.lineWidth = 3.2;
    ctx.strokeStyle = "rgba(255, 255, 255, 0.92)";
    for (const [slot, spot] of spots) {
      if (spot.size * frame.scale < 74) continue;
      const x = spot.x * frame.scale - frame.x;
      const y = spot.y * frame.scale - frame.y;
      const deviation = mosaic.figure(slot, "deviation");
      this.name(ctx, `600 12px ${FONT}`, (mosaic.locked.has(mosaic.codes[slot]) ? "🔒" : "") + mosaic.shortCode(slot), x, y - 7);
      if (deviation !== null) this.name(ctx, `11px ${FONT}`, signed(deviation), x, y + 7);
    }
  },

  name: function (ctx, font, words, x, y) {
    ctx.font = font;
    ctx.strokeText(words, x, y);
    ctx.fillStyle = "#16202b";
    ctx.fillText(words, x, y);
  },
});

function areaOf(box) {
  return (box[2] - box[0]) * (box[3] - box[1]);
}

// A place for a name inside a grid: the block nearest to its middle, large blocks preferred.
function nameSpot(mosaic, rows) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  let [sum, x, y] = [0, 0, 0];
  for (const row of rows) {
    const b = mosaic.boxes[row];
    widen(box, b, 0);
    const area = (b[2] - b[0]) * (b[3] - b[1]) + 1e-18;
    sum += area;
    x += (area * (b[0] + b[2])) / 2;
    y += (area * (b[1] + b[3])) / 2;
  }
  const middle = { x: x / sum, y: y / sum };
  if (rows.some((row) => mosaic.holds(row, middle.x, middle.y))) return { ...middle, size: box[2] - box[0] };
  const away = (row) => {
    const b = mosaic.boxes[row];
    return Math.hypot((b[0] + b[2]) / 2 - middle.x, (b[1] + b[3]) / 2 - middle.y) - Math.min(b[2] - b[0], b[3] - b[1]);
  };
  const best = mosaic.boxes[rows.reduce((one, other) => (away(other) < away(one) ? other : one))];
  return { x: (best[0] + best[2]) / 2, y: (best[1] + best[3]) / 2, size: box[2] - box[0] };
}

function signed(thousandths) {
  const value = thousandths / 10;
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(1)}%`;
}

function hatchOf(ctx, colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.lineWidth = 1.6;
  for (const shift of [-8, 0, 8]) {
    pen.moveTo(shift, 8);
    pen.lineTo(shift + 8, 0);
  }
  pen.stroke();
  return ctx.createPattern(tile, "repeat");
}
