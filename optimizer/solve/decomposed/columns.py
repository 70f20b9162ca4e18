"""Columns: for every unit, what each term of its diagram is worth and how the linking rows read it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numba as nb
import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Bools, Expression, Floats, Ints, Problem, Weights
from optimizer.solve.decomposed.links import Links
from optimizer.solve.diagram.diagrams import Diagrams, Terms
from optimizer.solve.diagram.units import PricingUnits
from optimizer.solve.patterns import rank_factors

Int64 = NDArray[np.int64]

#: Columns looked at once, and threads that state them.
PART, THREADS = 1 << 18, 2
#: Rules on ranks that keep a contact in so few ways that each has a row of factors.
FEW_RULES = 10


@dataclass(frozen=True)
class Columns:
    """Columns of all units, by unit and local term; units stand by group, then class.

    So a sweep reads straight on, and a block of units stands in few rows.

    Attributes
    ----------
    start : (U + 1,) runs by unit; ``class_of`` (U,) its class; ``group`` (U,) its group.
    pair : (J,) the contact it makes; ``term`` (J,) its local term.
    worth : (J,) what it adds to the objective; ``code`` (J,) as in ``Links``; ``base`` (bases − 1, J).
    """

    diagrams: Diagrams
    class_of: Ints
    group: Ints
    start: Int64
    pair: Ints
    term: NDArray[np.uint16] | NDArray[np.uint32]
    worth: Floats
    code: Ints
    base: Floats

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.start) - 1

    def parts(self) -> list[slice]:
        """Columns by and by: what is made of a part of them meanwhile is small, however many there are."""
        return [slice(at, at + PART) for at in range(0, len(self.term), PART)]

    @cached_property
    def usual(self) -> Floats:
        """How large each base's numbers are on average, (bases,); 1 of contacts."""
        sums = [sum(float(np.abs(base[part]).sum()) for part in self.parts()) for base in self.base]
        return np.array([1.0, *(total / max(len(self.pair), 1) for total in sums)])

    @cached_property
    def least(self) -> float:
        """Σ of what columns are worth below zero, of those that are not closed: choices are worth no less."""
        parts = (self.worth[part] for part in self.parts())
        return sum(float(worth[np.isfinite(worth) & (worth < 0.0)].sum()) for worth in parts)

    @cached_property
    def even(self) -> Ints:
        """Units in an order whose even steps are a fair sample: by group, class, and the most a contact is worth."""
        some = np.diff(self.start) > 0
        most = np.zeros(self.units)
        most[some] = np.maximum.reduceat(self.worth, self.start[:-1][some]) if some.any() else 0.0
        return np.lexsort((most, self.class_of, self.group)).astype(np.int32)

    def of(self, units: Ints) -> tuple[Int64, Int64]:
        """Columns of some units, one after the other, and the place in ``units`` that each belongs to."""
        begin, count = self.start[units], self.start[units + 1] - self.start[units]
        owner = np.repeat(np.arange(len(units)), count)
        return np.arange(len(owner)) + np.repeat(begin - np.cumsum(count) + count, count), owner


def build_columns(
    problem: Problem, units: PricingUnits, diagrams: Diagrams, links: Links, worth: Expression, outside: Bools | None
) -> Columns:
    """State the columns.

    Parameters
    ----------
    worth : the objective; its contacts and responses are read.
    outside : (E,) pairs whose responses the objective does not read here, as a curve reads them.
    """
    slots = len(units.slot_activity)
    classes = len(diagrams.node_start) - 1
    of_class = np.repeat(np.arange(classes), np.diff(diagrams.term_start))
    slot_of = diagrams.terms.slot[diagrams.term].astype(np.int64)
    key = of_class * slots + slot_of
    order = np.argsort(key, kind="stable")
    small = np.diff(diagrams.term_start).max(initial=0) < 1 << 16
    local = (np.arange(len(key)) - diagrams.term_start[of_class])[order].astype(np.uint16 if small else np.uint32)
    first = np.searchsorted(key[order], np.arange(classes * slots + 1))
    group = np.zeros(len(diagrams.class_of), np.int32)
    group[units.unit[::-1]] = links.group[::-1]  # of a household the first customer's
    # Numbered as units come, which is by content: customers' names order nothing.
    _, seen, number = np.unique(group, return_index=True, return_inverse=True)
    group = np.argsort(np.argsort(seen)).astype(np.int32)[number]
    order_of_units = np.lexsort((diagrams.class_of, group))
    start = np.zeros(len(order_of_units) + 1, np.int64)
    _count(order_of_units, units.start, units.slot, diagrams.class_of, first, slots, start)
    np.cumsum(start, out=start)
    count = int(start[-1])
    pair, place = np.empty(count, np.int32), np.empty(count, np.int32)
    _expand(order_of_units, units.start, units.slot, units.pair, diagrams.class_of, first, slots, start, pair, place)
    columns = Columns(
        diagrams,
        diagrams.class_of[order_of_units],
        group[order_of_units],
        start,
        pair,
        np.empty(count, local.dtype),
        np.empty(count),
        np.empty(count, np.int32),
        np.empty((len(links.bases) - 1, count)),
    )

    def state(part: slice) -> None:
        which = place[part]
        # Columns of one contact stand together: what does not tell them apart is looked up once.
        new = np.diff(pair[part], prepend=-1) != 0
        some, of = pair[part][new], np.cumsum(new) - 1
        columns.term[part] = local[which]
        columns.code[part] = links.code[some][of]
        answers = _Answers(problem, some, of, diagrams.terms, diagrams.term[order[which]])
        value = sum((answers.on(weights) for weights in worth.contacts), np.zeros(len(some)))[of]
        for kind, several in worth.responses.items():
            if several:
                each = sum((answers.on(weights) for weights in several), np.zeros(len(some)))
                if outside is not None:
                    each[outside[some]] = 0.0
                value += each[of] * answers.response(kind)
        columns.worth[part] = value
        for row, one in enumerate(links.bases[1:]):
            base = one.on(problem.customer, some)[of]
            columns.base[row, part] = base if one.kind is None else base * answers.response(one.kind)

    # A part at a time on each thread: what is gathered meanwhile stays near the processor.
    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(state, part) for part in columns.parts()]:
            done.result()
    return columns


class _Answers:
    """What contacts weigh, and how they are answered in each of their columns, ``of`` a contact and with a term."""

    def __init__(self, problem: Problem, pair: Ints, of: Int64, terms: Terms, term: Ints) -> None:
        self.problem, self.pair, self.of, self.terms, self.term = problem, pair, of, terms, term
        self.customer, self.activity = problem.customer[pair], problem.activity[pair]
        self.known: dict[str, Floats] = {}
        self.factor = self._factor()

    def on(self, weights: Weights) -> Floats:
        """Weights on the contacts."""
        if weights.pair is not None:
            weights = replace(weights, pair=weights.pair[self.pair])
        return weights.on(self.customer, self.activity)

    def response(self, kind: str) -> Floats:
        """Effective response of each column: min(1, p · static · factor)."""
        if kind not in self.known:
            responses = self.problem.responses
            response = (responses.scores[kind][self.pair] * responses.static[self.pair])[self.of]
            if self.factor is not None:
                response *= self.factor
            self.known[kind] = np.minimum(response, 1.0, out=response)
        return self.known[kind]

    def _factor(self) -> Floats | None:
        """Factor of rank and change on each column; None where no effect is stated."""
        responses = self.problem.responses
        if not responses.ranks and not responses.changes:
            return None
        factor = np.ones(len(self.of))
        if responses.ranks:
            kept = [self.on(rank.members) != 0 for rank in responses.ranks]
            way = np.arange(len(self.pair))
            if len(kept) <= FEW_RULES:
                # Few rules keep contacts in few ways: a table a way, not a contact.
                way = sum((keeps.astype(np.int64) << k for k, keeps in enumerate(kept)), np.zeros(len(way), np.int64))
                every = np.arange(1 << len(kept))
                kept = [(every >> k & 1).astype(bool) for k in range(len(kept))]
            table = rank_factors(responses.ranks, kept, len(kept[0]))
            factor = table[way[self.of], np.minimum(self.terms.rank[self.term], table.shape[1] - 1)]
        changed = self.terms.changed[self.term]
        for change in responses.changes:
            factor = np.where(changed & (self.on(change.members) != 0)[self.of], factor * change.factor, factor)
        return factor


@nb.njit(cache=True, parallel=True)
def _count(order, unit_start, slot, class_of, first, slots, count):  # type: ignore[no-untyped-def]  # numba infers
    """How many columns each unit has, at its place plus one."""
    for k in nb.prange(len(order)):
        u = order[k]
        n = 0
        for p in range(unit_start[u], unit_start[u + 1]):
            key = class_of[u] * slots + slot[p]
            n += first[key + 1] - first[key]
        count[k + 1] = n


@nb.njit(cache=True, parallel=True)
def _expand(  # type: ignore[no-untyped-def]  # numba infers
    order, unit_start, slot, unit_pair, class_of, first, slots, start, pair, place
):  # fmt: skip
    """The pair and the class term of each column."""
    for k in nb.prange(len(order)):
        u = order[k]
        j = start[k]
        for p in range(unit_start[u], unit_start[u + 1]):
            key = class_of[u] * slots + slot[p]
            for t in range(first[key], first[key + 1]):
                pair[j] = unit_pair[p]
                place[j] = t
                j += 1
