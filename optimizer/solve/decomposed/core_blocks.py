"""Blocks stated in the core: money or numbers, the curve on them, and the binary that says whether they are on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from optimizer.problem import Floats
from optimizer.solve.curve_rows import CurveUse, Linear, Segments
from optimizer.solve.decomposed.blocks import Block, Part, Pieces
from optimizer.solve.linear_model import Indices, LinearModel
from optimizer.solve.piecewise import initial_breakpoints


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
    _segments: Segments | None = field(init=False, default=None)
    _parts: list[tuple[Part, float, float, int]] = field(init=False, default_factory=list)

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
        if block.parts:
            self._state_parts()
        model.add_objective(money, block.worth[0])
        model.add_objective(*self.result(-1, True))

    def _state_pieces(self, pieces: Pieces) -> None:
        """One run of whole numbers holds s: s = Σ shares; F and f are known on it."""
        block = self.block
        low, high = np.maximum(pieces.low, block.low), np.minimum(pieces.high, block.high)
        starts = low[low <= high]
        if block.parts:
            near = self.around + self.width * (block.high - block.low) * np.linspace(-1.0, 1.0, 9)
            starts = np.unique(np.r_[starts, np.clip(np.round(near), block.low, block.high)])
        at = np.searchsorted(pieces.low, starts + 0.5, side="right") - 1
        last = np.minimum(np.append(starts[1:] - 1, block.high), high[at])
        ends = np.array([[block.factor(max(float(s), 1.0)) for s in side] for side in (starts, last)])
        argument = Linear(np.array([self.place]), np.ones(1))
        self._segments = Segments(self.model, block.name, argument, starts, last, ends.min(axis=0), ends.max(axis=0))
        held = self._segments.chosen
        self._pieces = np.r_[self._segments.share, held], np.r_[pieces.slope[at], pieces.base[at]]

    def _state_parts(self) -> None:
        """T of each part, as what is above 0 less what is below."""
        if self._segments is None:
            assert self._curve is not None
            self._segments = self._curve.segments(self.model)
        for part in self.block.parts:
            for sign, most in ((1.0, part.high), (-1.0, -part.low)):
                if most > 0:
                    column = self.model.add_variables(f"{self.block.name} part", 1, upper=most)
                    self._parts.append((part, sign, most, int(column[0])))

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
        """Columns and coefficients of s, of being on and of parts in a linking row."""
        weight = self.block.weight
        column, value = [], []
        if weight[0][row]:
            column, value = [self.place], [weight[0][row]]
        if self.paid is not None and weight[2][row]:
            column, value = [*column, self.paid], [*value, weight[2][row]]
        for part, sign, _, own in self._parts:
            if part.row == row:
                column, value = [*column, own], [*value, -sign]
        return np.array(column, np.int64), np.array(value, float)

    def result(self, row: int, helpful: bool) -> tuple[Indices, Floats]:
        """Columns and coefficients of F(s) and of f(s) T in a linking row, -1 the objective, from the safe side."""
        columns, values = [np.empty(0, np.int64)], [np.empty(0)]
        weight = self.block.worth[1] if row < 0 else float(self.block.weight[1][row])
        if weight and self._pieces is not None:
            columns, values = [self._pieces[0]], [weight * self._pieces[1]]
        elif weight and self._curve is not None:
            columns, values = (
                [np.array([self._curve.column(self.model, helpful == (weight > 0))])],
                [np.array([weight])],
            )
        for part, sign, most, own in self._parts:
            weight = sign * (part.worth if row < 0 else float(part.weight[row]))
            if weight:
                assert self._segments is not None
                split = self._segments.part(Linear(np.array([own]), np.ones(1)), most)
                columns.append(split)
                values.append(weight * (self._segments.least if helpful == (weight > 0) else self._segments.greatest))
        return np.concatenate(columns), np.concatenate(values)

    def true(self, row: int, x: Floats) -> float:
        """What ``result`` stands for, on the true curve."""
        s = float(x[self.place])
        total = (self.block.worth[1] if row < 0 else float(self.block.weight[1][row])) * self.block.value(s)
        for part, sign, _, own in self._parts:
            weight = part.worth if row < 0 else float(part.weight[row])
            total += sign * weight * self.block.factor(s) * float(x[own])
        return total

    def short(self, x: Floats) -> float:
        """What the plan is worth more on the true curve."""
        columns, values = self.result(-1, True)
        return self.true(-1, x) - float(values @ x[columns])
