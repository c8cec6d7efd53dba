// Streets and buildings, in typed arrays, drawn below the borders.

class Lines {
  constructor(data, quantum) {
    const sizes = gridmap.decodeInts(data.sizes);
    const points = gridmap.decodePoints(data.points);
    this.length = sizes.length;
    this.classes = data.classes ? gridmap.decodeInts(data.classes) : null;
    this.at = new Int32Array(sizes.length + 1);
    this.xy = new Float64Array(points.length);
    sizes.forEach((size, i) => (this.at[i + 1] = this.at[i] + 2 * size));
    for (let k = 0; k < points.length; k += 2) {
      const place = worldOf(points[k + 1] * quantum, points[k] * quantum);
      this.xy[k] = place.x;
      this.xy[k + 1] = place.y;
    }
    this.boxes = new Float64Array(4 * this.length);
    for (let i = 0; i < this.length; i++) this.boxes.set(boxOfPoints(this.xy, this.at[i], this.at[i + 1]), 4 * i);
  }

  // Trace what is in view into the path of a canvas; `only` chooses a class.
  trace(ctx, view, only) {
    for (let i = 0; i < this.length; i++) {
      if (only !== undefined && this.classes[i] !== only) continue;
      if (view.misses(this.boxes, 4 * i)) continue;
      view.trace(ctx, this.xy, this.at[i], this.at[i + 1], false, true);
    }
  }
}
