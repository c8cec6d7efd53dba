// Incidents: all on one canvas, drawn straight from typed arrays; dots grow as one zooms in.
(function () {
  "use strict";
  const gridmap = (window.gridmap = window.gridmap || {});

  // Below this radius a square looks like a dot, and is drawn many times faster.
  const TINY = 1.6;

  const Points = L.Canvas.extend({
    initialize: function (data, options) {
      L.Canvas.prototype.initialize.call(this, options);
      this.outcomes = data.outcomes.map((outcome) => ({ ...outcome, shown: true }));
      this.types = data.types;
      this.persons = data.persons;
      this.start = data.start;
      this.outcome = gridmap.decodeInts(data.outcome);
      this.type = gridmap.decodeInts(data.type);
      this.person = gridmap.decodeInts(data.person);
      this.minute = gridmap.decodeInts(data.minute);
      this.grid = gridmap.decodeSteps(data.grid);
      const whole = gridmap.decodePoints(data.points);
      this.length = whole.length / 2;
      this.x = new Float64Array(this.length);
      this.y = new Float64Array(this.length);
      for (let i = 0; i < this.length; i++) {
        const at = L.CRS.EPSG3857.latLngToPoint(L.latLng(whole[2 * i + 1] * data.quantum, whole[2 * i] * data.quantum), 0);
        this.x[i] = at.x;
        this.y[i] = at.y;
      }
      // By outcome, the most frequent below: what went wrong is drawn on top.
      this.order = this.outcomes.map((_, k) => k).sort((a, b) => this.outcomes[b].count - this.outcomes[a].count);
    },

    radius: function () {
      const zoom = this._map.getZoom();
      return Math.max(0.8, Math.min(5, 1.05 * Math.pow(1.45, zoom - 11.5)));
    },

    frame: function () {
      const origin = this._map.getPixelOrigin();
      return { scale: Math.pow(2, this._map.getZoom()), x: origin.x, y: origin.y };
    },

    _draw: function () {
      if (!this._map || !this._bounds) return;
      const ctx = this._ctx;
      const radius = this.radius();
      const { scale, x: left, y: top } = this.frame();
      const { min, max } = this._bounds;
      for (const k of this.order) {
        if (!this.outcomes[k].shown) continue;
        const size = radius * (k === this.order[0] ? 1 : 1.35);
        const dot = size < TINY ? null : dotOf(this.outcomes[k].colour, size);
        const half = dot ? dot.half : 0.9 * size;
        ctx.fillStyle = this.outcomes[k].colour;
        ctx.globalAlpha = k === this.order[0] ? Math.min(0.9, 0.2 + 0.16 * size) : 0.95;
        for (let i = 0; i < this.length; i++) {
          if (this.outcome[i] !== k) continue;
          const px = this.x[i] * scale - left;
          const py = this.y[i] * scale - top;
          if (px < min.x || py < min.y || px > max.x || py > max.y) continue;
          if (dot) ctx.drawImage(dot.canvas, px - half, py - half, 2 * half, 2 * half);
          else ctx.fillRect(px - half, py - half, 2 * half, 2 * half);
        }
      }
      ctx.globalAlpha = 1;
    },

    repaint: function () {
      if (!this._map) return;
      this._redrawBounds = null;
      this._clear();
      this._draw();
    },

    // The drawn point nearest to a place, -1 where none is within reach of the pointer.
    near: function (latlng) {
      if (!this._map) return -1;
      const at = this._map.latLngToLayerPoint(latlng);
      const { scale, x: left, y: top } = this.frame();
      const reach = this.radius() + 4;
      let best = -1;
      let least = reach * reach;
      for (let i = 0; i < this.length; i++) {
        const dx = this.x[i] * scale - left - at.x;
        if (dx > reach || dx < -reach) continue;
        const dy = this.y[i] * scale - top - at.y;
        const d = dx * dx + dy * dy;
        if (d <= least && this.outcomes[this.outcome[i]].shown) {
          best = i;
          least = d;
        }
      }
      return best;
    },

    // "2026-05-01 08:15" on the clock of Shanghai, "" where the time is not known.
    time: function (i) {
      if (this.minute[i] < 0) return "";
      return new Date((this.start + this.minute[i]) * 60000).toISOString().slice(0, 16).replace("T", " ");
    },
  });

  const dots = new Map();
  function dotOf(colour, radius) {
    const ratio = window.devicePixelRatio > 1 ? 2 : 1;
    const key = colour + radius.toFixed(2) + "@" + ratio;
    if (!dots.has(key)) {
      const half = radius + 1;
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = Math.ceil(2 * half * ratio);
      const ctx = canvas.getContext("2d");
      ctx.scale(canvas.width / (2 * half), canvas.height / (2 * half));
      ctx.beginPath();
      ctx.arc(half, half, radius, 0, 2 * Math.PI);
      ctx.fillStyle = colour;
      ctx.fill();
      if (radius > 2) {
        ctx.lineWidth = 0.9;
        ctx.strokeStyle = "#ffffff";
        ctx.stroke();
      }
      dots.set(key, { canvas, half });
    }
    return dots.get(key);
  }

  gridmap.Points = Points;
})();
