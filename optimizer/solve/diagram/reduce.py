"""From layers to reduced diagrams: nodes that say the same are one.

Constants move up: of a node's two arcs the dearer keeps 0, and what both cost is paid before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.problem import Floats
from optimizer.solve.diagram.compiled import Int64, compiled, mixed
from optimizer.solve.diagram.expand import Layers


@dataclass(frozen=True)
class Reduced:
    """Distinct nodes of a batch, children first; 0 is the end. ``root`` (B,) is -1 where nothing is feasible."""

    low: Int64
    high: Int64
    low_worth: Floats
    high_worth: Floats
    term: Int64
    root: Int64
    root_worth: Floats


def reduced(layers: Layers) -> Reduced:
    """Merge nodes bottom up."""
    place, worth, low, high, low_worth, high_worth, term = _merged(
        layers.low, layers.high, layers.low_worth, layers.high_worth, layers.term
    )
    root = place[layers.root]
    return Reduced(low, high, low_worth, high_worth, term, root, np.where(root >= 0, worth[layers.root], 0.0))


@compiled
def _merged(
    low: Int64, high: Int64, low_worth: Floats, high_worth: Floats, term: Int64
) -> tuple[Int64, Floats, Int64, Int64, Floats, Floats, Int64]:
    count = len(low)
    place, worth = np.full(count, -1, np.int64), np.zeros(count)
    lows, highs, terms = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    # Worths as bits too: equal numbers alone are the same.
    low_worths, high_worths = np.empty(count), np.empty(count)
    size = 256
    while size < 2 * count:
        size *= 2
    table = np.full(size, -1, np.int64)
    lows[0] = highs[0] = terms[0] = -1
    low_worths[0] = high_worths[0] = 0.0
    place[0] = 0
    found = 1
    for k in range(1, count):
        a = place[low[k]] if low[k] >= 0 else -1
        b = place[high[k]] if high[k] >= 0 else -1
        first = low_worth[k] + worth[low[k]] if a >= 0 else -np.inf
        second = high_worth[k] + worth[high[k]] if b >= 0 else -np.inf
        if b < 0:
            place[k], worth[k] = a, first if a >= 0 else 0.0
            continue
        top = max(first, second)
        worth[k] = top
        first = first - top if a >= 0 else 0.0
        second -= top
        code = mixed(np.uint64(a + 1) ^ mixed(np.uint64(b + 1) ^ mixed(np.uint64(term[k]))))
        at = np.int64(code & np.uint64(size - 1))
        while table[at] >= 0:
            o = table[at]
            if (
                lows[o] == a and highs[o] == b and terms[o] == term[k]
                and low_worths[o] == first and high_worths[o] == second
            ):  # fmt: skip
                break
            at = (at + 1) & (size - 1)
        if table[at] < 0:
            table[at] = found
            lows[found], highs[found], terms[found] = a, b, term[k]
            low_worths[found], high_worths[found] = first, second
            found += 1
        place[k] = table[at]
    return (
        place, worth, lows[:found].copy(), highs[:found].copy(), low_worths[:found].copy(), high_worths[:found].copy(),
        terms[:found].copy(),
    )  # fmt: skip
