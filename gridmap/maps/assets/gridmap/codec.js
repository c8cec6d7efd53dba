// Reads what gridmap.maps.codec writes: whole numbers as short text.
(function () {
  "use strict";
  const gridmap = (window.gridmap = window.gridmap || {});
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const VALUE = new Int8Array(128).fill(-1);
  for (let i = 0; i < 64; i++) VALUE[ALPHABET.charCodeAt(i)] = i;

  // Whole numbers, as an array of Number: multiplication, not shifts, so that nothing wraps at 32 bits.
  gridmap.decodeInts = function (text) {
    const out = [];
    let value = 0;
    let scale = 1;
    for (let i = 0; i < text.length; i++) {
      const group = VALUE[text.charCodeAt(i)];
      value += (group & 31) * scale;
      if (group & 32) {
        scale *= 32;
        continue;
      }
      out.push(value % 2 ? -(value + 1) / 2 : value / 2);
      value = 0;
      scale = 1;
    }
    return out;
  };

  // Points as [x0, y0, x1, y1, …], whole numbers.
  gridmap.decodePoints = function (text) {
    const numbers = gridmap.decodeInts(text);
    for (let i = 2; i < numbers.length; i++) numbers[i] += numbers[i - 2];
    return numbers;
  };

  // Running sums of differences.
  gridmap.decodeSteps = function (text) {
    const numbers = gridmap.decodeInts(text);
    for (let i = 1; i < numbers.length; i++) numbers[i] += numbers[i - 1];
    return numbers;
  };

  // Arcs as arrays [x0, y0, x1, y1, …], whole numbers.
  gridmap.decodeArcs = function (text) {
    const numbers = gridmap.decodeInts(text);
    const arcs = [];
    let x = 0;
    let y = 0;
    for (let at = 0; at < numbers.length; ) {
      const size = numbers[at++];
      const arc = new Array(2 * size);
      for (let i = 0; i < size; i++) {
        arc[2 * i] = x += numbers[at++];
        arc[2 * i + 1] = y += numbers[at++];
      }
      arcs.push(arc);
    }
    return arcs;
  };

  // Shapes as arrays of rings, a ring as an array of arc numbers, ~i for arc i backwards.
  gridmap.decodeShapes = function (text) {
    const numbers = gridmap.decodeInts(text);
    const shapes = [];
    for (let at = 0; at < numbers.length; ) {
      const rings = new Array(numbers[at++]);
      for (let r = 0; r < rings.length; r++) {
        const size = numbers[at++];
        rings[r] = numbers.slice(at, at + size);
        at += size;
      }
      shapes.push(rings);
    }
    return shapes;
  };

  // A ring as [x0, y0, x1, y1, …], the first vertex not repeated at the end.
  gridmap.ringOf = function (refs, arcs) {
    const ring = [];
    for (const ref of refs) {
      const arc = arcs[ref < 0 ? ~ref : ref];
      const size = arc.length / 2;
      for (let i = 0; i < size - 1; i++) {
        const at = 2 * (ref < 0 ? size - 1 - i : i);
        ring.push(arc[at], arc[at + 1]);
      }
    }
    return ring;
  };
})();
