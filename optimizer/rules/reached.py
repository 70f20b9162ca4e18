"""What each coupling row can reach: looked up once, and for the next problem too that differs in bounds alone.

What a row reaches depends on its expression and on what can be contacted, not on its bounds. What is taken from memory
counts as the work that it was: a comparison stops where it would have stopped with nothing kept, and says the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from optimizer.problem import CouplingRow, Expression, Problem
from optimizer.reuse import Memory, same
from optimizer.rules.counting import TOLERANCE, Extent, Ground, Rows

#: Pairs of rows kept at hand.
AT_HAND = 10_000_000
#: What a row's reach depends on besides its expression.
GROUND = (
    "customer", "activity", "removed", "order", "responses", "local", "cells", "price_cells", "openings", "media",
)  # fmt: skip


@dataclass(frozen=True)
class Bounded:
    """What a coupling row can reach.

    ``customers`` is the number of customers of a plain count (None of anything else), ``slack`` what rounding may
    account for.
    """

    least: float
    most: float
    slack: float
    customers: int | None


@dataclass(frozen=True)
class Kept:
    """What an expression reaches; the pairs that move it, and the work of looking at them and of counting beyond."""

    expression: Expression
    bounded: Bounded
    pairs: int
    looking: int
    counting: int


@dataclass(frozen=True)
class Reaches:
    """What the rows of a problem reach, by rule and scope."""

    problem: Problem
    kept: dict[tuple[str, str], Kept] = field(default_factory=dict)

    def hold(self, problem: Problem) -> bool:
        """Whether another problem has the same to contact."""
        return all(same(getattr(self.problem, name), getattr(problem, name)) for name in GROUND)


@dataclass
class _Looked:
    """A row's extent and its pairs if it is a plain count; not ``made`` yet where its reach was taken from memory."""

    row: CouplingRow
    pairs: int
    made: tuple[Extent, Rows | None] | None
    work: int


class Reached:
    """What the coupling rows of one problem can reach; extents are at hand while they are few."""

    def __init__(self, problem: Problem, ground: Ground, memory: Memory | None = None) -> None:
        self.problem, self.ground = problem, ground
        if memory is not None and (memory.reaches is None or not memory.reaches.hold(problem)):
            memory.reaches = Reaches(problem)
        self._kept: dict[tuple[str, str], Kept] = {} if memory is None else memory.reaches.kept
        self._bounded: dict[int, tuple[CouplingRow, Bounded]] = {}
        self._recent: dict[int, _Looked] = {}

    def bounded(self, row: CouplingRow) -> Bounded:
        """The least and the most of a row, tightened by local caps where it is a plain count."""
        if id(row) not in self._bounded:
            kept = self._kept.get((row.rule, row.scope))
            if kept is None or not same(kept.expression, row.expression):
                kept = self._kept[row.rule, row.scope] = self._looked_at(row)
            else:
                if id(row) not in self._recent:
                    self.ground.work += kept.looking
                    self._put(_Looked(row, kept.pairs, None, kept.looking))
                self.ground.work += kept.counting
            self._bounded[id(row)] = row, kept.bounded
        return self._bounded[id(row)][1]

    def extent(self, row: CouplingRow) -> Extent:
        """The range of a row's expression."""
        return self._looked_up(row)[0]

    def counted(self, row: CouplingRow) -> Rows | None:
        """The pairs of a plain count; None of any other row."""
        return self._looked_up(row)[1]

    def _looked_at(self, row: CouplingRow) -> Kept:
        extent, counted = self._looked_up(row)
        looking, before = self._recent[id(row)].work, self.ground.work
        most, customers = extent.most, None
        if counted is not None:
            most = min(most, row.expression.constant + self.ground.most_contacts(counted))
            met = np.zeros(len(self.problem.order), bool)
            met[self.problem.customer[counted]] = True
            customers = int(met.sum())
        bounded = Bounded(extent.least, most, TOLERANCE * (1.0 + extent.size), customers)
        return Kept(row.expression, bounded, len(extent.pairs), looking, self.ground.work - before)

    def _looked_up(self, row: CouplingRow) -> tuple[Extent, Rows | None]:
        known = self._recent.get(id(row))
        if known is None:
            before = self.ground.work
            made = self.ground.extent(row.expression), self.ground.counted_pairs(row)
            self._put(_Looked(row, len(made[0].pairs), made, self.ground.work - before))
            return made
        if known.made is None:
            # Its work is counted already.
            work = self.ground.work
            known.made = self.ground.extent(row.expression), self.ground.counted_pairs(row)
            self.ground.work = work
        return known.made

    def _put(self, looked: _Looked) -> None:
        """Keep it at hand, and let the oldest go."""
        while self._recent and sum(one.pairs for one in self._recent.values()) > AT_HAND:
            self._recent.pop(next(iter(self._recent)))
        self._recent[id(looked.row)] = looked
