"""Decision diagrams of all classes: every set of contacts that the local rules of a unit allow, as paths.

    path root → end    a set of slots that the hard local rules allow, all of them and no other
    term on an arc     the contact of a slot, at its rank, with or without a change of channel
    worth on an arc    minus the penalties of soft local rules, ≤ 0

Decision diagrams for optimization: Bergman, Cire, van Hoeve, Hooker (2016).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from optimizer.problem import Bools, Floats, Ints, Problem
from optimizer.solve.diagram.batches import Batch, TooMany, batches, restricted
from optimizer.solve.diagram.bonds import Bonds, rank_count
from optimizer.solve.diagram.classes import classes, shared_classes
from optimizer.solve.diagram.compiled import Int64
from optimizer.solve.diagram.masks import shared_steps, without_pairs
from optimizer.solve.diagram.runs import Runs, distinct_rows, gathered
from optimizer.solve.diagram.steps import Steps, own_steps
from optimizer.solve.diagram.units import PricingUnits

#: States of a class in one layer beyond which its diagram becomes a relaxation.
LIMIT = 20_000
#: The same for diagrams that leave out who is eligible, which have no use beyond.
SHARED_LIMIT = 3_000
#: Classes that are few in any case; classes tried to see how large the diagrams of many become.
FEW_CLASSES, SAMPLE = 3_000, 64
#: Times the limit that is kept of a class whose paths must all keep the rules, until there is one.
MORE = (1, 8, 64)
#: Nodes of all diagrams together: 32 bytes each.
NODES = 60_000_000
#: Classes, and steps of classes, expanded together: few enough for the states of a layer to stay in the cache.
BATCH_CLASSES, BATCH_STEPS = 4_000, 500_000


@dataclass(frozen=True)
class Terms:
    """The distinct terms of all diagrams.

    Attributes
    ----------
    slot : (T,)
    rank : (T,) rank index from 0; the first of those with the same factor.
    changed : (T,) whether the channel changes, False where that does not matter to the contact.
    context : (T,) which earlier slots of its group are taken, as ``Bonds`` says; 0 none.
    touch : (T,) the reaches whose label the contact is the first to touch, as bits.
    """

    slot: Ints
    rank: Ints
    changed: Bools
    context: Int64
    touch: Int64


@dataclass(frozen=True)
class Diagrams:
    """One reduced diagram a class.

    Attributes
    ----------
    class_of : (U,) class of each pricing unit.
    node_start : (C+1,) runs of nodes by class; inside a class nodes count from 0, node 0 is the end, children come
        before their parents and the last node is the root.
    low, high : (nodes,) child when the slot is not taken and when it is; -1 no such arc.
    low_term, high_term : (nodes,) local term of the arc, -1 none.
    low_worth, high_worth : (nodes,) constants, ≤ 0.
    term_start : (C+1,) runs of terms by class; ``term`` is the row of ``terms`` of each local term.
    root_worth : (C,) what every choice of the class pays.
    feasible : (C,) False where no choice keeps the hard rules; the class has node 0 alone.
    exact : (C,) False where the diagram is a relaxation: its bound is true, its choices may break rules.
    masked : the diagrams speak of slots whether or not a unit has a pair for them.
    restricted : where some classes are relaxations, diagrams whose every path keeps the rules; theirs hold some of the
        sets alone.
    """

    class_of: Ints
    node_start: Int64
    low: Ints
    high: Ints
    low_term: Ints
    high_term: Ints
    low_worth: Floats
    high_worth: Floats
    term_start: Int64
    term: Ints
    terms: Terms
    root_worth: Floats
    feasible: Bools
    exact: Bools
    masked: bool
    restricted: Diagrams | None = None


def build_diagrams(problem: Problem, units: PricingUnits, limit: int = LIMIT, bonds: Bonds | None = None) -> Diagrams:
    """Compile the local rules and effects of every class into a diagram.

    Parameters
    ----------
    problem : Problem
    units : PricingUnits
        From ``pricing_units``.
    limit : int
        States of a class in one layer beyond which its diagram becomes a relaxation.
    bonds : Bonds
        From ``read_bonds``, where responses combine or labels are reached.
    """
    known = classes(problem, units, bonds)
    orders: dict[int, Int64 | None] = {}

    def steps_of(first: Int64) -> Steps:
        return replace(own_steps(problem, units, first, orders), bonds=bonds)

    count = len(known.first)
    if count > FEW_CLASSES:
        some = known.first[np.linspace(0, count - 1, SAMPLE).astype(np.int64)]
        nodes = _mean_nodes(batches(problem, steps_of, some, limit))
        if count > len(known.class_of) / 20:
            shared = _shared(problem, units, min(limit, SHARED_LIMIT), count, nodes, bonds)
            if shared is not None:
                return shared
        for lower in (1000, 200, 50):
            if nodes * count > NODES and lower < limit:
                limit = lower
                nodes = _mean_nodes(batches(problem, steps_of, some, limit))
    length = units.start[known.first + 1] - units.start[known.first]
    parts = _parts(length)

    def built(part: slice) -> list[Batch]:
        return batches(problem, steps_of, known.first[part], limit)

    with ThreadPoolExecutor(2 if len(parts) > 2 else 1) as pool:
        lists = list(pool.map(built, parts))
    found = [batch for some in lists for batch in some]
    places = [batch.place + part.start for part, some in zip(parts, lists, strict=True) for batch in some]
    result = _joined(problem, known.class_of, found, np.concatenate(places), masked=False)
    if result.exact.all():
        return result
    wide = np.sort(np.concatenate([at[~batch.exact] for batch, at in zip(found, places, strict=True)]))
    kept = [(_some(batch, batch.exact), at[batch.exact]) for batch, at in zip(found, places, strict=True)]
    for more in MORE:
        cut = restricted(problem, steps_of, known.first[wide], wide, more * limit)
        # Chance may leave nothing that meets a minimum: more is kept of those.
        lost = np.concatenate([batch.place[~batch.feasible] for batch in cut])
        wide = lost if more < MORE[-1] else wide[:0]
        kept += [(part, part.place) for part in (_some(b, b.feasible | (more == MORE[-1])) for b in cut)]
        if not len(wide):
            break
    within = _joined(
        problem, known.class_of, [batch for batch, _ in kept], np.concatenate([at for _, at in kept]), masked=False
    )
    return replace(result, restricted=within)


def _some(batch: Batch, kept: Bools) -> Batch:
    """Some classes of a batch."""
    return replace(
        batch, place=batch.place[kept], run_of=batch.run_of[kept], root_worth=batch.root_worth[kept],
        feasible=batch.feasible[kept], exact=batch.exact[kept],
    )  # fmt: skip


def _shared(
    problem: Problem, units: PricingUnits, limit: int, own: int, nodes: float, bonds: Bonds | None = None
) -> Diagrams | None:
    """Diagrams that leave out who is eligible, None where they cannot be, or are too large for what they save."""
    plain = without_pairs(problem, units)
    if plain is None or (bonds is not None and bonds.reaches):
        return None
    known = shared_classes(plain, units)
    if 4 * len(known.first) > own:
        return None
    orders: dict[int, Int64 | None] = {}
    try:

        def steps_of(first: Int64) -> Steps:
            return replace(shared_steps(plain, units, first, orders), bonds=bonds)

        found = batches(plain, steps_of, known.first, limit, ease=False)
    except TooMany:
        return None
    result = _joined(plain, known.class_of, found, np.concatenate([batch.place for batch in found]), masked=True)
    visits = np.diff(result.node_start)[result.class_of].mean()
    # Compiling a class takes as long as some hundreds of visits a unit over all rounds of prices; nodes of its own are
    # read from memory, shared ones from the cache.
    return result if visits <= 700 + 3 * nodes or nodes * own > NODES else None


def _mean_nodes(found: list[Batch]) -> float:
    """Nodes a class."""
    total = sum(np.diff(batch.runs.node_start)[batch.run_of].sum() for batch in found)
    return float(total / max(1, sum(len(batch.run_of) for batch in found)))


def _parts(length: Int64) -> list[slice]:
    """Runs of classes small enough to be expanded together."""
    found, begin, steps = [], 0, 0
    for c, size in enumerate(length.tolist()):
        if c > begin and (c - begin >= BATCH_CLASSES or steps + size > BATCH_STEPS):
            found.append(slice(begin, c))
            begin, steps = c, 0
        steps += size
    if begin < len(length) or not found:
        found.append(slice(begin, len(length)))
    return found


def _joined(problem: Problem, class_of: Ints, found: list[Batch], places: Int64, masked: bool) -> Diagrams:
    """All batches as one; classes with the same nodes and the same constant become one."""
    parts, bonded = _named(found)
    before = np.cumsum([0, *(len(part.node_start) - 1 for part in parts)])
    order = np.argsort(places)
    run = np.concatenate([batch.run_of + k for batch, k in zip(found, before, strict=False)])[order]
    worth = np.concatenate([batch.root_worth for batch in found])[order]
    feasible = np.concatenate([batch.feasible for batch in found])[order]
    exact = np.concatenate([batch.exact for batch in found])[order]
    first, number = distinct_rows(run, worth.view(np.int64), feasible, exact)
    nodes = gathered(parts, run[first])
    keys, term = np.unique(nodes.term, return_inverse=True)
    ranks = rank_count(problem)
    return Diagrams(
        class_of=number[class_of].astype(np.int32),
        node_start=nodes.node_start,
        low=nodes.low,
        high=nodes.high,
        low_term=nodes.low_term,
        high_term=nodes.high_term,
        low_worth=nodes.low_worth,
        high_worth=nodes.high_worth,
        term_start=nodes.term_start,
        term=term.astype(np.int32),
        terms=_terms(bonded[keys] if len(bonded) else np.column_stack([keys, np.zeros((len(keys), 2))]), ranks),
        root_worth=worth[first],
        feasible=feasible[first],
        exact=exact[first],
        masked=masked,
    )


def _named(found: list[Batch]) -> tuple[list[Runs], Int64]:
    """The runs of all batches, and what their terms are where contacts are bonded, (K, 3)."""
    tables = [batch.keys for batch in found if batch.keys is not None]
    if not tables:
        return [batch.runs for batch in found], np.empty((0, 3), np.int64)
    keys, number = np.unique(np.concatenate(tables), axis=0, return_inverse=True)
    parts, before = [], 0
    for batch in found:
        own = batch.runs
        if batch.keys is not None:
            own = replace(own, term=number.ravel()[before + own.term])
            before += len(batch.keys)
        parts.append(own)
    return parts, keys


def _terms(keys: Int64, ranks: int) -> Terms:
    kind = keys[:, 0].astype(np.int64)
    return Terms(
        (kind // (2 * ranks)).astype(np.int32), (kind // 2 % ranks).astype(np.int32), (kind % 2).astype(bool),
        keys[:, 1].astype(np.int64), keys[:, 2].astype(np.int64),
    )  # fmt: skip
