"""Hard clashes as one relation over the steps of a class: the state is the set of later slots that are blocked."""

from __future__ import annotations

import numpy as np

from optimizer.problem import Bools, Clash, Ints, Problem
from optimizer.solve.diagram.caps import EXACT, Eased
from optimizer.solve.diagram.compiled import Int64, bare, compiled
from optimizer.solve.diagram.steps import Steps


def is_hard(rule: Clash) -> bool:
    """Whether no penalty buys a clash: hard, or soft with less room than one contact needs."""
    return rule.soft is None or rule.soft.tolerance < 1.0 - 1e-9


def hard_clashes(problem: Problem, steps: Steps, eased: Eased) -> Int64:
    """Later steps that each step blocks, as bits: (S, words); bit k of a set stands for the k-th step from the end."""
    blocks = np.zeros((len(steps.cls), steps.words), np.int64)
    for number, rule in enumerate(problem.local):
        if isinstance(rule, Clash) and is_hard(rule):
            add_clashes(steps, rule, eased[:, number] != EXACT, blocks)
    return blocks


def add_clashes(steps: Steps, rule: Clash, dropped: Bools, blocks: Int64) -> None:
    """Mark in ``blocks`` what each step clashes with later."""
    kept = ~dropped[steps.cls]
    first, then = steps.members(rule.first) & kept, steps.members(rule.then) & kept
    _mark(steps.start, steps.activity, steps.holders(rule.units).of_step, first, then, rule.follows, blocks)


@compiled
def _mark(start: Int64, activity: Ints, holder: Ints, first: Bools, then: Bools, follows: Bools, blocks: Int64) -> None:
    for c in range(len(start) - 1):
        for e in range(start[c], start[c + 1]):
            if not first[e] and not then[e]:
                continue
            for f in range(start[c], e):
                if holder[e] != holder[f]:
                    continue
                a, b = activity[e], activity[f]
                if (first[e] and then[f] and follows[a, b]) or (first[f] and then[e] and follows[b, a]):
                    bit = f - start[c]
                    blocks[e, bit // 64] |= np.int64(1) << np.int64(bit % 64)


@bare
def step_clashes(row: Int64, offset: int, s: int, bit: int, take: bool, blocks: Int64) -> bool:
    """Decide step ``s``, the ``bit``-th from the end; False where it is blocked and would be taken."""
    word, one = bit // 64, np.int64(1) << np.int64(bit % 64)
    if take:
        if row[offset + word] & one:
            return False
        for k in range(blocks.shape[1]):
            row[offset + k] |= blocks[s, k]
    row[offset + word] &= ~one
    return True
