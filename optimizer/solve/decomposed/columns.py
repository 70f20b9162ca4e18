"""Columns: for every unit, what each term of its diagram is worth and how the linking rows read it."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Bools, Expression, Floats, Ints, Problem
from optimizer.solve.decomposed.links import Links
from optimizer.solve.diagram.diagrams import Diagrams
from optimizer.solve.diagram.units import PricingUnits
from optimizer.solve.patterns import rank_tables

Int64 = NDArray[np.int64]


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
    order_of_units = np.lexsort((diagrams.class_of, group))
    start, source, place = _expand(order_of_units, units.start, units.slot, diagrams.class_of, first, slots)
    term = local[place]
    pair = units.pair[source].astype(np.int32)
    factor = _factors(problem, diagrams, order, place, pair)
    value = np.zeros(len(pair))
    for weights in worth.contacts:
        value += weights.on(problem.customer, problem.activity)[pair]
    for kind, several in worth.responses.items():
        if not several:
            continue
        part = np.zeros(len(problem.customer))
        for weights in several:
            part += weights.on(problem.customer, problem.activity)
        if outside is not None:
            part[outside] = 0.0
        value += part[pair] * _response(problem, kind, pair, factor)
    base = np.empty((len(links.bases) - 1, len(pair)))
    for row, one in enumerate(links.bases[1:]):
        base[row] = one.on(problem.customer, pair)
        if one.kind is not None:
            base[row] *= _response(problem, one.kind, pair, factor)
    return Columns(
        diagrams,
        diagrams.class_of[order_of_units],
        group[order_of_units],
        start,
        pair,
        term,
        value,
        links.code[pair],
        base,
    )


def _response(problem: Problem, kind: str, pair: Ints, factor: Floats | None) -> Floats:
    """Effective response of each column: min(1, p · static · factor)."""
    response = problem.responses.scores[kind][pair] * problem.responses.static[pair]
    if factor is not None:
        response *= factor
    return np.minimum(response, 1.0, out=response)


def _factors(problem: Problem, diagrams: Diagrams, order: Int64, place: Int64, pair: Ints) -> Floats | None:
    """Factor of rank and change on each column; None where no effect is stated."""
    responses = problem.responses
    if not responses.ranks and not responses.changes:
        return None
    which = diagrams.term[order][place]
    table = rank_tables(problem)
    factor = table[pair, np.minimum(diagrams.terms.rank[which], table.shape[1] - 1)]
    changed = diagrams.terms.changed[which]
    for change in responses.changes:
        member = change.members.on(problem.customer, problem.activity)[pair] != 0
        factor = np.where(changed & member, factor * change.factor, factor)
    return factor


@nb.njit(cache=True)
def _expand(order, unit_start, slot, class_of, first, slots):  # type: ignore[no-untyped-def]  # numba infers
    """Runs of columns by unit, the pair run position and the class term of each."""
    start = np.zeros(len(order) + 1, np.int64)
    for k, u in enumerate(order):
        n = 0
        for p in range(unit_start[u], unit_start[u + 1]):
            key = class_of[u] * slots + slot[p]
            n += first[key + 1] - first[key]
        start[k + 1] = start[k] + n
    source = np.empty(start[len(order)], np.int32)
    place = np.empty(start[len(order)], np.int32)
    for k, u in enumerate(order):
        j = start[k]
        for p in range(unit_start[u], unit_start[u + 1]):
            key = class_of[u] * slots + slot[p]
            for t in range(first[key], first[key + 1]):
                source[j] = p
                place[j] = t
                j += 1
    return start, source, place
