"""The most that each medium can receive: its own maximum, or less where a hard row leaves less.

A row Σ g x + Σ c s ≤ U whose every other term is at least 0 leaves a medium at most (U − constant) / c. A planner may
write a maximum of 1e9 for "no limit" beside a budget of 1,000: stated so, the curve's breakpoints and the least money
that counts as spent would be of the size of the maximum, and the solver's tolerances of the size of the plan.
"""

from __future__ import annotations

import numpy as np

from optimizer.problem import Expression, Floats, Problem

#: Caps err on the large side: the row itself says what holds.
_SPARE = 2.0**-20


def most_spend(problem: Problem) -> Floats:
    """Upper bounds of money that every plan keeps, shape (M,)."""
    most = np.array([medium.high for medium in problem.media], float)
    for row in problem.coupling:
        hard = row.soft is None or not row.soft.max_side
        if not hard or not np.isfinite(row.upper) or not row.expression.spend or not _adds(problem, row.expression):
            continue
        room = row.upper - row.expression.constant
        for medium, price in row.expression.spend.items():
            if price > 0:
                most[medium] = min(most[medium], max(room / price, 0.0) * (1 + _SPARE))
    return np.maximum(most, [medium.low for medium in problem.media])


def _adds(problem: Problem, expression: Expression) -> bool:
    """Whether no term of an expression, its constant aside, is ever below 0."""
    numbers = [*expression.spend.values(), *expression.yields.values(), *expression.opened.values()]
    numbers += [value for _, value in expression.reached]
    if any(value < 0 for value in numbers):
        return False
    responses = problem.responses
    if any((responses.scores[kind] < 0).any() for kind in expression.responses):
        return False
    if expression.tiered and any((cell.prices < 0).any() for cell in problem.price_cells):
        return False
    weights = [*expression.contacts, *expression.tiered, *(w for terms in expression.responses.values() for w in terms)]
    return not any((w.on(problem.customer, problem.activity) < 0).any() for w in weights)
