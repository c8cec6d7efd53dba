"""HiGHS for siting: silent, and the same answer every time."""

from __future__ import annotations

from typing import TypeAlias

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Floats: TypeAlias = NDArray[np.float64]


class Solver(highspy.Highs):
    """HiGHS that prints nothing, not even that it begins."""

    def enableCallbacks(self) -> None:  # noqa: N802 - highspy's name
        """Be silent before there is anything to say: HiGHS names itself when callbacks are enabled."""
        self.silent()
        super().enableCallbacks()  # type: ignore[no-untyped-call]  # highspy has no types


def least_cost(
    cost: Floats, rows: csr_matrix, at_most: Floats, *, upper: float = highspy.kHighsInf, whole: int = 0
) -> Solver:
    """Return a solver for: columns from 0 to ``upper`` of the least cost, rows that are at most so much.

    Parameters
    ----------
    cost
        (columns,)
    rows, at_most
        (rows, columns) sparse and (rows,).
    upper
        The most that a column may be.
    whole
        So many of the first columns are whole numbers.
    """
    solver = Solver()  # type: ignore[no-untyped-call]  # highspy has no types
    # The search runs in a thread of its own, so that Ctrl-C ends it.
    solver.HandleKeyboardInterrupt = True
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("random_seed", 0)
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = rows.shape
    model.col_cost_, model.col_lower_ = cost, np.zeros(len(cost))
    model.col_upper_ = np.full(len(cost), upper)
    model.row_lower_, model.row_upper_ = np.full(len(at_most), -highspy.kHighsInf), at_most
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = rows.indptr, rows.indices, rows.data
    if whole:
        kinds = highspy.HighsVarType
        model.integrality_ = [kinds.kInteger] * whole + [kinds.kContinuous] * (len(cost) - whole)
    solver.passModel(model)
    return solver
