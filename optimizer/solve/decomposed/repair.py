"""Repair: choices brought into what the rows allow, one unit after another, each as the rows stand at its turn.

Every row asks a price that depends on how full it is: the one that prices found, more where it is broken, less where
its price buys nothing because there is room left. What units gain less what rows ask,

    Σ_units worth(x_u)  −  Σ_rows Φ_r(use_r),        Φ_r convex and piecewise linear,

only rises: a unit's best choice at the prices of its turn is taken where the sum is larger with it. The more a broken
row asks grows visit by visit, so that those who lose least by it leave first, until every row is kept.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numba as nb
import numpy as np
import scipy.sparse as sp

from optimizer.problem import Bools, Floats, Ints
from optimizer.solve.decomposed.columns import Columns
from optimizer.solve.decomposed.dual import Dual
from optimizer.solve.decomposed.sweep import Choice

#: What a contact that breaks a row is asked more at first, in what contacts are worth, how that grows, and how often.
FIRST, GROWTH, VISITS = 1e-3, 3.0, 40
#: Visits in a row that bring no row nearer to what it allows, after which no more are tried.
IN_VAIN = 8
#: Times what is asked more up to which a unit may lose by its next choice and still be visited.
REACH = 2.0
#: Seconds for all visits: they come when time is over already; units visited between two looks at the clock.
SECONDS, PIECE = 30.0, 100_000
#: How often the price of rows with room left is lowered, fourfold each time, once all rows are kept.
FILLINGS = 3
#: What breaking a row asks once none is broken, in what contacts are worth.
NEVER = 1e7
#: Neighbours that come one after the other; the step from there, a part of all: who comes early is like who comes late.
TOGETHER, STRIDE = 32, 0.6180339887498949


@dataclass(frozen=True)
class Bounds:
    """What rows allow: free of charge inside [lower, upper], at ``penalty`` a unit up to [least, most], (rows,) each.

    ``counted``: rows that a plan may not break; others are drawn to what they allow, no more.
    """

    least: Floats
    lower: Floats
    upper: Floats
    most: Floats
    penalty_below: Floats
    penalty_above: Floats
    counted: Bools

    def broken(self, use: Floats) -> Floats:
        """By how much rows are broken, (rows,)."""
        return np.where(self.counted, np.maximum(np.maximum(self.least - use, use - self.most), 0.0), 0.0)

    def slopes(self, price: Floats, more: Floats, less: Floats) -> Floats:
        """What a unit of each row asks below ``least``, to ``lower``, to ``upper``, to ``most``, beyond: (rows, 5)."""
        inside = np.sign(price) * np.maximum(np.abs(price) - less, 0.0)
        above = np.where(
            price <= self.penalty_above,
            np.minimum(price + more, self.penalty_above),
            np.maximum(price - less, self.penalty_above),
        )
        below = np.where(
            -price <= self.penalty_below,
            np.maximum(price - more, -self.penalty_below),
            np.minimum(price + less, -self.penalty_below),
        )
        return np.stack([price - more, below, inside, above, price + more], axis=1)


@dataclass(frozen=True)
class Repaired:
    """Choices and the use of rows (rows,) that they make; ``broken`` (rows,) by how much rows are still broken.

    ``ended``: the time allowed was over before all was tried.
    """

    choice: Choice
    use: Floats
    broken: Floats
    ended: bool = False


def repair(
    dual: Dual,
    choice: Choice,
    price: Floats,
    losses: Floats,
    bounds: Bounds,
    elsewhere: Floats,
    contact: Floats,
    tell: Callable[[int], None],
) -> Repaired:
    """Bring choices into the rows.

    Parameters
    ----------
    choice : the best of every unit at ``price``.
    losses : (U,) what the next choice of each unit loses against it.
    elsewhere : (rows,) what else than contacts uses of the rows.
    contact : (rows,) what one contact adds at most.
    tell : told how many units there are to visit, visit by visit.
    """
    columns = dual.columns
    chosen, constant = choice.chosen.copy(), choice.constant.copy()
    table = sp.csr_array(sp.vstack(dual.links.tables))
    knots = np.stack([bounds.least, bounds.lower, bounds.upper, bounds.most], axis=1)
    worth = float(np.abs(columns.worth[np.isfinite(columns.worth)]).mean()) if len(columns.worth) else 0.0
    worth = worth if worth > 0 else 1.0
    unit = 1.0 / contact
    # What varies from contact to contact is priced as a usual one.
    usual = np.maximum(columns.usual, 1e-300)
    moved = np.zeros(columns.units, np.bool_)
    spread = _spread(columns.units)

    until = math.inf

    def used() -> Floats:
        return elsewhere + dual.use(np.flatnonzero(chosen))

    def visit(slopes: Floats, move: Floats, low: Floats, high: Floats, use: Floats) -> int:
        down, up = np.where(use > high, move, 0.0), np.where(use < low, move, 0.0)
        near = _near(
            losses, moved, REACH, columns.start, columns.code, columns.base, abs(table) @ down, abs(table) @ up,
            chosen, len(usual),
        )  # fmt: skip
        order = spread[near[spread]]
        tell(len(order))
        return sum(visited(order[at : at + PIECE], slopes, low, high, use) for at in range(0, len(order), PIECE))

    def visited(some: Ints, slopes: Floats, low: Floats, high: Floats, use: Floats) -> int:
        if time.monotonic() > until:
            return 0
        return _visit(
            some, columns, table, usual, contact, knots, np.ascontiguousarray(slopes), low, high, use, chosen,
            constant, moved, 1e-9 * worth,
        )  # fmt: skip

    use = used()
    broken = bounds.broken(use)
    least, vain, more = float((broken * unit).sum()), 0, FIRST * worth * unit
    low, high = np.where(bounds.counted, bounds.least, -np.inf), np.where(bounds.counted, bounds.most, np.inf)
    visited(spread[:0], bounds.slopes(price, more, more), low, high, use)  # compiled before the clock starts
    until = time.monotonic() + SECONDS
    for _ in range(VISITS):
        if not broken.any() or vain > IN_VAIN or time.monotonic() > until:
            break
        visit(bounds.slopes(price, more, more), more, low, high, use)
        use = used()
        broken = bounds.broken(use)
        short = float((broken * unit).sum())
        vain = vain + 1 if short >= least and more.max() > worth else 0
        least = min(least, short)
        # Beyond what contacts are worth only what is still broken: two rows asking alike would keep a contact between.
        more = np.where((broken > 0) | (more < worth * unit), GROWTH * more, more)
    if not broken.any():
        # Rows with a price and room left: as cheap as it takes to fill them.
        low = np.where(price > 0, bounds.most - contact, -np.inf)
        high = np.where(price < 0, bounds.least + contact, np.inf)
        never, less = NEVER * worth * unit, FIRST * worth * unit
        never = np.where(bounds.counted, never, less)
        for _ in range(FILLINGS):
            if time.monotonic() > until:
                break
            kept = chosen.copy(), constant.copy(), use.copy()
            visit(bounds.slopes(price, never, less), less, low, high, use)
            use = used()
            if bounds.broken(use).any():
                chosen, constant, use = kept
                break
            less = 4.0 * less
    broken = bounds.broken(use)
    return Repaired(Choice(chosen, constant), use, broken, time.monotonic() > until)


def _spread(count: int) -> Ints:
    """All units, a few neighbours at a time, in steps as wide as leave none out."""
    tiles = -(-count // TOGETHER)
    step = max(int(STRIDE * tiles), 1)
    while np.gcd(step, max(tiles, 1)) != 1:
        step += 1
    tile = np.arange(tiles, dtype=np.int64) * step % max(tiles, 1)
    order = (tile[:, None] * TOGETHER + np.arange(TOGETHER)).ravel()
    return order[order < count].astype(np.int32)


def _visit(
    order: Ints,
    columns: Columns,
    table: sp.csr_array,
    usual: Floats,
    contact: Floats,
    knots: Floats,
    slopes: Floats,
    low: Floats,
    high: Floats,
    use: Floats,
    chosen: Bools,
    constant: Floats,
    moved: Bools,
    least: float,
) -> int:
    """Let units choose anew in turn; how many did."""
    diagrams = columns.diagrams
    codes = table.shape[0] // len(usual)
    by_row = table.tocsc()
    return int(
        _turns(
            order, columns.class_of, columns.start, columns.term, columns.worth, columns.code, columns.base, usual,
            codes, table.indptr.astype(np.int64), table.indices.astype(np.int32), table.data,
            by_row.indptr.astype(np.int64), by_row.indices.astype(np.int32), by_row.data, low, high, contact, knots,
            slopes, use, diagrams.node_start, diagrams.low, diagrams.high, diagrams.low_term, diagrams.high_term,
            diagrams.low_worth, diagrams.high_worth, diagrams.root_worth,
            int(np.diff(diagrams.node_start).max(initial=1)), int(np.diff(diagrams.term_start).max(initial=0)),
            chosen, constant, moved, least,
        )
    )  # fmt: skip


@nb.njit(cache=True, parallel=True)
def _near(  # type: ignore[no-untyped-def]  # numba infers
    losses, moved, reach, start, code, base, leaves, enters, chosen, bases
):  # fmt: skip
    """Units that may help: by a contact to leave, or by one to make, that is worth the price to them."""
    codes = len(leaves) // bases
    near = np.zeros(len(losses), np.bool_)
    for u in nb.prange(len(losses)):
        most = 0.0
        for j in range(start[u], start[u + 1]):
            helps = leaves if chosen[j] else enters
            each = helps[code[j]]
            for b in range(1, bases):
                each += helps[b * codes + code[j]] * abs(base[b - 1, j])
            most = max(most, each)
        near[u] = most > 0.0 and (moved[u] or losses[u] <= reach * most)
    return near


@nb.njit(cache=True, inline="always", error_model="numpy")
def _asked(u, r, knots, slopes):  # type: ignore[no-untyped-def]  # numba infers
    """Φ of row r at u."""
    inside = slopes[r, 2]
    total = inside * u
    if u > knots[r, 2]:
        total += (slopes[r, 3] - inside) * (u - knots[r, 2])
        if u > knots[r, 3]:
            total += (slopes[r, 4] - slopes[r, 3]) * (u - knots[r, 3])
    elif u < knots[r, 1]:
        total += (inside - slopes[r, 1]) * (knots[r, 1] - u)
        if u < knots[r, 0]:
            total += (slopes[r, 1] - slopes[r, 0]) * (knots[r, 0] - u)
    return total


@nb.njit(cache=True, error_model="numpy")
def _want(  # type: ignore[no-untyped-def]  # numba infers
    r, use, lowest, highest, wants, helps, row_pointer, code_of, row_weight
):  # fmt: skip
    """Note whether row r wants less or more, where that has changed."""
    now = 1 if use[r] > highest[r] else -1 if use[r] < lowest[r] else 0
    before = wants[r]
    if now == before:
        return
    wants[r] = now
    codes = helps.shape[1]
    for e in range(row_pointer[r], row_pointer[r + 1]):
        c = code_of[e] % codes
        if before != 0:
            helps[0 if (row_weight[e] > 0) == (before > 0) else 1, c] -= 1
        if now != 0:
            helps[0 if (row_weight[e] > 0) == (now > 0) else 1, c] += 1


@nb.njit(cache=True, error_model="numpy")
def _add(  # type: ignore[no-untyped-def]  # numba infers
    which, j, turn, some, bases, codes, code, base, pointer, row_of, weight, seen, touched, added
):  # fmt: skip
    """Add to ``added[which]`` what column j uses of the rows; how many rows the unit at turn has touched by then."""
    for b in range(bases):
        times = 1.0 if b == 0 else base[b - 1, j]
        at = b * codes + code[j]
        for e in range(pointer[at], pointer[at + 1]):
            r = row_of[e]
            if seen[r] != turn:
                seen[r] = turn
                touched[some] = r
                some += 1
                added[0, r] = added[1, r] = 0.0
            added[which, r] += times * weight[e]
    return some


@nb.njit(cache=True, error_model="numpy")
def _turns(  # type: ignore[no-untyped-def]  # numba infers
    order, class_of, start, term, worth, code, base, usual, codes, pointer, row_of, weight, row_pointer, code_of,
    row_weight, lowest, highest, contact, knots, slopes, use, node_start, low, high, low_term, high_term, low_worth,
    high_worth, root_worth, widest, terms, chosen, constant, moved, least,
):  # fmt: skip
    rows, bases = len(use), len(usual)
    value = np.empty(widest)
    side = np.empty(widest, np.int8)
    priced, column = np.empty(terms + 1), np.empty(terms + 1, np.int64)
    asked = np.empty(rows)  # what each row asks without the unit, what a unit more, and whether that changes nearby
    level, bends = np.empty(rows), np.empty(rows, np.bool_)
    known = np.full(rows, -1, np.int64)
    price = np.empty((bases, codes))  # what a unit of each base of each code costs at a unit's turn
    coded = np.full(codes, -1, np.int64)
    added = np.zeros((2, rows))  # what the old choice and the new one add
    touched, made = np.empty(rows, np.int64), np.empty(terms + 1, np.int64)
    seen = np.full(rows, -1, np.int64)
    # Rows that want less (1) or more (−1), and how many of them a contact of each code helps by leaving, by coming.
    wants = np.zeros(rows, np.int8)
    helps = np.zeros((2, codes), np.int64)
    for r in range(rows):
        _want(r, use, lowest, highest, wants, helps, row_pointer, code_of, row_weight)
    changes = 0
    value[0] = 0.0
    for turn in range(len(order)):
        u = order[turn]
        k = class_of[u]
        offset = node_start[k]
        nodes = node_start[k + 1] - offset
        may = False
        for j in range(start[u], start[u + 1]):
            may |= helps[0 if chosen[j] else 1, code[j]] > 0
        if nodes < 2 or not may:
            continue
        some = 0
        was = constant[u]
        for j in range(start[u], start[u + 1]):
            if not chosen[j]:
                continue
            was += worth[j]
            some = _add(0, j, turn, some, bases, codes, code, base, pointer, row_of, weight, seen, touched, added)
        for i in range(some):
            use[touched[i]] -= added[0, touched[i]]
        for local in range(terms):
            priced[local] = -np.inf
        for j in range(start[u], start[u + 1]):
            c = code[j]
            if coded[c] != turn:
                coded[c] = turn
                for b in range(bases):
                    each = 0.0
                    for e in range(pointer[b * codes + c], pointer[b * codes + c + 1]):
                        r = row_of[e]
                        if known[r] != turn:
                            known[r] = turn
                            asked[r] = _asked(use[r], r, knots, slopes)
                            far = 2.0 * contact[r]
                            level[r] = (_asked(use[r] + far, r, knots, slopes) - asked[r]) / far
                            back = (asked[r] - _asked(use[r] - far, r, knots, slopes)) / far
                            bends[r] = abs(level[r] - back) > 1e-9 * (abs(level[r]) + abs(back))
                        if bends[r]:
                            step = weight[e] * usual[b]
                            each += (_asked(use[r] + step, r, knots, slopes) - asked[r]) / usual[b]
                        else:
                            each += level[r] * weight[e]
                    price[b, c] = each
            cost = price[0, c]
            for b in range(1, bases):
                cost += price[b, c] * base[b - 1, j]
            priced[term[j]] = worth[j] - cost
            column[term[j]] = j
        for n in range(1, nodes):
            at = offset + n
            left, right = -np.inf, -np.inf
            if low[at] >= 0:
                left = low_worth[at] + value[low[at]]
                if low_term[at] >= 0:
                    left += priced[low_term[at]]
            if high[at] >= 0:
                right = high_worth[at] + value[high[at]]
                if high_term[at] >= 0:
                    right += priced[high_term[at]]
            value[n] = max(left, right)
            side[n] = right > left
        n = nodes - 1
        possible = value[n] > -np.inf
        now, more, count = root_worth[k], root_worth[k], 0
        while possible and n > 0:
            at = offset + n
            if side[n]:
                more += high_worth[at]
                taken, n = high_term[at], high[at]
            else:
                more += low_worth[at]
                taken, n = low_term[at], low[at]
            if taken >= 0:
                made[count] = column[taken]
                count += 1
        now = more
        for i in range(count):
            j = made[i]
            now += worth[j]
            some = _add(1, j, turn, some, bases, codes, code, base, pointer, row_of, weight, seen, touched, added)
        gain = now - was
        for i in range(some):
            r = touched[i]
            gain += _asked(use[r] + added[0, r], r, knots, slopes)
            gain -= _asked(use[r] + added[1, r], r, knots, slopes)
        taken = possible and gain > least
        for i in range(some):
            use[touched[i]] += added[1 if taken else 0, touched[i]]
        if taken:
            for j in range(start[u], start[u + 1]):
                chosen[j] = False
            for i in range(count):
                chosen[made[i]] = True
            constant[u] = more
            moved[u] = True
            changes += 1
            for i in range(some):
                _want(touched[i], use, lowest, highest, wants, helps, row_pointer, code_of, row_weight)
    return changes
