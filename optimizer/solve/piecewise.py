"""Piecewise-linear enclosures of curves, and their linear form in a model.

``outer`` ≥ f ≥ ``inner`` on the whole interval, in float64: the bound is taken from the one, plans from the other, and
both meet f at the breakpoints. Between two breaks (kinks and inflections, which are always breakpoints) f is
convex or concave, so that a chord lies on one side of it and tangents on the other:

    outer   tangents where f is concave, chords where it is convex
    inner   chords where f is concave, tangents where it is convex

In a model a piecewise-linear function with knots (x_k, y_k) takes the incremental form (Markowitz and Manne 1957;
Vielma, Ahmed and Nemhauser, Operations Research 58, 2010, §2.3), a filling t_k ∈ [0, 1] a segment:

    z = x_0 + Σ (x_{k+1} − x_k) t_k      y = y_0 + Σ (y_{k+1} − y_k) t_k      t_{k+1} ≤ b_k ≤ t_k,  b_k binary

When only y ≤ pwl(z) matters, segments of falling slope fill in the right order by themselves: a binary stands only
where the slope rises, and a wholly concave function needs none. (Its tangents as rows y ≤ m_k z + c_k would do as
well, but rows almost parallel, and rows of almost no slope, lead presolve and scaling astray.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimizer.solve.linear_model import LinearModel

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Side = Literal["upper", "lower", "both"]

#: Knots move outwards by so much of their size: more than the rounding of a curve's formula and of the interpolation.
ROUNDING = 256 * np.finfo(float).eps
#: Slopes nearer than this, relatively, are the same slope; so are those whose difference is rounding of the knots.
SAME_SLOPE = 1e-9


class Function(Protocol):
    """A continuous function of one variable, convex or concave between ``breaks`` (and between these and 0)."""

    def value(self, s: ArrayLike) -> Floats:
        """f(s), any shape."""
        ...

    def slope(self, s: ArrayLike) -> Floats:
        """f'(s); at a kink, the slope to the right. May be infinite at 0."""
        ...

    @property
    def breaks(self) -> Sequence[float]:
        """Where the slope jumps or the curvature changes sign, ascending."""
        ...


@dataclass(frozen=True)
class PiecewiseLinear:
    """Straight between knots; ``x`` ascending, ``y`` of the same shape (n + 1,). One knot is a constant."""

    x: Floats
    y: Floats

    @cached_property
    def slopes(self) -> Floats:
        """Slope of every segment, shape (n,)."""
        return np.diff(self.y) / np.diff(self.x)

    def value(self, z: ArrayLike) -> Floats:
        """Evaluate at z, held constant outside the knots."""
        at = np.clip(np.asarray(z, float), self.x[0], self.x[-1])
        if len(self.x) == 1:
            return np.full(at.shape, self.y[0])
        k = np.clip(np.searchsorted(self.x, at, side="right") - 1, 0, len(self.x) - 2)
        left, right = self.x[k], self.x[k + 1]
        # Weighted from both sides: the rounding is a part of the value, whichever end is the smaller.
        return np.asarray((self.y[k] * (right - at) + self.y[k + 1] * (at - left)) / (right - left))

    @cached_property
    def _rises(self) -> NDArray[np.int8]:
        """Sign of the change of slope after each segment but the last, shape (n − 1,)."""
        before, after = self.slopes[:-1], self.slopes[1:]
        change = np.abs(after - before)
        # Filled in the wrong order, two segments are off by the change of slope times the shorter one.
        width = np.diff(self.x)
        off = change * np.minimum(width[:-1], width[1:])
        same = (change <= SAME_SLOPE * np.maximum(np.abs(before), np.abs(after))) | (
            off <= 8 * ROUNDING * np.abs(self.y).max()
        )
        return np.where(same, 0, np.sign(after - before)).astype(np.int8)

    def is_concave_from(self, segment: int = 0) -> bool:
        """Whether slopes never rise from that segment on."""
        return not (self._rises[segment:] > 0).any()

    def steps(self, side: Side) -> Indices:
        """Segments that need a binary between themselves and the next, when that side of the function matters.

        ``upper``: the slope rises; ``lower``: it falls; ``both``: any change.
        """
        rises = self._rises
        needed = rises > 0 if side == "upper" else rises < 0 if side == "lower" else rises != 0
        return np.flatnonzero(needed)


def outer(f: Function, breakpoints: ArrayLike) -> PiecewiseLinear:
    """Enclose f from above.

    Parameters
    ----------
    f : Function
    breakpoints : array
        Where the enclosure meets f (up to ``ROUNDING``); the least and the greatest are its interval. The breaks of f
        and 0, where inside, are always added. At 0 it does not meet f when f is infinitely steep there.

    Returns
    -------
    PiecewiseLinear
        At least f on the interval, evaluated in float64.
    """
    return _enclosure(f, breakpoints, 1.0)


def inner(f: Function, breakpoints: ArrayLike) -> PiecewiseLinear:
    """Enclose f from below; see ``outer``."""
    return _enclosure(f, breakpoints, -1.0)


def _grid(f: Function, breakpoints: ArrayLike) -> tuple[Floats, Floats]:
    """Knots (breakpoints, breaks and 0) and the hard ones among them, between which f is convex or concave."""
    given = np.unique(np.asarray(breakpoints, float))
    low, high = given[0], given[-1]
    inside = [at for at in (0.0, *f.breaks) if low < at < high]
    hard = np.unique(np.asarray([low, *inside, high]))
    nearest = np.abs(given[:, None] - hard[None, :]).min(axis=1)
    soft = given[nearest > 1e-12 * (high - low)]
    keep = np.append(True, np.diff(soft) > 1e-12 * (high - low))[: len(soft)]
    return np.unique(np.concatenate((hard, soft[keep]))), hard


def _enclosure(f: Function, breakpoints: ArrayLike, sign: float) -> PiecewiseLinear:
    """Enclose sign · f from above, and give it back its sign."""
    knots, hard = _grid(f, breakpoints)
    value = sign * f.value(knots)
    if len(knots) == 1:
        return PiecewiseLinear(knots, sign * (value + ROUNDING * np.abs(value)))
    tangent = _concave(f, hard, sign)[np.searchsorted(hard, knots[:-1], side="right") - 1]
    a, b, at_a, at_b = knots[:-1], knots[1:], value[:-1], value[1:]
    width = b - a
    size = np.maximum(np.abs(at_a), np.abs(at_b))
    # The slope to the left of a kink is taken a hair inside, where a tangent of a concave piece is as good.
    kink = np.isin(knots, hard)
    steep, flat = sign * f.slope(a), sign * f.slope(np.where(kink[1:], b - 1e-9 * width, b))
    with np.errstate(invalid="ignore", divide="ignore"):
        bend = steep - flat
        share = (at_b - at_a - flat * width) / (bend * width)
    straight = np.isfinite(steep) & (bend <= SAME_SLOPE * np.maximum(np.abs(steep), np.abs(flat)))
    share = np.where(straight, 0.5, share)
    # Tangents that meet beside an end (or never, when f is infinitely steep) are one line; that end is raised to it.
    raise_a, raise_b = tangent & (share < 1e-3), tangent & (share > 1 - 1e-3)
    left = np.where(raise_a, np.maximum(at_b - flat * width, at_a) + ROUNDING * size, -np.inf)
    right = np.where(raise_b, np.maximum(at_a + steep * width, at_b) + ROUNDING * size, -np.inf)
    level = value + ROUNDING * np.abs(value)
    level[:-1] = np.maximum(level[:-1], left)
    level[1:] = np.maximum(level[1:], right)
    corner = tangent & ~raise_a & ~raise_b
    meet = (a + share * width)[corner]
    high = np.maximum(
        at_a[corner] + steep[corner] * (meet - a[corner]), at_b[corner] - flat[corner] * (b[corner] - meet)
    )
    # Where both sides meet in corners, the tangent at the knot is one segment.
    keep = kink | ~(np.append(True, corner) & np.append(corner, True))
    x = np.concatenate((knots[keep], meet))
    y = np.concatenate((level[keep], high + ROUNDING * np.maximum(size[corner], np.abs(high))))
    order = np.argsort(x, kind="stable")
    return PiecewiseLinear(x[order], sign * y[order])


def _concave(f: Function, hard: Floats, sign: float) -> NDArray[np.bool_]:
    """Whether sign · f is strictly concave on each piece between hard knots: its middle lies above the chord."""
    ends, middle = sign * f.value(hard), sign * f.value(0.5 * (hard[:-1] + hard[1:]))
    noise = 8 * np.finfo(float).eps * (np.abs(ends[:-1]) + np.abs(ends[1:]))
    return np.asarray(middle - 0.5 * (ends[:-1] + ends[1:]) > noise)


def initial_breakpoints(f: Function, low: float, high: float, count: int) -> Floats:
    """About ``count`` breakpoints on [low, high], dense where f bends.

    The error of a chord or a tangent on a segment is proportional to f'' · width²: breakpoints are quantiles of
    ∫ √|f''|. The breaks of f, 0 where inside, and both ends are always among them.
    """
    if not low < high:
        return np.asarray([low], float)
    hard = _grid(f, [low, high])[0]
    span = high - low
    fine = [hard, np.linspace(low, high, 1025)]
    for end in hard:
        # f may bend most, by orders of magnitude, beside a break: look closely there.
        near = span * np.geomspace(1e-9, 1.0, 181)
        fine += [end + near, end - near]
    grid = np.unique(np.clip(np.concatenate(fine), low, high))
    value = f.value(grid)
    middle = f.value(0.5 * (grid[:-1] + grid[1:]))
    off = np.abs(middle - 0.5 * (value[:-1] + value[1:]))
    # What is straight shows rounding alone: breakpoints there would add pieces too narrow to be solved well.
    noise = 8 * np.finfo(float).eps * (np.abs(value[:-1]) + np.abs(value[1:]))
    bend = np.sqrt(np.where(off > noise, off, 0.0))
    if not bend.any():
        return hard
    total = np.append(0.0, np.cumsum(bend + 1e-9 * bend.sum() / len(bend)))
    shares = np.linspace(0.0, total[-1], max(count - len(hard) + 2, 2))[1:-1]
    return np.unique(np.concatenate((hard, np.interp(shares, total, grid))))


def refine(breakpoints: ArrayLike, at: float) -> Floats:
    """Add ``at`` and a point half-way to each neighbour: the enclosure becomes exact there and closes in around it."""
    knots = np.unique(np.asarray(breakpoints, float))
    if not knots[0] <= at <= knots[-1]:
        raise ValueError(f"{at} lies outside the breakpoints [{knots[0]}, {knots[-1]}]")
    below, above = knots[knots < at], knots[knots > at]
    added = [at]
    if len(below):
        added.append(0.5 * (below[-1] + at))
    if len(above):
        # From 0 half-way is a small step where the curve may be infinitely steep.
        added.append(0.5 * (at + above[0]) if at != 0 else 0.05 * above[0])
    return np.unique(np.concatenate((knots, added)))


@dataclass(frozen=True)
class PiecewiseColumns:
    """Where a piecewise-linear function stands in a model.

    Attributes
    ----------
    result : int
        The column of y.
    function : PiecewiseLinear
    increments, steps : int64
        Columns of the fillings t_k and of the binaries b_k.
    step_segments : int64
        The segment before each binary.
    """

    result: int
    function: PiecewiseLinear
    increments: Indices
    steps: Indices
    step_segments: Indices

    def start(self, z: float, on: bool = True) -> tuple[Indices, Floats]:
        """Columns and their values when the argument is z (or switched off): a start for a solver."""
        x = self.function.x
        filled = np.clip((z - x[:-1]) / np.diff(x), 0.0, 1.0) if on else np.zeros(len(x) - 1)
        full = filled[self.step_segments] >= 1.0
        columns = np.concatenate(([self.result], self.increments, self.steps))
        return columns, np.concatenate(([float(self.function.value(z)) if on else 0.0], filled, full.astype(float)))


def add_piecewise(
    model: LinearModel,
    name: str,
    argument: tuple[ArrayLike, ArrayLike, float],
    function: PiecewiseLinear,
    *,
    side: Side = "both",
    on: int | None = None,
) -> PiecewiseColumns:
    """Add y = pwl(z) to a model, or only the side of it that matters.

    Parameters
    ----------
    model : LinearModel
    name : str
        Blocks are called ``name.value``, ``name.filled``, ``name.step``, ``name.sum``, ``name.result``, ``name.order``.
    argument : (columns, coefficients, constant)
        z = Σ coefficient · column + constant.
    function : PiecewiseLinear
        z is held within its knots.
    side : {"upper", "lower", "both"}
        ``upper`` states y ≤ pwl(z): right where a larger y is only ever better; ``lower`` y ≥ pwl(z); ``both``
        y = pwl(z).
    on : int, optional
        Column of a binary that switches the function: z = 0 and y = 0 where it is 0, the interval of the knots where
        it is 1 (spend or zero).

    Returns
    -------
    PiecewiseColumns
        ``.result`` is the column of y, free of an objective coefficient.
    """
    columns, coefficients, constant = np.asarray(argument[0], np.int64), np.asarray(argument[1], float), argument[2]
    lowest, highest = float(function.y.min()), float(function.y.max())
    if on is not None:
        lowest, highest = min(lowest, 0.0), max(highest, 0.0)
    y = int(model.add_variables(f"{name}.value", 1, lower=lowest, upper=highest)[0])
    widths, rises = np.diff(function.x), np.diff(function.y)
    count = len(widths)
    steps = function.steps(side)
    filled = model.add_variables(f"{name}.filled", count, upper=1.0)
    binaries = model.add_variables(f"{name}.step", len(steps), upper=1.0, integer=True) if len(steps) else filled[:0]
    first = (float(function.x[0]), float(function.y[0]))
    switch = [] if on is None else [on]
    model.add_rows(
        f"{name}.sum",
        np.zeros(len(columns) + count + len(switch)),
        np.concatenate((columns, filled, np.asarray(switch, np.int64))),
        np.concatenate((coefficients, -widths, np.full(len(switch), -first[0]))),
        lower=-constant if switch else first[0] - constant,
        upper=-constant if switch else first[0] - constant,
        size=1,
    )
    level = 0.0 if switch else first[1]
    model.add_rows(
        f"{name}.result",
        np.zeros(1 + count + len(switch)),
        np.concatenate(([y], filled, np.asarray(switch, np.int64))),
        np.concatenate(([1.0], -rises, np.full(len(switch), -first[1]))),
        lower=-np.inf if side == "upper" else level,
        upper=np.inf if side == "lower" else level,
        size=1,
    )
    # Runs of segments that need no order among themselves; a run opens when all of the one before is full.
    run = np.zeros(count, np.int64)
    run[1:] = np.cumsum(np.isin(np.arange(count - 1), steps))
    before, after = run < len(steps), run > 0
    lesser = np.concatenate((binaries[run[before]], filled[after]))
    greater = np.concatenate((filled[before], binaries[run[after] - 1]))
    if on is not None:
        lesser, greater = np.append(lesser, filled[run == 0]), np.append(greater, np.full(int((run == 0).sum()), on))
    if len(lesser):
        rows = np.arange(len(lesser))
        model.add_rows(
            f"{name}.order",
            np.concatenate((rows, rows)),
            np.concatenate((lesser, greater)),
            np.concatenate((np.ones(len(rows)), -np.ones(len(rows)))),
            lower=-np.inf,
            upper=0.0,
            size=len(rows),
        )
    return PiecewiseColumns(y, function, filled, binaries, steps)
