"""The most that each medium can receive: its own maximum, or less where a hard row or its own worth leaves less.

A row Σ g x + Σ c s ≤ U whose every other term is at least 0 leaves a medium at most (U − constant) / c. A planner may
write a maximum of 1e9 for "no limit" beside a budget of 1,000: stated so, the curve's breakpoints and the least money
that counts as spent would be of the size of the maximum, and the solver's tolerances of the size of the plan.

Where no row gains by more of a medium, a plan that spends s with u · R(s) < k · s is beaten by the one that spends
nothing (u the worth of what the curve yields, k the price of money): the most is u · R(most) / k, again and again.
"""

from __future__ import annotations

import numpy as np

from optimizer.problem import Expression, Floats, Problem

#: Caps err on the large side: the row itself says what holds.
_SPARE = 2.0**-20
#: The part of a medium's effective money that counts as spent.
LEAST_MONEY = 1e-6
_HALVINGS = 80
_ROUNDS = 20


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
    for medium, limit in enumerate(most):
        most[medium] = _worth_spending(problem, medium, float(limit))
    return np.maximum(most, [medium.low for medium in problem.media])


def least_spend(problem: Problem, medium: int, most: float) -> float:
    """The least money that counts as spent: a millionth of what brings half of the most that the curve can yield.

    Spending it in place of less costs at most that much, and yields no less.
    """
    if most <= 0:
        return 0.0
    curve = problem.media[medium].curve
    half, low, high = 0.5 * float(curve.value(most)), 0.0, most
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if float(curve.value(middle)) >= half else (middle, high)
    return LEAST_MONEY * high


def _worth_spending(problem: Problem, medium: int, most: float) -> float:
    """The most money that can pay for itself, where nothing but its own worth asks for it."""
    stated = problem.media[medium]
    price = -problem.objective.spend.get(medium, 0.0)
    worth = problem.objective.yields.get(medium, 0.0)
    openings = [row for row, opening in enumerate(problem.openings) if opening.medium == medium]
    free_to_stop = stated.or_zero or stated.low <= 0
    paid_to_open = any(problem.objective.opened.get(row, 0.0) > 0 for row in openings)
    if not free_to_stop or price <= 0 or worth < 0 or paid_to_open:
        return most
    for row in problem.coupling:
        expression = row.expression
        numbers = [expression.spend.get(medium, 0.0), expression.yields.get(medium, 0.0)]
        numbers += [expression.opened.get(opening, 0.0) for opening in openings]
        if (np.isfinite(row.lower) and max(numbers) > 0) or (np.isfinite(row.upper) and min(numbers) < 0):
            return most
    for _ in range(_ROUNDS):
        most = min(most, worth * float(stated.curve.value(most)) / price * (1 + _SPARE))
    return most


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
