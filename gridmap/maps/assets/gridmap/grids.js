// Levels and circles: decoded once, drawn by Leaflet on canvas, asked which grid lies under a point.
(function () {
  "use strict";
  const gridmap = (window.gridmap = window.gridmap || {});

  // A set of areas made of shared arcs. Coordinates stay whole numbers; `quantum` makes degrees of them.
  class Areas {
    constructor(arcs, shapes, quantum) {
      this.arcs = arcs;
      this.quantum = quantum;
      this.shapes = gridmap.decodeShapes(shapes);
      this.rings = this.shapes.map((shape) => shape.map((refs) => gridmap.ringOf(refs, arcs)));
      this.boxes = this.rings.map(boxOf);
    }

    get length() {
      return this.rings.length;
    }

    latLngs(i) {
      const q = this.quantum;
      return this.rings[i].map((ring) => {
        const out = new Array(ring.length / 2);
        for (let k = 0; k < out.length; k++) out[k] = L.latLng(ring[2 * k + 1] * q, ring[2 * k] * q);
        return out;
      });
    }

    bounds(i) {
      const b = this.boxes[i];
      const q = this.quantum;
      return b[0] > b[2] ? null : L.latLngBounds([b[1] * q, b[0] * q], [b[3] * q, b[2] * q]);
    }

    holds(i, x, y) {
      const b = this.boxes[i];
      if (x < b[0] || y < b[1] || x > b[2] || y > b[3]) return false;
      let inside = false;
      for (const ring of this.rings[i]) {
        for (let k = 0, n = ring.length, p = n - 2; k < n; p = k, k += 2) {
          const y0 = ring[k + 1];
          const y1 = ring[p + 1];
          if (y0 > y !== y1 > y && x < ((ring[p] - ring[k]) * (y - y0)) / (y1 - y0) + ring[k]) inside = !inside;
        }
      }
      return inside;
    }

    // The first area that holds a place, -1 for none.
    at(latlng) {
      const x = latlng.lng / this.quantum;
      const y = latlng.lat / this.quantum;
      for (let i = 0; i < this.length; i++) if (this.holds(i, x, y)) return i;
      return -1;
    }

    all(latlng) {
      const x = latlng.lng / this.quantum;
      const y = latlng.lat / this.quantum;
      const found = [];
      for (let i = 0; i < this.length; i++) if (this.holds(i, x, y)) found.push(i);
      return found;
    }

    // The borders of these areas as lines, each stretch once.
    mesh() {
      const taken = new Set();
      const q = this.quantum;
      const lines = [];
      for (const shape of this.shapes)
        for (const refs of shape)
          for (const ref of refs) {
            const number = ref < 0 ? ~ref : ref;
            if (taken.has(number)) continue;
            taken.add(number);
            const arc = this.arcs[number];
            const line = new Array(arc.length / 2);
            for (let k = 0; k < line.length; k++) line[k] = L.latLng(arc[2 * k + 1] * q, arc[2 * k] * q);
            lines.push(line);
          }
      return lines;
    }
  }

  function boxOf(rings) {
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    for (const ring of rings)
      for (let k = 0; k < ring.length; k += 2) {
        box[0] = Math.min(box[0], ring[k]);
        box[1] = Math.min(box[1], ring[k + 1]);
        box[2] = Math.max(box[2], ring[k]);
        box[3] = Math.max(box[3], ring[k + 1]);
      }
    return box;
  }

  // One level: what is known of each grid, its fill and its borders.
  class Level {
    constructor(data, arcs, page, depth) {
      Object.assign(this, { name: data.name, title: data.title, tiles: data.tiles, depth });
      this.codes = data.codes;
      this.names = data.names;
      this.bodies = data.bodies;
      this.breaks = data.breaks;
      for (const key of ["parents", "hue", "shade", "leads", "households", "residents", "area", "body"])
        this[key] = gridmap.decodeInts(data[key]);
      this.areas = new Areas(arcs, data.shapes, page.quantum);
      this.page = page;
    }

    get length() {
      return this.codes.length;
    }

    // Colour of the fill of grid i: "grids" tells neighbours apart, "households" shows a class.
    colour(i, mode) {
      if (!this.tiles) return this.page.micro;
      if (mode === "households") return this.classColour(this.households[i]);
      const hues = this.page.palette;
      const shades = hues[this.hue[i] % hues.length];
      return shades[this.shade[i] % shades.length];
    }

    classColour(households) {
      if (households < 0) return this.page.unknown;
      let at = 0;
      while (at < this.breaks.length && households >= this.breaks[at]) at++;
      return this.page.ramp[Math.min(at, this.page.ramp.length - 1)];
    }

    makeFill(renderer) {
      const partial = !this.tiles;
      this.polygons = this.areas.rings.map((_, i) =>
        L.polygon(this.areas.latLngs(i), {
          renderer, interactive: false, stroke: false, smoothFactor: 0,
          fillOpacity: partial ? 0.3 : 0.9, fillColor: this.colour(i, "grids"),
        })
      );
      this.fill = L.layerGroup(this.polygons);
    }

    recolour(mode) {
      this.polygons.forEach((polygon, i) => polygon.setStyle({ fillColor: this.colour(i, mode) }));
    }

    makeBorders(renderer, colour) {
      this.borders = L.polyline(this.areas.mesh(), {
        renderer, interactive: false, smoothFactor: 0.6, color: this.tiles ? colour : this.page.micro,
        opacity: 1, lineJoin: "round", lineCap: "round",
      });
    }
  }

  gridmap.Areas = Areas;
  gridmap.Level = Level;
})();
