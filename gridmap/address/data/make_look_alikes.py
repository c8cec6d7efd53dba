"""Make ``look_alikes.txt``: which characters of GB 2312 look alike, and how much.

    npm pack cnchar-order@3.2.6 && tar xzf cnchar-order-3.2.6.tgz
    node -p "JSON.stringify(require('./package/cnchar.order.min.js').dict.orders)" > orders.json
    python gridmap/address/data/make_look_alikes.py orders.json NotoSansCJK-Regular.ttc

Three measures, all in [0, 1], are mixed: the edit distance of the stroke orders (cnchar-order, MIT licence), the
longest run of strokes that two characters share (a component: 青 in 晴), and the correlation of their pictures in a
common typeface (Noto Sans CJK SC), slightly blurred. Of every character the most alike common ones are kept, and those
that share most of it; of well-known pairs 96 % are among them, of random ones 0.4 %.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist
from scipy.ndimage import gaussian_filter

Matrix = NDArray[np.float32]
SIMPLER = str.maketrans("dlieghte", "kkjcfffc")
"""Strokes that differ in their ends only: every dot, every rising line …"""
SIMPLIFIED = 2
"""Of the faces in the font's collection, that for simplified Chinese."""
KEPT, KEPT_ALIKE, LEAST = 12, 0.62, 0.4
KEPT_SHARING, LEAST_SHARED = 8, 0.5
FIRST_RARE = "亍"
"""GB 2312 lists its common characters first (by sound), the rare ones behind."""


def stroke_similarity(orders: list[str]) -> Matrix:
    """Compare how the strokes follow each other, exactly and with similar strokes taken for one."""
    simpler = [order.translate(SIMPLER) for order in orders]
    exact, rough = (
        cdist(of, of, scorer=Levenshtein.normalized_similarity, dtype=np.float32) for of in (orders, simpler)
    )
    return np.asarray((exact + rough) / 2, dtype=np.float32)


@numba.njit(parallel=True)
def shared_runs(strokes: NDArray[np.uint8], sizes: NDArray[np.int64]) -> Matrix:
    """Find the longest run of strokes that two characters share, as a share of the longer character."""
    count = len(sizes)
    shared = np.zeros((count, count), dtype=np.float32)
    for a in numba.prange(count):
        for b in range(a):
            best = 0
            runs = np.zeros(sizes[b] + 1, dtype=np.int64)
            for i in range(sizes[a]):
                for j in range(sizes[b] - 1, -1, -1):
                    runs[j + 1] = runs[j] + 1 if strokes[a, i] == strokes[b, j] else 0
                    best = max(best, runs[j + 1])
            shared[a, b] = best / max(sizes[a], sizes[b])
    return shared + shared.T


def picture_similarity(characters: list[str], font: Path) -> Matrix:
    """Correlate the blurred pictures of the characters."""
    face = ImageFont.truetype(str(font), 40, index=SIMPLIFIED)
    pictures = []
    for character in characters:
        picture = Image.new("L", (48, 48), 0)
        ImageDraw.Draw(picture).text((4, -4), character, 255, font=face)
        pictures.append(gaussian_filter(np.asarray(picture, dtype=np.float32), 1.5).ravel())
    points = np.stack(pictures)
    points -= points.mean(axis=0)
    points /= np.linalg.norm(points, axis=1)[:, None]
    return np.asarray(points @ points.T, dtype=np.float32)


def kept(similarity: Matrix, shared: Matrix, rare: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which pairs to keep: the most alike of the common, those that share a component, and whatever is very alike."""
    keep = _first(similarity, rare, KEPT) & (similarity >= LEAST)
    keep |= _first(shared, rare, KEPT_SHARING) & (shared >= LEAST_SHARED)
    keep |= similarity >= KEPT_ALIKE
    return np.asarray(keep | keep.T, dtype=np.bool_)


def _first(measure: Matrix, rare: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Which characters are of each row the first of the common ones."""
    among_common = np.where(rare[None, :], 0.0, measure)
    rank = np.argsort(np.argsort(-among_common, axis=1, kind="stable"), axis=1)
    return np.asarray(rank < count, dtype=np.bool_)


def main(orders_file: Path, font: Path) -> None:
    """Write the pairs that are kept, each once, beside this script."""
    orders: dict[str, str] = json.loads(orders_file.read_text())
    characters = sorted(one for one in orders if len(one.encode("gb2312", "ignore")) == 2)
    characters.sort(key=lambda one: one.encode("gb2312"))
    texts = [orders[one] for one in characters]
    sizes = np.array([len(text) for text in texts])
    strokes = np.zeros((len(texts), sizes.max()), dtype=np.uint8)
    for row, text in enumerate(texts):
        strokes[row, : len(text)] = bytearray(text.translate(SIMPLER), "ascii")
    pictures = picture_similarity(characters, font).clip(0)
    shared = shared_runs(strokes, sizes)
    similarity = (2 * stroke_similarity(texts) + shared + 1.5 * pictures) / 4.5
    np.fill_diagonal(similarity, 0)
    rare = np.arange(len(characters)) >= characters.index(FIRST_RARE)
    hundredths = np.round(100 * similarity.clip(LEAST, 0.99)).astype(int)
    lines = []
    for row, chosen in enumerate(np.triu(kept(similarity, shared, rare))):
        others = "".join(f"{characters[other]}{hundredths[row, other]:02d}" for other in np.flatnonzero(chosen))
        if others:
            lines.append(characters[row] + others)
    Path(__file__).with_name("look_alikes.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
