"""What the decomposed path makes of a problem before any price: classes, diagrams, columns and their links.

Nothing of it depends on what rows allow. So a problem that differs from the last one in bounds alone takes it as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields

import numpy as np

from optimizer.problem import Floats, Problem
from optimizer.reuse import Memory, same
from optimizer.solve.decomposed.bonded import add_bonds
from optimizer.solve.decomposed.columns import Columns, build_columns
from optimizer.solve.decomposed.dual import Dual
from optimizer.solve.decomposed.links import Links, read_links
from optimizer.solve.decomposed.steps import stepped, steps_of_columns
from optimizer.solve.decomposed.structure import Structure
from optimizer.solve.decomposed.sweep import Plan
from optimizer.solve.decomposed.tree import capped, is_structural
from optimizer.solve.decomposed.twins import Twins, find_twins
from optimizer.solve.diagram.bonds import read_bonds
from optimizer.solve.diagram.diagrams import build_diagrams
from optimizer.solve.diagram.units import pricing_units

#: Columns up to which they are kept for a next problem: 2 GiB of them.
KEPT_COLUMNS = 60_000_000


@dataclass(frozen=True)
class Stated:
    """Columns and their links; what rounding may hide in each row over them, the step of what they use, and twins.

    ``plans``: how sweeps over everyone are cut, as far as they were asked for; of columns alone, as all the rest.
    """

    columns: Columns
    links: Links
    rounding: Floats
    steps: Floats
    twins: Twins | None
    plans: dict[tuple[int, bool], Plan] = field(default_factory=dict)

    def dual(self, structure: Structure) -> Dual:
        """D under the bounds of a structure."""
        roomier = stepped(structure, self.steps).roomier(self.rounding)
        bounded = capped(roomier, self.columns, self.links)
        # The tree closes columns of some units and not of their twins.
        twins = None if is_structural(bounded) else self.twins
        return Dual(self.columns, self.links, bounded, twins, self.plans)


@dataclass(frozen=True)
class Prepared:
    """A problem and what was made of it.

    ``whole`` is None where some customer has no choice at all. ``part`` states the diagrams that hold a part of what
    the rules allow, where ``wide`` customers have too many states for a whole one; None where no such part exists.
    """

    problem: Problem
    classes: int
    nodes: int
    whole: Stated | None
    part: Stated | None
    wide: int


def prepare(problem: Problem, structure: Structure, memory: Memory | None, tell: Callable[[str], None]) -> Prepared:
    """Build all of it, or take it from memory where only bounds differ."""
    if memory is not None and memory.prepared is not None and differs_in_bounds_alone(memory.prepared.problem, problem):
        found: Prepared = memory.prepared
        return found
    if memory is not None:
        memory.prepared = None  # make room
    tell("classes")
    units = pricing_units(problem)
    bonds = read_bonds(problem, units)
    diagrams = build_diagrams(problem, units, bonds=bonds)
    classes, nodes = len(diagrams.feasible), len(diagrams.low)
    if not diagrams.feasible[diagrams.class_of].all():
        return Prepared(problem, classes, nodes, None, None, 0)
    tell(f"classes: {classes:,} with {nodes:,} nodes")
    links = read_links(problem, structure.expressions)
    stated: list[Stated | None] = []
    for some in (diagrams, diagrams.restricted):
        if some is None or not some.feasible[some.class_of].all():
            stated.append(None)
            continue
        columns, read = build_columns(problem, units, some, links, structure.worth, structure.outside), links
        if bonds is not None:
            columns, read = add_bonds(
                problem, columns, links, bonds, structure.expressions, structure.worth, structure.outside
            )
        stated.append(_stated(columns, read))
    wide = 0
    if diagrams.restricted is not None:
        wide = int(np.isin(diagrams.class_of[units.unit], np.flatnonzero(~diagrams.exact)).sum())
    prepared = Prepared(problem, classes, nodes, stated[0], stated[1], wide)
    if memory is not None and sum(len(one.columns.pair) for one in stated if one is not None) <= KEPT_COLUMNS:
        memory.prepared = prepared
    return prepared


def _stated(columns: Columns, links: Links) -> Stated:
    """What is asked of columns before any price, on both cores."""
    with ThreadPoolExecutor(2) as pool:
        steps = pool.submit(steps_of_columns, columns, links)
        rounding = pool.submit(links.rounding, columns.code, columns.base)
        even = pool.submit(lambda: columns.even)
        twins = find_twins(columns)  # the only one whose kernels have threads of their own
    even.result()
    return Stated(columns, links, rounding.result(), steps.result(), twins)


def differs_in_bounds_alone(one: Problem, other: Problem) -> bool:
    """Whether two problems are the same but for what their coupling rows allow and how these may bend."""
    if len(one.coupling) != len(other.coupling):
        return False
    if not all(same(a.expression, b.expression) for a, b in zip(one.coupling, other.coupling, strict=True)):
        return False
    others = [item.name for item in fields(Problem) if item.name not in ("name", "coupling")]
    return all(same(getattr(one, name), getattr(other, name)) for name in others)
