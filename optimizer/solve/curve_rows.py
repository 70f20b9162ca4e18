"""Curves inside the linear model: media, saturated channels and price tiers, between an outer and an inner curve.

A model is stated either as a *relaxation* (every curve that helps is over-estimated, every one that hurts is
under-estimated: its optimum is a bound) or as a *restriction* (the reverse: its plans hold on the true curves).

    helpful use of F(z):   y ≤ outer(z) relaxed,   y ≤ inner(z) restricted
    harmful use of F(z):   y ≥ inner(z) relaxed,   y ≥ outer(z) restricted

A sum T that is not the curve's own argument but is scaled by f(z) = F(z)/z (responses of a saturated channel when the
objective is money; part of a tiered channel's cost) is split over segments of z, on each of which f has a range.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from optimizer.problem import Floats, PriceCell
from optimizer.scenario.curves import Curve
from optimizer.solve.linear_model import Indices, LinearModel
from optimizer.solve.piecewise import add_piecewise, inner, outer

Kind = Literal["relaxation", "restriction"]
#: Coefficients smaller than this part of the largest are rounding.
_NOISE = 1e-12


@dataclass(frozen=True)
class Linear:
    """Σ coefficient · column + constant."""

    column: Indices
    coefficient: Floats
    constant: float = 0.0

    def at(self, values: Floats) -> float:
        """Evaluate the form."""
        return float(self.coefficient @ values[self.column]) + self.constant

    def on(self, width: int) -> Floats:
        """Dense coefficients."""
        dense = np.zeros(width)
        np.add.at(dense, self.column, self.coefficient)
        return dense


@dataclass
class CurveUse:
    """One curve y = F(z), its argument, its breakpoints and the columns made for it so far.

    ``switch``: the binary without which z = F(z) = 0 (spend or zero); ``low`` and ``high`` hold with it.
    """

    name: str
    curve: Curve
    argument: Linear
    low: float
    high: float
    breakpoints: Floats
    kind: Kind
    switch: int | None = None
    _columns: dict[bool, int] = field(default_factory=dict)
    _segments: Segments | None = None

    def true(self, values: Floats) -> float:
        """F(z) on the true curve."""
        return float(self.curve.value(self.argument.at(values)))

    def factor(self, values: Floats) -> float:
        """f(z) = F(z) / z, 1 for z ≤ 0."""
        z = self.argument.at(values)
        return float(self.curve.value(z)) / z if z > 0 else 1.0

    def column(self, model: LinearModel, helpful: bool) -> int:
        """Return the column to use where more of F helps (or hurts)."""
        if helpful not in self._columns:
            over = helpful == (self.kind == "relaxation")
            approximation = (outer if over else inner)(self.curve, self.breakpoints)
            self._columns[helpful] = add_piecewise(
                model,
                f"{self.name} {'at most' if helpful else 'at least'}",
                (self.argument.column, self.argument.coefficient, self.argument.constant),
                approximation,
                side="upper" if helpful else "lower",
                on=self.switch,
            ).result
        return self._columns[helpful]

    @property
    def split(self) -> bool:
        """Whether sums were split over segments of z."""
        return self._segments is not None

    def segments(self, model: LinearModel) -> Segments:
        """Segments of z with the range of f on each."""
        if self._segments is None:
            zero = [0.0] if self.low < 0 < self.high else []
            knots = np.unique(np.concatenate([self.breakpoints, [self.low, self.high], zero]))
            pieces = [self._range(a, b) for a, b in itertools.pairwise(knots)]
            self._segments = Segments(
                model,
                self.name,
                self.argument,
                knots[:-1],
                knots[1:],
                np.array([p[0] for p in pieces]),
                np.array([p[1] for p in pieces]),
            )
        return self._segments

    def _range(self, a: float, b: float) -> tuple[float, float]:
        """Least and greatest F(z)/z on [a, b]: a linear piece over z is monotone, so knots decide."""
        if b <= 0:
            return 1.0, 1.0
        below, above = inner(self.curve, np.array([a, b])), outer(self.curve, np.array([a, b]))

        def ratios(x: Floats, y: Floats) -> Floats:
            keep = (x > 0) & (x >= a) & (x <= b)
            return np.asarray(y)[keep] / np.asarray(x)[keep]

        return float(ratios(below.x, below.y).min()), float(ratios(above.x, above.y).max())


@dataclass
class PriceUse:
    """The tiers of one channel: n contacts cost C(n) in all; segments are runs of whole numbers."""

    cell: PriceCell
    argument: Linear
    most: int
    kind: Kind
    breakpoints: Floats  # whole numbers that begin a segment
    _segments: Segments | None = None

    def total(self, n: Floats | float) -> Floats:
        """C(n), any shape."""
        n = np.asarray(n, float)
        starts, prices = self.cell.starts, self.cell.prices
        if self.cell.incremental:
            widths = np.diff(np.append(starts, np.inf))
            return np.asarray((np.clip(n[..., None] - starts, 0.0, widths) * prices).sum(axis=-1))
        tier = np.maximum(np.searchsorted(starts, n, side="right") - 1, 0)
        return np.asarray(prices[tier] * n)

    def factor(self, values: Floats) -> float:
        """C(n) / n; the first price when n is 0."""
        n = round(self.argument.at(values))
        return float(self.total(float(n))) / n if n > 0 else float(self.cell.prices[0])

    def segments(self, model: LinearModel) -> Segments:
        """List runs of whole numbers inside one tier, with the range of C(n)/n on each."""
        if self._segments is None:
            first = np.unique(np.concatenate([[0.0], np.ceil(self.cell.starts), self.breakpoints]))
            first = first[(first <= self.most) & (first >= 0)]
            last = np.append(first[1:] - 1, self.most)
            at_first = self.total(np.maximum(first, 1.0)) / np.maximum(first, 1.0)
            at_last = self.total(np.maximum(last, 1.0)) / np.maximum(last, 1.0)
            self._segments = Segments(
                model,
                f"{self.cell.name} tiers",
                self.argument,
                first,
                last,
                np.minimum(at_first, at_last),
                np.maximum(at_first, at_last),
            )
        return self._segments


@dataclass
class Segments:
    """z lies in exactly one segment; sums are split over the segments so that each takes the factor of its own."""

    model: LinearModel
    name: str
    argument: Linear
    low: Floats
    high: Floats
    least: Floats
    greatest: Floats
    _made: Indices | None = None
    _parts: dict[bytes, Indices] = field(default_factory=dict)

    @property
    def chosen(self) -> Indices:
        """Binary columns, one a segment; the argument is split over them on first use."""
        if self._made is None:
            size = len(self.low)
            self._made = self.model.add_variables(f"{self.name} segment", size, upper=1.0, integer=True)
            self.model.add_rows(
                f"{self.name} one segment", np.zeros(size), self._made, 1.0, lower=1.0, upper=1.0, size=1
            )
            self.share = self._split("argument", self.argument, self.low, self.high)
        return self._made

    def part(self, form: Linear, most: float) -> Indices:
        """Columns T_j ≥ 0 with Σ T_j = form (a sum of non-negative terms, at most ``most``)."""
        chosen = self.chosen
        key = form.column.tobytes() + form.coefficient.tobytes()
        if key not in self._parts:
            size = len(chosen)
            self._parts[key] = self._split(f"sum {len(self._parts)}", form, np.zeros(size), np.full(size, most))
        return self._parts[key]

    def _split(self, label: str, form: Linear, low: Floats, high: Floats) -> Indices:
        size, chosen = len(self.low), self._made
        assert chosen is not None
        name = f"{self.name} {label}"
        parts = self.model.add_variables(name, size, lower=np.minimum(low, 0.0), upper=np.maximum(high, 0.0))
        rows = np.concatenate([np.zeros(size), np.zeros(len(form.column))])
        self.model.add_rows(
            f"{name} in all", rows, np.concatenate([parts, form.column]),
            np.concatenate([np.ones(size), -form.coefficient]), lower=form.constant, upper=form.constant, size=1,
        )  # fmt: skip
        pair = np.tile(np.arange(size), 2)
        for bound, side in ((low, "at least"), (high, "at most")):
            self.model.add_rows(
                f"{name} {side}", pair, np.concatenate([parts, chosen]), np.concatenate([np.ones(size), -bound]),
                lower=0.0 if side == "at least" else -np.inf, upper=np.inf if side == "at least" else 0.0, size=size,
            )  # fmt: skip
        return parts


def scaled_terms(
    segments: Segments, form: Linear, most: Floats, helpful: bool, kind: Kind
) -> list[tuple[Indices, Floats]]:
    """Columns and coefficients that stand for f(z) · form, over- or under-estimated as use and kind ask.

    ``most`` (len(form.column),) is the largest value of each column, so that sums have a finite bound.
    """
    over = helpful == (kind == "relaxation")
    terms = []
    for sign in (1.0, -1.0):
        kept = form.coefficient * sign > 0
        if not kept.any():
            continue
        part = Linear(form.column[kept], form.coefficient[kept] * sign)
        columns = segments.part(part, float(part.coefficient @ most[kept]))
        factor = segments.greatest if over == (sign > 0) else segments.least
        terms.append((columns, sign * factor))
    return terms


def proportion(form: Linear, to: Linear, width: int) -> float | None:
    """α with form = α · to, or None."""
    left, right = form.on(width), to.on(width)
    scale = np.abs(right).max(initial=0.0)
    if scale == 0:
        return 0.0 if not left.any() else None
    k = int(np.abs(right).argmax())
    alpha = left[k] / right[k]
    close = np.abs(left - alpha * right) <= _NOISE * max(np.abs(left).max(initial=0.0), abs(alpha) * scale)
    return float(alpha) if close.all() else None
