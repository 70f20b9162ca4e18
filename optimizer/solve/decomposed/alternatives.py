"""Alternatives: the best few choices of a unit under given prices, and what each loses against the best.

Choices that add the same to the objective and to every linking row are one choice: of the same offer on two days of a
wave only the first found counts. Each column has a mark of all it adds; those of a choice are summed, so that equal
sums are equal choices, but for a chance of about 1e-19 a pair of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Floats, Ints
from optimizer.solve.decomposed.columns import Columns
from optimizer.solve.diagram.compiled import mixed

#: Choices whose values are nearer than this, relatively, are looked at for being the same.
SAME = 1e-9

#: Numbers held at once while alternatives are looked for.
HELD = 20_000_000


@dataclass(frozen=True)
class Alternatives:
    """Choices of some units, the best first.

    ``unit`` (P,) whose choice it is; ``loss`` (P,) ≥ 0 what it is worth less than the best; ``constant`` (P,) what the
    arcs add (local penalties); ``start`` (P + 1,) runs of ``column``, the columns of each choice.
    """

    unit: Ints
    loss: Floats
    constant: Floats
    start: NDArray[np.int64]
    column: NDArray[np.int64]


def second_best_losses(columns: Columns, units: Ints, prices: Floats) -> Floats:
    """What each unit's next choice that is not the same is worth less than its first, (n,); infinite without one."""
    diagrams = columns.diagrams
    widest = int(np.diff(diagrams.node_start).max(initial=1))
    terms = int(np.diff(diagrams.term_start).max(initial=0))
    pieces = np.linspace(0, len(units), min(64, max(len(units), 1)) + 1).astype(np.int64)
    return np.asarray(
        _losses(
            units, pieces, columns.class_of, columns.start, columns.term, columns.worth, columns.code, columns.base,
            columns.worth.view(np.uint64), columns.base.view(np.uint64), np.ascontiguousarray(prices),
            diagrams.node_start, diagrams.low, diagrams.high, diagrams.low_term, diagrams.high_term,
            diagrams.low_worth, diagrams.high_worth, widest, terms,
        )
    )  # fmt: skip


def price_moves(columns: Columns, units: Ints, moves: Floats) -> Floats:
    """How far the value of any column of each unit may move at most, (n,).

    ``moves`` (bases, codes): how far what a unit of each base costs a pair of each code may move.
    """
    return np.asarray(_moves(units, columns.start, columns.code, columns.base, np.ascontiguousarray(moves)))


@nb.njit(cache=True, parallel=True)
def _moves(units, start, code, base, moves):  # type: ignore[no-untyped-def]  # numba infers
    most = np.zeros(len(units))
    for k in nb.prange(len(units)):
        u = units[k]
        for j in range(start[u], start[u + 1]):
            move = moves[0, code[j]]
            for b in range(1, moves.shape[0]):
                move += moves[b, code[j]] * abs(base[b - 1, j])
            most[k] = max(most[k], move)
    return most


def alternatives(columns: Columns, units: Ints, prices: Floats, most: int, loss: float) -> Alternatives:
    """At most ``most`` choices of each unit, no two the same, none losing more than ``loss``."""
    diagrams = columns.diagrams
    widest = int(np.diff(diagrams.node_start).max(initial=1))
    terms = int(np.diff(diagrams.term_start).max(initial=0))
    arcs = diagrams.node_start, diagrams.low, diagrams.high, diagrams.low_term, diagrams.high_term
    longest = int(_longest(*arcs, widest))
    parts = []
    # A few units at a time: what is held while they are answered stays small whatever is asked for.
    at_once = max(HELD // max(most * (longest + 6), 1), 1)
    for begin in range(0, max(len(units), 1), at_once):
        some = units[begin : begin + at_once]
        pieces = np.linspace(0, len(some), min(64, max(len(some), 1)) + 1).astype(np.int64)
        lost, constant, length, made, filled = _alternatives(
            some, pieces, columns.class_of, columns.start, columns.term, columns.worth, columns.code, columns.base,
            columns.worth.view(np.uint64), columns.base.view(np.uint64), np.ascontiguousarray(prices), *arcs,
            diagrams.low_worth, diagrams.high_worth, diagrams.root_worth, widest, terms, most, loss, longest,
        )  # fmt: skip
        held = np.arange(most) < filled[:, None]
        used = np.arange(longest) < length[held][:, None]
        parts.append((np.repeat(some, filled), lost[held], constant[held], length[held], made[held][used]))
    unit, lost, constant, length, column = (np.concatenate(part) for part in zip(*parts, strict=True))
    start = np.concatenate([[0], np.cumsum(length, dtype=np.int64)])
    return Alternatives(unit.astype(np.int32), lost, constant, start, column.astype(np.int64))


@nb.njit(cache=True)
def _priced(  # type: ignore[no-untyped-def]  # numba infers
    u, start, term, worth, code, base, worth_bits, base_bits, prices, terms, priced, column, mark
):
    """Fill a unit's column values and marks by local term."""
    for local in range(terms):
        priced[local] = -np.inf
    for j in range(start[u], start[u + 1]):
        cost = prices[0, code[j]]
        said = mixed(np.uint64(code[j]) ^ mixed(worth_bits[j]))
        for b in range(1, prices.shape[0]):
            cost += prices[b, code[j]] * base[b - 1, j]
            said = mixed(said ^ base_bits[b - 1, j])
        priced[term[j]] = worth[j] - cost
        column[term[j]] = j
        mark[term[j]] = said


@nb.njit(cache=True, parallel=True)
def _losses(  # type: ignore[no-untyped-def]  # numba infers
    units, pieces, class_of, start, term, worth, code, base, worth_bits, base_bits, prices, node_start, low, high,
    low_term, high_term, low_worth, high_worth, widest, terms,
):  # fmt: skip
    lost = np.empty(len(units))
    for piece in nb.prange(len(pieces) - 1):
        # Of every node the best and the next that is not the same, and their marks.
        first, second = np.empty(widest), np.empty(widest)
        of_first, of_second = np.empty(widest, np.uint64), np.empty(widest, np.uint64)
        priced, column = np.empty(terms + 1), np.empty(terms + 1, np.int64)
        mark = np.empty(terms + 1, np.uint64)
        first[0], second[0] = 0.0, -np.inf
        of_first[0] = of_second[0] = np.uint64(0)
        for position in range(pieces[piece], pieces[piece + 1]):
            u = units[position]
            _priced(u, start, term, worth, code, base, worth_bits, base_bits, prices, terms, priced, column, mark)
            offset = node_start[class_of[u]]
            nodes = node_start[class_of[u] + 1] - offset
            for n in range(1, nodes):
                at = offset + n
                left, left_next, right, right_next = -np.inf, -np.inf, -np.inf, -np.inf
                of_left = of_left_next = of_right = of_right_next = np.uint64(0)
                if low[at] >= 0:
                    a, t = low[at], low_term[at]
                    add = low_worth[at] + (priced[t] if t >= 0 else 0.0)
                    said = mark[t] if t >= 0 else np.uint64(0)
                    left, left_next = add + first[a], add + second[a]
                    of_left, of_left_next = said + of_first[a], said + of_second[a]
                if high[at] >= 0:
                    a, t = high[at], high_term[at]
                    add = high_worth[at] + (priced[t] if t >= 0 else 0.0)
                    said = mark[t] if t >= 0 else np.uint64(0)
                    right, right_next = add + first[a], add + second[a]
                    of_right, of_right_next = said + of_first[a], said + of_second[a]
                if left < right:
                    left, left_next, right, right_next = right, right_next, left, left_next
                    of_left, of_left_next, of_right, of_right_next = of_right, of_right_next, of_left, of_left_next
                if of_left == of_right:
                    right, of_right = right_next, of_right_next
                if left_next < right:
                    left_next, of_left_next = right, of_right
                first[n], of_first[n], second[n], of_second[n] = left, of_left, left_next, of_left_next
            lost[position] = first[nodes - 1] - second[nodes - 1] if second[nodes - 1] > -np.inf else np.inf
    return lost


@nb.njit(cache=True)
def _longest(node_start, low, high, low_term, high_term, widest):  # type: ignore[no-untyped-def]  # numba infers
    """Most columns that one choice of any unit makes."""
    most = 0
    depth = np.zeros(widest, np.int64)
    for k in range(len(node_start) - 1):
        offset = node_start[k]
        for n in range(1, node_start[k + 1] - offset):
            at = offset + n
            depth[n] = 0
            if low[at] >= 0:
                depth[n] = depth[low[at]] + (low_term[at] >= 0)
            if high[at] >= 0:
                depth[n] = max(depth[n], depth[high[at]] + (high_term[at] >= 0))
            most = max(most, depth[n])
    return most


@nb.njit(cache=True, parallel=True)
def _alternatives(  # type: ignore[no-untyped-def]  # numba infers
    units, pieces, class_of, start, term, worth, code, base, worth_bits, base_bits, prices, node_start, low, high,
    low_term, high_term, low_worth, high_worth, root_worth, widest, terms, most, loss, longest,
):  # fmt: skip
    """For every unit and place: what is lost, what arcs add, how many columns, and which; and the places filled."""
    lost = np.empty((len(units), most))
    constant = np.empty((len(units), most))
    length = np.zeros((len(units), most), np.int32)
    made = np.empty((len(units), most, longest), np.int32)
    filled = np.zeros(len(units), np.int64)
    for piece in nb.prange(len(pieces) - 1):
        value = np.empty((widest, most))
        branch = np.empty((widest, most), np.int8)
        rank = np.empty((widest, most), np.int32)
        marks = np.empty((widest, most), np.uint64)
        size = np.empty(widest, np.int64)
        priced, column, mark = np.empty(terms + 1), np.empty(terms + 1, np.int64), np.empty(terms + 1, np.uint64)
        value[0, 0], marks[0, 0] = 0.0, np.uint64(0)
        size[0] = 1
        for position in range(pieces[piece], pieces[piece + 1]):
            u = units[position]
            _priced(u, start, term, worth, code, base, worth_bits, base_bits, prices, terms, priced, column, mark)
            k = class_of[u]
            offset = node_start[k]
            nodes = node_start[k + 1] - offset
            for n in range(1, nodes):
                at = offset + n
                a, b = low[at], high[at]
                left = low_worth[at] + (priced[low_term[at]] if low_term[at] >= 0 else 0.0) if a >= 0 else -np.inf
                right = high_worth[at] + (priced[high_term[at]] if high_term[at] >= 0 else 0.0) if b >= 0 else -np.inf
                of_left = mark[low_term[at]] if a >= 0 and low_term[at] >= 0 else np.uint64(0)
                of_right = mark[high_term[at]] if b >= 0 and high_term[at] >= 0 else np.uint64(0)
                i, j, m = 0, 0, 0
                while m < most:
                    from_left = left + value[a, i] if a >= 0 and i < size[a] else -np.inf
                    from_right = right + value[b, j] if b >= 0 and j < size[b] else -np.inf
                    if from_left == -np.inf and from_right == -np.inf:
                        break
                    if from_left >= from_right:
                        now, side, place, said = from_left, 0, i, of_left + marks[a, i]
                        i += 1
                    else:
                        now, side, place, said = from_right, 1, j, of_right + marks[b, j]
                        j += 1
                    known = False
                    o = m - 1
                    while o >= 0 and not known and value[n, o] - now <= SAME * max(1.0, abs(now)):
                        known = marks[n, o] == said
                        o -= 1
                    if not known:
                        value[n, m], branch[n, m], rank[n, m], marks[n, m] = now, side, place, said
                        m += 1
                size[n] = m
            root = nodes - 1
            for m in range(size[root]):
                less = value[root, 0] - value[root, m]
                if m > 0 and less > loss:
                    break
                added = root_worth[k]
                n, r, count = root, m, 0
                while n > 0:
                    at = offset + n
                    if branch[n, r] == 0:
                        added += low_worth[at]
                        taken, below = low_term[at], low[at]
                    else:
                        added += high_worth[at]
                        taken, below = high_term[at], high[at]
                    r = rank[n, r]
                    if taken >= 0:
                        made[position, m, count] = column[taken]
                        count += 1
                    n = below
                lost[position, m], constant[position, m], length[position, m] = less, added, count
                filled[position] = m + 1
    return lost, constant, length, made, filled
