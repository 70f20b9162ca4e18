"""Diagrams of some classes at once: read, expand, reduce; what grows too large is eased and tried again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimizer.problem import Bools, Floats, Problem
from optimizer.solve.diagram.bundles import bundles_of, say_bundles
from optimizer.solve.diagram.caps import EXACT, CapRows, Eased, say_caps
from optimizer.solve.diagram.clashes import hard_clashes
from optimizer.solve.diagram.compiled import Int64
from optimizer.solve.diagram.distinct import groups_of, say_groups
from optimizer.solve.diagram.effects import COLUMNS, effects_of, say_effects
from optimizer.solve.diagram.expand import Program, TooWide, layers
from optimizer.solve.diagram.pending import pending_of, say_pending, width_of
from optimizer.solve.diagram.reduce import reduced
from optimizer.solve.diagram.relax import Origins, eased_further
from optimizer.solve.diagram.runs import Runs, runs
from optimizer.solve.diagram.steps import Steps, futures, say

#: Where few classes are too large, they get so many times the states before any rule is eased.
FEW_STATES, PATIENCE = 100_000, 8
#: The steps of some classes, given their first units.
StepsOf = Callable[[Int64], Steps]


@dataclass(frozen=True)
class Batch:
    """The diagrams of some classes.

    ``place`` (B,) says where the classes belong in the list asked for; ``run_of`` (B,) is the run each class has.
    ``keys`` (K, 3): what the terms of the runs are, where contacts are bonded; else they are it themselves.
    """

    place: Int64
    runs: Runs
    run_of: Int64
    root_worth: Floats
    feasible: Bools
    exact: Bools
    keys: Int64 | None


class TooMany(Exception):
    """A diagram grew past the limit, and no relaxation was asked for."""


def batches(problem: Problem, steps_of: StepsOf, first: Int64, limit: int, ease: bool = True) -> list[Batch]:
    """The diagrams of classes with these first units.

    Parameters
    ----------
    limit : int
        States of a class in a layer, on average over classes that share them.
    ease : bool
        Whether to relax what grows past the limit.

    Raises
    ------
    TooMany
        Unless ``ease``, when something grows past the limit.
    """
    eased = np.full((len(first), len(problem.local)), EXACT, np.int8)
    return _eased(problem, steps_of, first, np.arange(len(first)), eased, limit, ease, 0)


def _eased(
    problem: Problem,
    steps_of: StepsOf,
    first: Int64,
    place: Int64,
    eased: Eased,
    limit: int,
    ease: bool,
    attempt: int,
) -> list[Batch]:
    """The diagrams under eased rules; where they are still too large, under rules eased further."""
    steps = steps_of(first)
    worth, feasible = np.zeros(len(first)), np.ones(len(first), bool)
    program, origins = _program(problem, steps, eased, worth, feasible)
    try:
        found = layers(program, limit)
    except TooWide:
        half = len(first) // 2
        return [
            batch
            for part in (slice(None, half), slice(half, None))
            for batch in _eased(problem, steps_of, first[part], place[part], eased[part], limit, ease, attempt)
        ]
    if found.crowds and not ease:
        raise TooMany
    nodes = reduced(found)
    feasible &= (nodes.root >= 0) & ~found.full
    distinct, run_of = np.unique(np.where(feasible, nodes.root, -1), return_inverse=True)
    worth = np.where(feasible, worth + nodes.root_worth, 0.0)
    whole = np.flatnonzero(~found.full)
    exact = np.asarray((eased == EXACT).all(axis=1))
    result = [
        Batch(
            place[whole], runs(nodes, distinct), run_of[whole], worth[whole], feasible[whole], exact[whole], found.keys
        )
    ]  # fmt: skip
    full = np.flatnonzero(found.full)
    if len(full):
        further = eased[full]
        if attempt == 0 and len(full) * limit <= FEW_STATES:
            limit *= PATIENCE
        else:
            further = eased_further(problem, program, origins, found.crowds, eased, attempt)[full]
            if (further == eased[full]).all():
                limit *= PATIENCE  # effects, which cannot be eased, take the states they take
        del steps, program, found, nodes
        result += _eased(problem, steps_of, first[full], place[full], further, limit, ease, attempt + 1)
    return result


def restricted(problem: Problem, steps_of: StepsOf, first: Int64, place: Int64, limit: int) -> list[Batch]:
    """Diagrams whose every path keeps every rule, of classes that have more paths than they hold."""
    steps = steps_of(first)
    worth, feasible = np.zeros(len(first)), np.ones(len(first), bool)
    program, _ = _program(problem, steps, np.full((len(first), len(problem.local)), EXACT, np.int8), worth, feasible)
    try:
        found = layers(program, limit, cut=True)
    except TooWide:
        half = len(first) // 2
        return [
            batch
            for part in (slice(None, half), slice(half, None))
            for batch in restricted(problem, steps_of, first[part], place[part], limit)
        ]
    nodes = reduced(found)
    feasible &= nodes.root >= 0
    distinct, run_of = np.unique(np.where(feasible, nodes.root, -1), return_inverse=True)
    worth = np.where(feasible, worth + nodes.root_worth, 0.0)
    return [Batch(place, runs(nodes, distinct), run_of, worth, feasible, np.zeros(len(first), bool), found.keys)]


def _program(problem: Problem, steps: Steps, eased: Eased, worth: Floats, feasible: Bools) -> tuple[Program, Origins]:
    """What every step reads; ``worth`` and ``feasible`` take what holds whatever is chosen."""
    rows = CapRows(steps, worth, feasible)
    rows.add_counts(problem, eased)
    caps, cap_rules, width = rows.laid()
    blocks = hard_clashes(problem, steps, eased)
    groups, group_rules, group_columns = groups_of(problem, steps, eased, worth, feasible)
    pending, pending_rules = pending_of(problem, steps, eased)
    effects = effects_of(problem, steps)
    bundles = bundles_of(steps.bonds, steps)
    said = np.zeros(len(steps.cls), np.uint64)
    say(said, steps.slot.astype(np.int64)[:, None])
    say_caps(said, caps)
    say(said, blocks)
    say_groups(said, groups)
    if pending.rules:
        say_pending(said, pending)
    say_effects(said, effects)
    if steps.bonds is not None:
        say_bundles(said, bundles)
    members = int(steps.member.max(initial=0)) + 1
    interacts = bool(problem.responses.ranks or problem.responses.changes)
    at_groups = width + steps.words
    at_pending = at_groups + group_columns
    at_effects = at_pending + width_of(pending, steps)
    at_bundles = at_effects + COLUMNS * members * interacts
    program = Program(
        steps.start, steps.slot, futures(steps, said), caps, blocks, groups, pending, effects, bundles, width,
        at_groups, at_pending, at_effects, at_bundles, at_bundles + bundles.width,
    )  # fmt: skip
    return program, Origins(cap_rules, group_rules, pending_rules)
