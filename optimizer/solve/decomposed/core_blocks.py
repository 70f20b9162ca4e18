"""Blocks stated in the core: money or numbers, the curve on them, and the binary that says whether they are on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from optimizer.problem import Floats
from optimizer.solve.curve_rows import CurveUse, Linear
from optimizer.solve.decomposed.structure import Block, Pieces
from optimizer.solve.linear_model import Indices, LinearModel
from optimizer.solve.piecewise import initial_breakpoints

#: A block without a curve.
_NOTHING: tuple[Indices, Floats] = np.empty(0, np.int64), np.empty(0)


@dataclass
class StatedBlock:
    """The columns of one block.

    Attributes
    ----------
    place : column of s.
    paid : binary column that says whether the block is on, None where nothing asks.
    constant : (rows,) what the block uses whatever is chosen.
    """

    model: LinearModel
    block: Block
    around: float
    width: float
    place: int = field(init=False)
    paid: int | None = field(init=False, default=None)
    constant: Floats = field(init=False)
    _curve: CurveUse | None = field(init=False, default=None)
    _pieces: tuple[Indices, Floats] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """State the columns, and what they are worth."""
        model, block = self.model, self.block
        low, high = (0.0 if block.or_zero else block.low), (block.high if block.on else 0.0)
        money = model.add_variables(block.name, 1, lower=min(low, high), upper=high)
        self.place = int(money[0])
        self.constant = np.zeros(len(block.weight[2]))
        if not block.or_zero:
            self.constant = block.weight[2]
            model.offset += block.worth[2]
        elif block.on and block.switched:
            self.paid = int(model.add_variables(f"{block.name} paid", 1, upper=1.0, integer=True)[0])
            model.add_objective([self.paid], block.worth[2])
            for side, bound in (("least", block.low), ("most", block.high)):
                model.add_rows(
                    f"{block.name} at {side}", [0, 0], [self.place, self.paid], [1.0, -bound],
                    lower=0.0 if side == "least" else -np.inf, upper=np.inf if side == "least" else 0.0, size=1,
                )  # fmt: skip
        if not block.on:
            return
        if isinstance(block.curve, Pieces):
            self._state_pieces(block.curve)
        elif block.curve is not None:
            near = self.around + self.width * (block.high - block.low) * np.linspace(-1.0, 1.0, 9)
            near = np.clip(np.r_[self.around, near], block.low, block.high)
            points = np.unique(np.r_[initial_breakpoints(block.curve, block.low, block.high, 17), near])
            self._curve = CurveUse(
                block.name, block.curve, Linear(money, np.ones(1)), block.low, block.high, points, "restriction",
                self.paid,
            )  # fmt: skip
        model.add_objective(money, block.worth[0])
        if block.worth[1]:
            model.add_objective(*self.result(model, block.worth[1], True))

    def _state_pieces(self, pieces: Pieces) -> None:
        """One piece holds s: s = Σ parts, low b ≤ part ≤ high b."""
        model, name = self.model, self.block.name
        low, high = np.maximum(pieces.low, self.block.low), np.minimum(pieces.high, self.block.high)
        some = low <= high
        low, high = low[some], high[some]
        size = len(low)
        held = model.add_variables(f"{name} piece", size, upper=1.0, integer=True)
        part = model.add_variables(f"{name} part", size, upper=np.maximum(high, 0.0))
        model.add_rows(f"{name} one piece", np.zeros(size), held, 1.0, lower=1.0, upper=1.0, size=1)
        model.add_rows(
            f"{name} in all", np.zeros(size + 1), np.r_[part, self.place], np.r_[np.ones(size), -1.0],
            lower=0.0, upper=0.0, size=1,
        )  # fmt: skip
        both = np.tile(np.arange(size), 2)
        for bound, least in ((low, True), (high, False)):
            model.add_rows(
                f"{name} part at {'least' if least else 'most'}", both, np.r_[part, held],
                np.r_[np.ones(size), -bound], lower=0.0 if least else -np.inf, upper=np.inf if least else 0.0,
                size=size,
            )  # fmt: skip
        self._pieces = np.r_[part, held], np.r_[pieces.slope[some], pieces.base[some]]

    def open_by(self, model: LinearModel, choice: Indices, unit: Indices, *, opened: bool) -> None:
        """The block is on as soon as a unit makes one of these choices, or is ``opened`` already."""
        assert self.paid is not None
        if opened:
            model.add_rows(f"{self.block.name} is open", [0], [self.paid], [1.0], lower=1.0, upper=1.0, size=1)
            return
        units, row = np.unique(unit, return_inverse=True)
        size = len(units)
        model.add_rows(
            f"opens {self.block.name}", np.r_[row, np.arange(size)], np.r_[choice, np.full(size, self.paid)],
            np.r_[np.ones(len(choice)), -np.ones(size)], lower=-np.inf, upper=0.0, size=size,
        )  # fmt: skip

    def straight(self, row: int) -> tuple[Indices, Floats]:
        """Columns and coefficients of s and of being on in a linking row."""
        weight = self.block.weight
        column, value = [], []
        if weight[0][row]:
            column, value = [self.place], [weight[0][row]]
        if self.paid is not None and weight[2][row]:
            column, value = [*column, self.paid], [*value, weight[2][row]]
        return np.array(column, np.int64), np.array(value, float)

    def result(self, model: LinearModel, weight: float, helpful: bool) -> tuple[Indices, Floats]:
        """Columns and coefficients of weight · F(s), where more of it is helpful or not."""
        if self._pieces is not None:
            return self._pieces[0], weight * self._pieces[1]
        if self._curve is None:
            return _NOTHING
        return np.array([self._curve.column(model, helpful == (weight > 0))]), np.array([weight])

    def short(self, model: LinearModel, x: Floats) -> float:
        """What the plan is worth more on the true curve."""
        weight = self.block.worth[1]
        if self._curve is None or not weight:
            return 0.0
        stated = float(x[self._curve.column(model, weight > 0)])
        return weight * (self.block.value(float(x[self.place])) - stated)
