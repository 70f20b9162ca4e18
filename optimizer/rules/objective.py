"""The objective: what a plan is worth, always maximised, and what one response adds to it.

    net_margin      Σ gross margin ρ + kpi margins + media margins − all costs
    revenue, responses, a kpi or a column      its sum, nothing deducted
    minimise cost   −cost

Soft penalties are deducted by the rows that bend. Committed contacts are not ours and add nothing.
"""

from __future__ import annotations

import numpy as np

from optimizer.problem import Expression, Floats, Weights
from optimizer.rules.base import Context
from optimizer.rules.measures import measure
from optimizer.rules.scope import Scope


def everything(context: Context) -> Scope:
    """The scope of the whole plan: every pair, medium and fixed cost."""
    facts = context.facts
    return Scope(
        "",
        {},
        Weights(),
        np.ones(len(facts.past), bool),
        list(range(len(facts.media))),
        list(range(len(facts.fixed_costs))),
    )


def objective(context: Context) -> Expression:
    """The expression to maximise."""
    scenario = context.scenario
    return measure(context, scenario.objective, everything(context), booked=False).scaled(float(scenario.sense))


def response_worth(context: Context) -> Floats:
    """What one response of each pair adds to the objective, kpi margins aside, shape (E,).

    ``net_margin``: gross margin − response cost; ``revenue``: revenue; otherwise 1.
    """
    scenario, pairs = context.scenario, context.facts.pairs
    if scenario.objective == "net_margin":
        return np.asarray(pairs.gross_margin) - np.asarray(pairs.response_cost)
    if scenario.objective == "revenue":
        return np.nan_to_num(pairs.revenue)
    return np.ones(len(pairs))
