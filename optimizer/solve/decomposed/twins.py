"""Twins: customers whose choices are the same to the last bit are priced once and count as many times as there are.

Scores that come as deciles, or from a table of rates, make a million customers a few thousand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Ints
from optimizer.solve.decomposed.alternatives import Alternatives
from optimizer.solve.decomposed.columns import Columns
from optimizer.solve.decomposed.sweep import Choice
from optimizer.solve.diagram.compiled import mixed

Int64 = NDArray[np.int64]

#: Part of all units that may be left for twins to be worth telling apart.
WORTH = 0.8
#: Units looked at first, and the part of them that differ where twins are few: one in twenty has its twin among them
#: even where a million customers are half a million.
SAMPLE, FEW = 50_000, 0.98


@dataclass(frozen=True)
class Twins:
    """``first`` (K,) the units that stand for their twins, ascending; ``of`` (U,) which of them each unit is like."""

    first: Ints
    of: Ints

    @property
    def copies(self) -> Ints:
        """How many units each of ``first`` stands for, (K,)."""
        return np.bincount(self.of, minlength=len(self.first)).astype(np.int32)

    def standing(self, units: Ints) -> Ints:
        """Those that stand for some units, ascending."""
        return np.unique(self.first[self.of[units]])

    def members(self, standing: Ints) -> Ints:
        """All units that some stand for, themselves included, ascending."""
        known = np.zeros(len(self.first), bool)
        known[self.of[standing]] = True
        return np.flatnonzero(known[self.of]).astype(np.int32)

    def dealt(self, columns: Columns, options: Alternatives, counts: Int64) -> Int64:
        """The columns chosen where so many twins of its unit, (P,), take each option; who takes which goes by place."""
        by_kind = np.argsort(self.of, kind="stable")
        begin = np.cumsum(self.copies) - self.copies
        # Options of a unit stand together: each begins where those before it end.
        before = np.cumsum(counts) - counts
        first = np.flatnonzero(np.diff(options.unit, prepend=-1))
        taken = before - np.repeat(before[first], np.diff(np.append(first, len(options.unit))))
        option = np.repeat(np.arange(len(counts)), counts)
        place = np.arange(len(option)) - before[option]
        member = by_kind[begin[self.of[options.unit[option]]] + taken[option] + place]
        length = np.diff(options.start)[option]
        within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        column = options.column[np.repeat(options.start[option], length) + within]
        shift = columns.start[member] - columns.start[options.unit[option]]
        return column + np.repeat(shift, length)

    def told(self, columns: Columns, choice: Choice) -> Choice:
        """What ``first`` choose, as the choice of everyone."""
        one = self.first[self.of]
        theirs = columns.of(one)[0]  # twins have as many columns, in the same order
        return Choice(choice.chosen[theirs], choice.constant[one])


def find_twins(columns: Columns) -> Twins | None:
    """Units that are alike; None where they are too few to matter.

    A mark of all a unit reads finds those that may be alike; that they are is looked at, number by number.
    """
    read = (
        columns.class_of, columns.group, columns.start, columns.term, columns.worth.view(np.uint64), columns.code,
        columns.base.view(np.uint64),
    )  # fmt: skip
    some = np.arange(columns.units)[:: max(columns.units // SAMPLE, 1)]
    if len(np.unique(_marks(some, *read))) > FEW * len(some):
        return None
    everyone = np.arange(columns.units)
    _, first, of = np.unique(_marks(everyone, *read), return_index=True, return_inverse=True)
    if len(first) > WORTH * columns.units:
        return None
    order = np.argsort(first, kind="stable")
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    twins = Twins(first[order].astype(np.int32), place[of])
    return twins if _alike(twins.first, twins.of, *read) else None


@nb.njit(cache=True, parallel=True)
def _marks(units, class_of, group, start, term, worth, code, base):  # type: ignore[no-untyped-def]  # numba infers
    marks = np.empty(len(units), np.uint64)
    for k in nb.prange(len(units)):
        u = units[k]
        said = mixed(np.uint64(class_of[u]) ^ mixed(np.uint64(group[u])))
        for j in range(start[u], start[u + 1]):
            said = mixed(said ^ mixed(np.uint64(term[j]) ^ mixed(np.uint64(code[j]))) ^ worth[j])
            for b in range(base.shape[0]):
                said = mixed(said ^ base[b, j])
        marks[k] = said
    return marks


@nb.njit(cache=True, parallel=True)
def _alike(first, of, class_of, group, start, term, worth, code, base):  # type: ignore[no-untyped-def]  # numba infers
    differ = 0
    for u in nb.prange(len(of)):
        one = first[of[u]]
        count = start[u + 1] - start[u]
        same = class_of[u] == class_of[one] and group[u] == group[one] and count == start[one + 1] - start[one]
        if same:
            for k in range(count):
                i, j = start[u] + k, start[one] + k
                same = same and term[i] == term[j] and worth[i] == worth[j] and code[i] == code[j]
                for b in range(base.shape[0]):
                    same = same and base[b, i] == base[b, j]
        differ += not same
    return differ == 0
