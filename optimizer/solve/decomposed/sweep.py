"""One sweep: every unit's best choice under given prices, exactly, a tile of units at a time.

Units of one class share a diagram. A tile holds a few of them side by side, so that one step of the diagram is one
vector operation:

    value[node] = max(low + value[low child],  high + column value + value[high child])

Sums over blocks of units come back, never a number a unit, unless choices are asked for. Blocks and their order are
fixed, so that the result does not depend on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Bools, Floats, Ints
from optimizer.solve.decomposed.alternatives import SAME, second_best_losses
from optimizer.solve.decomposed.columns import Columns

#: Units side by side in one tile.
TILE = 32


@dataclass(frozen=True)
class Plan:
    """Which units a sweep visits, cut into tiles of one class and blocks of tiles.

    ``units`` (n,) positions by class, and of how many units each gives the answer in ``copies`` (n,); ``tile_start``
    (tiles + 1,) runs of them; ``block_start`` (B + 1,) runs of tiles.
    """

    units: Ints
    copies: Ints
    tile_start: NDArray[np.int64]
    block_start: NDArray[np.int64]

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return len(self.block_start) - 1


@dataclass(frozen=True)
class Swept:
    """What comes back.

    ``worth`` (B,): Σ over a block's units of what their choice is worth without prices.
    ``value`` (B,): the same less the prices: the best there is. ``size`` (B,): Σ |terms|, for the rounding.
    ``counts`` (B, bases, codes): Σ of each base over the columns chosen, by code.
    """

    value: Floats
    worth: Floats
    size: Floats
    counts: Floats


def plan_sweep(columns: Columns, units: Ints, blocks: int, copies: Ints | None = None) -> Plan:
    """Cut units, in ascending order, into tiles of one class and blocks of tiles; each counts once unless told."""
    classes = columns.class_of[units]
    edges = np.flatnonzero(np.diff(classes, prepend=-1)) if len(units) else np.empty(0, np.int64)
    ends = np.append(edges[1:], len(units))[: len(edges)]
    count = -(-(ends - edges) // TILE)
    starts = np.repeat(edges - TILE * (np.cumsum(count) - count), count) + TILE * np.arange(count.sum())
    tile_start = np.append(starts, len(units)).astype(np.int64)
    tiles = len(starts)
    block_start = np.unique(np.linspace(0, tiles, min(blocks, max(tiles, 1)) + 1).astype(np.int64))
    each = np.ones(len(units), np.int32) if copies is None else copies.astype(np.int32)
    return Plan(units.astype(np.int32), each, tile_start, block_start)


def sweep(columns: Columns, plan: Plan, prices: Floats) -> Swept:
    """Solve every unit of the plan under prices (bases, codes)."""
    return _run(columns, plan, prices)


@dataclass(frozen=True)
class Choice:
    """Which columns are chosen, bool (J,), and what the arcs add to each unit, (U,)."""

    chosen: Bools
    constant: Floats


def choose(columns: Columns, plan: Plan, prices: Floats) -> tuple[Swept, Choice, Floats]:
    """Solve every unit, say what it chooses, and what its next choice that is not the same loses, (n,)."""
    choice = Choice(np.zeros(len(columns.term), np.bool_), np.zeros(columns.units))
    losses = np.empty(len(plan.units))
    swept = _run(columns, plan, prices, choice, losses)
    arcs = columns.diagrams
    # The next choice may be the same where it is worth the same, or pays a penalty more: that takes a closer look.
    unsure = np.flatnonzero(np.isnan(losses) | bool(arcs.low_worth.any() or arcs.high_worth.any()))
    if len(unsure):
        losses[unsure] = second_best_losses(columns, plan.units[unsure], prices)
    return swept, choice, losses


def _run(
    columns: Columns, plan: Plan, prices: Floats, choice: Choice | None = None, losses: Floats | None = None
) -> Swept:
    blocks, (bases, codes) = plan.blocks, prices.shape
    value, worth, size = np.zeros(blocks), np.zeros(blocks), np.zeros(blocks)
    counts = np.zeros((blocks, bases, codes))
    diagrams = columns.diagrams
    widest = int(np.diff(diagrams.node_start).max(initial=1))
    most_terms = int(np.diff(diagrams.term_start).max(initial=0))
    _sweep(
        plan.units, plan.copies, plan.tile_start, plan.block_start, columns.class_of, columns.start, columns.term,
        columns.worth, columns.code, columns.base, np.ascontiguousarray(prices), diagrams.node_start, diagrams.low,
        diagrams.high, diagrams.low_term, diagrams.high_term, diagrams.low_worth, diagrams.high_worth,
        diagrams.root_worth, diagrams.term_start, widest, most_terms, TILE, value, worth, size, counts,
        np.zeros(0, np.bool_) if choice is None else choice.chosen,
        np.zeros(0) if choice is None else choice.constant,
        np.zeros(0) if losses is None else losses,
    )  # fmt: skip
    return Swept(value, worth, size, counts)


@nb.njit(cache=True, parallel=True, fastmath=False)
def _sweep(  # type: ignore[no-untyped-def]  # numba infers
    units, copies, tile_start, block_start, class_of, start, term, worth, code, base, prices, node_start, low, high,
    low_term, high_term, low_worth, high_worth, root_worth, term_start, widest, most_terms, tile, out_value, out_worth,
    out_size, out_counts, chosen, constant, losses,
):  # fmt: skip
    bases = prices.shape[0]
    for block in nb.prange(len(block_start) - 1):
        best = np.empty((widest, tile))
        second = np.empty((widest if len(losses) else 1, tile))
        priced = np.empty((most_terms + 1, tile))
        column = np.empty((most_terms + 1, tile), np.int64)
        priced[most_terms] = 0.0  # no term
        second[0] = -np.inf
        total = 0.0
        lost = 0.0  # what adding to the total has rounded away: units are too many for a plain sum
        gained = 0.0
        size = 0.0
        for t in range(block_start[block], block_start[block + 1]):
            first, last = tile_start[t], tile_start[t + 1]
            width = last - first
            k = class_of[units[first]]
            terms = term_start[k + 1] - term_start[k]
            for local in range(terms):
                for i in range(width):
                    priced[local, i] = -np.inf
            for i in range(width):
                u = units[first + i]
                for j in range(start[u], start[u + 1]):
                    cost = prices[0, code[j]]
                    for b in range(1, bases):
                        cost += prices[b, code[j]] * base[b - 1, j]
                    priced[term[j], i] = worth[j] - cost
                    column[term[j], i] = j
            offset = node_start[k]
            nodes = node_start[k + 1] - offset
            for i in range(width):
                best[0, i] = 0.0
            for n in range(1, nodes):
                a, b, s, r = low[offset + n], high[offset + n], low_term[offset + n], high_term[offset + n]
                p, q = low_worth[offset + n], high_worth[offset + n]
                if b < 0 and s < 0:
                    for i in range(width):
                        best[n, i] = p + best[a, i]
                elif a < 0 and r >= 0:
                    for i in range(width):
                        best[n, i] = q + priced[r, i] + best[b, i]
                elif a >= 0 and s < 0 and r >= 0:
                    for i in range(width):
                        best[n, i] = max(p + best[a, i], q + priced[r, i] + best[b, i])
                else:
                    for i in range(width):
                        left = -np.inf
                        if a >= 0:
                            left = p + best[a, i]
                            if s >= 0:
                                left += priced[s, i]
                        right = -np.inf
                        if b >= 0:
                            right = q + best[b, i]
                            if r >= 0:
                                right += priced[r, i]
                        best[n, i] = max(left, right)
            if len(losses):
                for n in range(1, nodes):
                    a, b, s, r = low[offset + n], high[offset + n], low_term[offset + n], high_term[offset + n]
                    p = low_worth[offset + n] if a >= 0 else -np.inf
                    q = high_worth[offset + n] if b >= 0 else -np.inf
                    a, b = max(a, 0), max(b, 0)
                    s, r = s if s >= 0 else most_terms, r if r >= 0 else most_terms
                    for i in range(width):
                        left = p + priced[s, i]
                        right = q + priced[r, i]
                        left_next = left + second[a, i]
                        right_next = right + second[b, i]
                        left += best[a, i]
                        right += best[b, i]
                        second[n, i] = max(min(left, right), left_next if left >= right else right_next)
                for i in range(width):
                    less = best[nodes - 1, i] - second[nodes - 1, i]
                    alike = less <= SAME * max(1.0, abs(best[nodes - 1, i]))
                    losses[first + i] = np.nan if alike else less
            of_tile = 0.0
            for i in range(width):
                of_tile += copies[first + i] * (best[nodes - 1, i] + root_worth[k])
            more = of_tile - lost
            summed = total + more
            lost = (summed - total) - more if np.isfinite(summed) else 0.0
            total = summed
            for i in range(width):
                n = nodes - 1
                times = copies[first + i]
                added = root_worth[k]
                while n > 0 and best[n, i] > -np.inf:
                    a, b, s, r = low[offset + n], high[offset + n], low_term[offset + n], high_term[offset + n]
                    left = -np.inf
                    if a >= 0:
                        left = low_worth[offset + n] + best[a, i]
                        if s >= 0:
                            left += priced[s, i]
                    taken = s
                    if b >= 0:
                        right = high_worth[offset + n] + (priced[r, i] if r >= 0 else 0.0) + best[b, i]
                        if right > left:
                            taken = r
                            added += high_worth[offset + n]
                            n = b
                        else:
                            added += low_worth[offset + n]
                            n = a
                    else:
                        added += low_worth[offset + n]
                        n = a
                    if taken >= 0:
                        j = column[taken, i]
                        gained += times * worth[j]
                        size += times * (abs(worth[j]) + abs(priced[taken, i]))
                        out_counts[block, 0, code[j]] += times
                        for b in range(1, bases):
                            out_counts[block, b, code[j]] += times * base[b - 1, j]
                        if len(chosen):
                            chosen[j] = True
                gained += times * added
                size += times * abs(added)
                if len(constant):
                    constant[units[first + i]] = added
        out_value[block] = total
        out_worth[block] = gained
        out_size[block] = size
