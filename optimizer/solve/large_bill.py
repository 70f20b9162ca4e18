"""The bill of a scenario too large for one program: prices give the cheapest way out, the plan's check counts it.

Every hard bound of a coupling rule may bend at the same price as in ``bill`` and nothing else is worth anything. What
is then left of D is the least that any plan has to pay: the rules that carry a price are the proof that they cannot
hold together, and what the plan found at those prices breaks is the way out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from optimizer.problem import Expression, Problem
from optimizer.solve.bill import Bill, Elastic, Shortage, elastic_problem, units_of
from optimizer.solve.decomposed.decomposed import NotDecomposed, solve_decomposed
from optimizer.solve.decomposed.structure import unsupported
from optimizer.solve.solution import Solution

if TYPE_CHECKING:
    from optimizer.scenario import Scenario

#: Seconds for the whole bill, and how near to the cheapest way out it has to come.
TIME_LIMIT, GAP = 45.0, 1e-2
#: What is said where bending costs nothing.
NOTHING = "a second look, by prices, found a plan that keeps these rules: this is a fault of ours"
#: Part of the largest price that a rule in conflict carries at least.
PRICED = 1e-6
#: What is short of a bound by more than rounding.
SHORT = 1e-6

#: Told of every step: the stage, objective and bound.
Tell = Callable[[str, float, float], None]
#: The checks of a solution's plan: a row a rule and scope, with value, min, max and violation.
Checks = Callable[[Solution], pd.DataFrame]


def large_bill_of(
    problem: Problem, scenario: Scenario, findings: Sequence[str], checks: Checks, tell: Tell, stop: Callable[[], bool]
) -> Bill | None:
    """Draw up the bill by prices; None where these cannot state the problem or find no way out in time.

    Parameters
    ----------
    problem : Problem
    scenario : Scenario
        Gives bounds their units.
    findings : sequence of str
        What counts or prices have shown before.
    checks : callable
        Checks the plan of a solution against the scenario as it stands.
    tell : callable
        Told of the stages; what they are worth means nothing to a planner.
    stop : callable
        Whether to end with the way out found so far.
    """
    elastic = _nothing_but_bends(elastic_problem(problem, local=False))
    if unsupported(elastic):
        return None

    def told(stage: str) -> None:
        tell(f"the bill: {stage}", math.nan, math.nan)

    try:
        found = solve_decomposed(
            elastic, gap=GAP, time_limit=TIME_LIMIT, progress=lambda stage, *_: told(stage), stop=stop
        )
    except NotDecomposed:
        return None
    if found.status not in ("optimal", "feasible"):
        return None
    units, named = units_of(scenario), {row.rule for row in problem.coupling}
    soft = {rule.name: rule.soft for rule in scenario.rules if rule.soft is not None}
    shortages = []
    for check in checks(found).to_dict("records"):
        side, short = "min" if check["value"] < check["min"] else "max", float(check["violation"])
        bends = soft.get(check["rule"])
        if bends is not None and bends.side in (side, "both"):
            short -= bends.tolerance or 0.0
        short = round(short, 9)
        if check["rule"] in named and not check["passed"] and short > SHORT:
            unit = units.get(check["rule"], "")
            shortages.append(Shortage(check["rule"], check["scope"], side, short, unit, float(check[side])))
    if not shortages:
        return Bill((), (), None, scenario.currency, (*findings, NOTHING), minimal=False)
    if found.objective < (1 + GAP) * found.bound < 0:  # both are below 0: what bending costs
        dearer = f"the way out shown costs up to {found.objective / found.bound - 1:.0%} more than the cheapest"
        findings = [*findings, dearer]
    largest = max(map(abs, found.shadow_prices.values()), default=0.0)
    priced = {rule for (rule, _), price in found.shadow_prices.items() if abs(price) > PRICED * largest}
    conflict = tuple(dict.fromkeys(row.rule for row in problem.coupling if row.rule in priced))
    return Bill(conflict, tuple(shortages), None, scenario.currency, tuple(findings), minimal=False)


def _nothing_but_bends(elastic: Problem) -> Problem:
    """Leave nothing worth or costing anything but the bending of hard bounds: soft rules bend for free."""
    return replace(
        elastic,
        objective=Expression(),
        coupling=[row for row in elastic.coupling if isinstance(row.soft, Elastic)],
        local=[
            rule if rule.soft is None else replace(rule, soft=replace(rule.soft, penalty=0.0)) for rule in elastic.local
        ],
    )
