"""Which rules to ease where a diagram grows too large: those whose states differ most in the crowded layer.

An eased rule is a coarser cap or none, so the diagram allows more: its bound stays true.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.problem import Clash, Count, Ints, Problem
from optimizer.solve.diagram.caps import COARSE, COARSE_STATES, DROPPED, EXACT, Eased
from optimizer.solve.diagram.clashes import is_hard
from optimizer.solve.diagram.compiled import Int64
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
        different, alike = _spread(problem, program, origins, crowd, eased[crowd.classes[0]])
        # The rules without which the fewest states are left.
        for rule in sorted(alike, key=lambda rule: (alike[rule], rule))[: 1 << min(attempt // 2, 10)]:
            coarser = isinstance(problem.local[rule], Count) and different[rule] > COARSE_STATES
            now = result[crowd.classes, rule]
            result[crowd.classes, rule] = np.where((now == EXACT) & coarser, COARSE, DROPPED)
    return result


def _spread(
    problem: Problem, program: Program, origins: Origins, crowd: Crowd, eased: Eased
) -> tuple[dict[int, int], dict[int, int]]:
    """How many different states each rule has in a crowded layer, and how many the layer has without it."""
    columns = _columns(problem, program, origins, crowd, eased)
    # Sums of columns times large numbers: different rows give different sums, but for a chance of about 1e-11.
    odd: Int64 = np.random.default_rng(0).integers(1 << 40, 1 << 62, (crowd.rows.shape[1],), np.int64)
    part = {rule: np.asarray(crowd.rows[:, some] @ odd[some]) for rule, some in columns.items()}
    total = np.asarray(crowd.rows @ odd)
    different = {rule: len(np.unique(value)) for rule, value in part.items()}
    return different, {rule: len(np.unique(total - part[rule])) for rule, many in different.items() if many > 1}


def _columns(problem: Problem, program: Program, origins: Origins, crowd: Crowd, eased: Eased) -> dict[int, list[int]]:
    """The columns that hold the state of each rule in a crowded layer."""
    begin = int(program.start[crowd.cls])
    steps = range(begin + crowd.layer - 1, begin - 1, -1)
    found: dict[int, list[int]] = {}
    caps, groups, pending = program.caps, program.groups, program.pending
    block = 2 + groups.fresh.shape[1]
    for rows, rules, width, offset in (
        (caps, origins.caps, 1, 0),
        (groups, origins.groups, block, program.at_groups),
    ):
        seen: set[int] = set()
        for s in steps:
            for r in range(rows.start[s], rows.start[s + 1]):
                column = int(rows.column[r])
                # What starts later than here has no state yet.
                if column not in seen and not rows.starts[r]:
                    first = offset + column * width
                    found.setdefault(int(rules[r]), []).extend(range(first, first + width))
                seen.add(column)
    size = pending.words + pending.enables.shape[1]
    for k, rule in enumerate(origins.pending.tolist()):
        found[rule] = list(range(program.at_pending + k * size, program.at_pending + (k + 1) * size))
    for number, rule in enumerate(problem.local):
        if isinstance(rule, Clash) and is_hard(rule) and eased[number] == EXACT:
            found[number] = list(range(program.at_blocks, program.at_blocks + program.blocks.shape[1]))
    return found
