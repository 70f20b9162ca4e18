"""The master: a linear program over what blocks of customers and curves have answered, whose duals are the next prices.

    max Σ_b Σ_k worth_bk θ_bk − penalties   s.t.   lo ≤ Σ_b Σ_k use_bk θ_bk ± bends ≤ hi,   Σ_k θ_bk = 1

Prices are kept in a box around the best ones known (Marsten, Hogan and Blankenship 1975), by two columns a row that
may be bought outside it; rows and objective are scaled, so that a budget and a count look alike to the solver.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np

from optimizer.problem import Floats
from optimizer.solve.decomposed.structure import Row

#: Iterations of one solve: it takes some hundreds, and without end where prices run away.
ITERATIONS = 200_000
#: Columns a block keeps before those of no use are thrown away.
KEPT = 60


@dataclass(frozen=True)
class Answer:
    """Prices of the rows, the master's value, and how far rows lean on the box's columns, in their own units."""

    price: Floats
    value: float
    leaning: Floats


class Master:
    """The linear program, grown a column a block and round, solved from its last basis."""

    def __init__(self, rows: list[Row], blocks: int, row_scale: Floats, scale: float) -> None:
        self.rows, self.blocks = rows, blocks
        self.row_scale, self.scale = row_scale, scale
        solver: Any = highspy._core._Highs()
        for option, value in (
            ("output_flag", False), ("log_to_console", False), ("threads", 1), ("presolve", "off"),
            ("solver", "simplex"), ("random_seed", 0), ("small_matrix_value", 1e-12), ("parallel", "off"),
            ("simplex_iteration_limit", ITERATIONS),
        ):  # fmt: skip
            solver.setOptionValue(option, value)
        self.solver = solver
        lower = np.array([row.lower for row in rows]) / row_scale
        upper = np.array([row.upper for row in rows]) / row_scale
        empty_index, empty_value = np.empty(0, np.int32), np.empty(0)
        for low, high in zip(lower, upper, strict=True):
            solver.addRow(low, high, 0, empty_index, empty_value)
        for _ in range(blocks):
            solver.addRow(1.0, 1.0, 0, empty_index, empty_value)
        one = np.ones(1)
        for r, row in enumerate(rows):
            index = np.array([r], np.int32)
            # Bought outside the box: use less (price at most high) and use more (price at least low).
            solver.addCol(0.0, 0.0, np.inf, 1, index, -one)
            solver.addCol(0.0, 0.0, np.inf, 1, index, one)
            room = row.tolerance / row_scale[r]
            for sign, penalty in ((-1.0, row.penalty_above), (1.0, row.penalty_below)):
                finite = np.isfinite(penalty)
                cost = penalty * row_scale[r] / scale if finite else 0.0
                solver.addCol(cost, 0.0, room if finite else 0.0, 1, index, sign * one)
        self.width = 4 * len(rows)
        self.age = np.zeros(0, np.int64)

    def box(self, low: Floats, high: Floats) -> None:
        """Keep prices between low and high, buying allowed outside."""
        for r in range(len(self.rows)):
            factor = self.row_scale[r] / self.scale
            self.solver.changeColCost(4 * r, high[r] * factor)
            self.solver.changeColCost(4 * r + 1, -low[r] * factor)

    def add(self, worth: Floats, use: Floats) -> None:
        """Add a column a block: ``worth`` (B,), ``use`` (B, rows)."""
        rows = len(self.rows)
        scaled = np.concatenate([use / self.row_scale, np.eye(self.blocks)], axis=1)
        scaled[np.abs(scaled) <= 1e-12] = 0.0
        block, index = np.nonzero(scaled)
        start = np.searchsorted(block, np.arange(self.blocks)).astype(np.int32)
        self.solver.addCols(
            self.blocks, -worth / self.scale, np.zeros(self.blocks), np.full(self.blocks, np.inf), len(index), start,
            index.astype(np.int32), scaled[block, index],
        )  # fmt: skip
        assert rows + self.blocks == scaled.shape[1]
        self.age = np.r_[self.age, np.zeros(self.blocks, np.int64)]

    def solve(self) -> Answer | None:
        """Solve from the last basis, and throw old columns away; None where prices have grown beyond numbers."""
        self.solver.run()
        if self.solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            self.solver.clearSolver()
            self.solver.run()
            if self.solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                return None
        solution = self.solver.getSolution()
        rows = len(self.rows)
        # HiGHS minimises: the marginal objective of a row is minus the marginal worth.
        price = -np.array(solution.row_dual[:rows]) * self.scale / self.row_scale
        x = np.array(solution.col_value)
        leaning = (x[1 : 4 * rows : 4] - x[0 : 4 * rows : 4]) * self.row_scale
        value = -float(self.solver.getInfo().objective_function_value) * self.scale
        self._forget(x[self.width :])
        return Answer(price, value, leaning)

    def _forget(self, x: Floats) -> None:
        """Delete the columns out of use for longest where a block has too many."""
        self.age = np.where(x > 1e-9, 0, self.age + 1)
        if len(self.age) <= KEPT * self.blocks:
            return
        gone = np.flatnonzero(self.age > 8)
        if len(gone) < self.blocks:
            return
        self.solver.deleteCols(len(gone), (gone + self.width).astype(np.int32))
        kept = np.setdiff1d(np.arange(len(self.age)), gone)
        self.age = self.age[kept]
