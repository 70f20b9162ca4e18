"""Spends worth trying: on piecewise linear curves an optimum lies where kinks, bounds and rules meet.

Between two neighbouring kinks of every medium, each rule's value is affine in the spends. The candidates are the
meeting points of lines: the sides of that box, and where a rule reaches a bound (or a bound and its tolerance).
On smooth curves a fine grid stands for the kinks, so the best candidate is a lower estimate of the optimum.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

from tests.bruteforce.coupling_rules import Bounded
from tests.bruteforce.curves import breakpoints
from tests.bruteforce.world import Cell

Spends = tuple[float, ...]
Line = tuple[list[float], float]  # Σ slope · spend = level
Rows = Callable[[Spends], list[tuple[Bounded, float]]]  # rows with their tolerance


def segments(cell: Cell) -> list[tuple[float, float]]:
    """Intervals of spend on which the curve is straight; zero alone where the medium may stay closed."""
    kinks = breakpoints(cell.curve, cell.low, cell.high)
    found = list(itertools.pairwise(kinks)) if cell.high > cell.low else [(cell.low, cell.low)]
    if (cell.or_zero or cell.fixed) and (cell.low > 0 or cell.fixed):
        found.append((0.0, 0.0))
    return [part for part in found if part != (0.0, 0.0) or cell.low == 0 or cell.or_zero]


def candidates(cells: list[Cell], rows: Rows) -> Iterator[Spends]:
    """Every spend vector worth trying, given the rules' rows as a function of spends."""
    if not cells:
        yield ()
        return
    seen: set[Spends] = set()
    for box in itertools.product(*(segments(cell) for cell in cells)):
        for point in vertices(box, lines(box, rows)):
            if point not in seen:
                seen.add(point)
                yield point


def lines(box: tuple[tuple[float, float], ...], rows: Rows) -> list[Line]:
    """The sides of the box and the levels at which rules start to bind."""
    found: list[Line] = []
    for k, side in enumerate(box):
        found += [(unit(k, len(box)), end) for end in dict.fromkeys(side)]
    middle = tuple((a + b) / 2 for a, b in box)
    base = rows(middle)
    slopes: list[list[float]] = [[0.0] * len(box) for _ in base]
    for k, (low, high) in enumerate(box):
        if high > low:
            step = (high - low) / 4
            moved = rows(tuple(s + step * (j == k) for j, s in enumerate(middle)))
            for slope, (before, _), (after, _) in zip(slopes, base, moved, strict=True):
                slope[k] = (after.value - before.value) / step
    for (row, tolerance), slope in zip(base, slopes, strict=True):
        offset = row.value - sum(g * s for g, s in zip(slope, middle, strict=True))
        levels = {row.low, row.high, row.low - tolerance, row.high + tolerance}
        found += [(slope, level - offset) for level in sorted(levels) if math.isfinite(level) and any(slope)]
    return found


def unit(k: int, size: int) -> list[float]:
    """The k-th unit vector."""
    return [float(j == k) for j in range(size)]


def vertices(box: tuple[tuple[float, float], ...], found: list[Line]) -> Iterator[Spends]:
    """Where as many lines as there are media meet inside the box."""
    for some in itertools.combinations(found, len(box)):
        point = meeting(some)
        if point is None:
            continue
        inside = all(a - 1e-9 * (1 + b) <= s <= b + 1e-9 * (1 + b) for s, (a, b) in zip(point, box, strict=True))
        if inside:
            yield tuple(min(max(s, a), b) for s, (a, b) in zip(point, box, strict=True))


def meeting(some: tuple[Line, ...]) -> Spends | None:
    """The point on one or two lines; None where they are parallel."""
    if len(some) == 1:
        ((slope,), level) = some[0]
        return (level / slope,) if slope else None
    (a, b), p = some[0]
    (c, d), q = some[1]
    determinant = a * d - b * c
    if abs(determinant) <= 1e-12 * (abs(a * d) + abs(b * c)):
        return None
    return ((p * d - b * q) / determinant, (a * q - p * c) / determinant)
