"""Which rules to ease where a diagram grows too large: those whose states differ most in the crowded layer.

An eased rule is a coarser cap or none, so the diagram allows more: its bound stays true.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.problem import Clash, Count, Ints, Problem
from optimizer.solve.diagram.caps import COARSE, COARSE_STATES, DROPPED, EXACT, Eased
from optimizer.solve.diagram.clashes import is_hard
from optimizer.solve.diagram.expand import Crowd, Program


@dataclass(frozen=True)
class Origins:
    """The rule of each row of caps, of each row of groups, and of each asking rule."""

    caps: Ints
    groups: Ints
    pending: Ints


def eased_further(
    problem: Problem, program: Program, origins: Origins, crowds: list[Crowd], eased: Eased, attempt: int
) -> Eased:
    """Rules of crowded classes eased by one step, more of them at every attempt; ``eased`` (B, rules)."""
    result = eased.copy()
    for crowd in crowds:
        scores = _spread(problem, program, origins, crowd, eased[crowd.classes[0]])
        worst = sorted(scores, key=lambda rule: (-scores[rule], rule))[: 1 << min(attempt, 10)]
        for rule in worst:
            coarser = isinstance(problem.local[rule], Count) and scores[rule] > COARSE_STATES
            now = result[crowd.classes, rule]
            result[crowd.classes, rule] = np.where((now == EXACT) & coarser, COARSE, DROPPED)
    return result


def _spread(problem: Problem, program: Program, origins: Origins, crowd: Crowd, eased: Eased) -> dict[int, int]:
    """How many different states each rule has in a crowded layer."""
    begin = int(program.start[crowd.cls])
    steps = range(begin + crowd.layer - 1, begin - 1, -1)
    found: dict[int, int] = {}
    seen: set[int] = set()
    caps, groups, pending = program.caps, program.groups, program.pending

    def note(rule: int, first: int, size: int) -> None:
        different = len(np.unique(crowd.rows[:, first : first + size], axis=0))
        if different > 1:
            found[rule] = max(found.get(rule, 0), different)

    block = 2 + groups.fresh.shape[1]
    for s in steps:
        for r in range(caps.start[s], caps.start[s + 1]):
            column = int(caps.column[r])
            if column not in seen and not caps.starts[r]:
                note(int(origins.caps[r]), column, 1)
            seen.add(column)
    seen.clear()
    for s in steps:
        for r in range(groups.start[s], groups.start[s + 1]):
            column = int(groups.column[r])
            if column not in seen and not groups.starts[r]:
                note(int(origins.groups[r]), program.at_groups + column * block, block)
            seen.add(column)
    sets = pending.enables.shape[1]
    for k, rule in enumerate(origins.pending.tolist()):
        note(rule, program.at_pending + k * (pending.words + sets), pending.words + sets)
    clashes = [k for k, rule in enumerate(problem.local) if isinstance(rule, Clash) and is_hard(rule)]
    for rule in clashes:
        if eased[rule] == EXACT:
            note(rule, program.at_blocks, program.blocks.shape[1])
    return found


def untouched(classes: int, rules: int) -> Eased:
    """Every rule as it is, (B, rules)."""
    return np.full((classes, rules), EXACT, np.int8)
