"""Whether confidence holds, and what it is calibrated with."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

import addresses_data as data
import numpy as np
import pandas as pd
from addresses_ours import Ours
from bench import CACHE, out, print_table
from scipy.optimize import isotonic_regression

EDGES = np.linspace(0, 1, 11)
FINE_EDGES = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0])


def calibrate(county: data.County, ours: Ours, count: int) -> None:
    """Ask training addresses with what the model says uncalibrated; write every pair, print isotonic knots."""
    asked = county.training(count)
    with patch("gridmap.address.answer.calibrate", lambda likely: likely):
        answers = ours.ask(data.texts_of(asked))
    truth = county.grids[[each.row for each in asked]]
    pairs = pd.DataFrame({
        "raw": answers["point_confidence"], "right": answers["point_grid"].to_numpy() == truth,
        "grid_raw": answers["confidence"], "grid_right": answers["grid"].to_numpy() == truth,
        "match_type": answers["match_type"], "outcome": answers["outcome"], "text": data.texts_of(asked),
        "answer": answers["address"], "meant": county.listed["address"].to_numpy()[[each.row for each in asked]],
        "kinds": [" ".join(sorted(each.kinds)) for each in asked],
    })  # fmt: skip
    path = CACHE / "addresses_training.csv"
    pairs.to_csv(path, index=False)
    out.print(f"{len(pairs):,} pairs of raw score and right: {path}")
    for name, raw, right in (("point", "raw", "right"), ("grid", "grid_raw", "grid_right")):
        _print_knots(name, pairs[raw].to_numpy(), pairs[right].to_numpy())


def _print_knots(name: str, raw: np.ndarray, right: np.ndarray) -> None:
    order = np.argsort(raw, kind="stable")
    fitted = isotonic_regression(right[order].astype(float)).x
    knots = np.interp(FINE_EDGES, raw[order], fitted)
    place = np.clip(np.digitize(raw, FINE_EDGES) - 1, 0, len(FINE_EDGES) - 2)
    rows = []
    for at, (low, high) in enumerate(itertools.pairwise(FINE_EDGES)):
        inside = place == at
        share = f"{right[inside].mean():.4f}" if inside.any() else ""
        rows.append((f"{low:g} … {high:g}", f"{inside.sum():,}", share, f"{knots[at + 1]:.4f}"))
    print_table(f"{name}: raw score against right", ("raw", "n", "right", "isotonic at its upper end"), rows)
    out.print("_MODEL = (" + ", ".join(f"{each:g}" for each in FINE_EDGES) + ")")
    out.print("_SEEN = (" + ", ".join(f"{each:.4f}" for each in knots) + ")")


def draw_reliability(answers: Mapping[str, tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    """Print and draw, by ten bins of confidence, how many answers are right."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(answers), figsize=(5 * len(answers), 5), squeeze=False)
    for axis, (name, (confidence, right)) in zip(axes[0], answers.items(), strict=True):
        bins = reliability(confidence, right)
        _draw_one(axis, name, bins)
        rows = [
            (
                f"{low:.1f} … {low + 0.1:.1f}",
                f"{count:,}",
                f"{said:.3f}" if count else "",
                f"{seen:.3f}" if count else "",
            )
            for low, count, said, seen in bins.itertuples(index=False)
        ]
        print_table(f"reliability, {name}", ("confidence", "answers", "mean confidence", "right"), rows)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    out.print(f"drawn: {path}")


def reliability(confidence: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Return by ten bins: from, how many, their mean confidence, the share that is right."""
    place = np.clip(np.digitize(confidence, EDGES) - 1, 0, 9)
    rows = []
    for at in range(10):
        inside = place == at
        some = bool(inside.any())
        rows.append((EDGES[at], int(inside.sum()), confidence[inside].mean() if some else np.nan,
                     right[inside].mean() if some else np.nan))  # fmt: skip
    return pd.DataFrame(rows, columns=["low", "count", "said", "seen"])


def _draw_one(axis: object, name: str, bins: pd.DataFrame) -> None:
    some = bins[bins["count"] > 0]
    # two standard errors of a share (Wilson, so that a bin of three answers does not look sure)
    centre, half = _wilson(some["seen"].to_numpy(), some["count"].to_numpy())
    axis.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--")
    axis.vlines(some["said"], centre - half, centre + half, color="#1f5fa8", linewidth=1)
    axis.scatter(
        some["said"], some["seen"], s=10 + 12 * np.sqrt(some["count"].to_numpy()) / 4, color="#1f5fa8", alpha=0.8
    )
    for _, count, said, seen in some.itertuples(index=False):
        axis.annotate(f"{count:,}", (said, seen), textcoords="offset points", xytext=(6, -12), fontsize=8, color="0.3")
    axis.set(
        xlim=(0, 1.08), ylim=(0, 1.04), xlabel="confidence", ylabel="share that is right", title=f"Reliability, {name}"
    )
    axis.set_aspect("equal")


def _wilson(share: np.ndarray, count: np.ndarray, z: float = 1.96) -> tuple[np.ndarray, np.ndarray]:
    wide = 1 + z * z / count
    centre = (share + z * z / (2 * count)) / wide
    return centre, z * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / wide
