"""Prices of the linking rows: cutting planes with a column a block, smoothed towards the best prices known.

The next prices to look at lie between the best known and the master's (Wentges 1997); a box around the best keeps the
master from leaping. The first prices come from a sample of the customers, the next from a larger one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimizer.problem import Floats
from optimizer.solve.decomposed.dual import Dual, Point, Stage
from optimizer.solve.decomposed.master import Master
from optimizer.solve.decomposed.structure import allowed

#: Prices, and a fall of D, in parts of all that is at stake, beyond which the rows contradict each other, or nearly.
ENDLESS, FALLEN = 1e9, 1e6
#: Part of the way from the master's prices back to the best ones known.
SMOOTHING = 0.5
#: Rounds in a row in which D and the master come no nearer by this part of the tolerance: they never will.
MOST_STILL, STILL = 25, 1e-2

Report = Callable[[int, float, float], None]


@dataclass(frozen=True)
class Prices:
    """The best prices found: D there, what the master reached (a bound on D from below), the rounds it took."""

    best: Point
    master: float
    rounds: int
    converged: bool
    leaning: Floats


def first_reach(dual: Dual, stage: Stage) -> tuple[Point, Floats, float]:
    """D without prices, the size of every row, and that of the objective: what scales the master."""
    rows = dual.structure.rows
    point = dual.at(allowed(rows, np.zeros(len(rows))), stage)
    bounds = np.array([max(_size(row.lower), _size(row.upper)) for row in rows])
    # Of a row that nothing uses without prices the bound says the size.
    scale = np.maximum(np.abs(point.use).sum(axis=0), bounds)
    return point, np.where(scale > 0, scale, 1.0), max(abs(point.value), float(np.abs(point.worth).sum()), 1e-300)


def _size(bound: float) -> float:
    return abs(bound) if np.isfinite(bound) else 0.0


def find_prices(
    dual: Dual,
    stage: Stage,
    start: Floats,
    half: Floats,
    row_scale: Floats,
    scale: float,
    *,
    tolerance: float,
    rounds: int,
    inside: bool = False,
    floor: float = -np.inf,
    stop: Callable[[], bool],
    report: Report | None = None,
) -> Prices:
    """Bring D down from ``start``.

    Parameters
    ----------
    half : (rows,) half the width of the box around the best prices.
    tolerance : relative distance between D and the master at which to stop.
    rounds : at most so many.
    inside : stay in the box around ``start``, in which frozen units keep their choice.
    floor : D no higher is as good as any lower.
    """
    rows = dual.structure.rows
    master = Master(rows, dual.blocks(stage), row_scale, scale)
    best = dual.at(allowed(rows, start), stage)
    master.add(best.worth, best.use)
    smoothing, value, done, converged = SMOOTHING, -np.inf, 0, False
    still, before = 0, np.inf
    half = half.copy()
    leaning = np.zeros(len(rows))
    for done in range(1, rounds + 1):
        centre = start if inside else best.price
        master.box(centre - half, centre + half)
        answer = master.solve()
        if answer is None:
            break
        value = answer.value + dual.structure.constant
        leaning = answer.leaning
        lost = best.value - value
        leans = np.abs(leaning) > 1e-7 * row_scale
        if report is not None:
            report(done, best.value, value)
        if lost <= tolerance * max(abs(best.value), abs(value)):
            if inside or not leans.any():
                converged = not leans.any()
                break
            half[leans] *= 4.0
            if (half > ENDLESS * scale / row_scale).any():
                break  # prices without end: the rows contradict each other, or nearly
            continue
        moving = abs(lost - before) > STILL * tolerance * max(abs(best.value), abs(value))
        still, before = 0 if moving else still + 1, lost
        if stop() or best.value <= floor or still > MOST_STILL:
            break
        if best.value < -FALLEN * scale or (half > ENDLESS * scale / row_scale).any():
            break
        point = dual.at(allowed(rows, smoothing * best.price + (1.0 - smoothing) * answer.price), stage)
        master.add(point.worth, point.use)
        if point.value < best.value:
            moved = np.abs(point.price - best.price) > 0.45 * half
            if not inside:
                half[moved & leans] *= 2.0
            best, smoothing = point, SMOOTHING
        else:
            smoothing = smoothing * 0.6 if smoothing > 0.1 else SMOOTHING
    return Prices(best, value, done, converged, leaning)
