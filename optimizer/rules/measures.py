"""Measures: what a name in ``sum``, ``average``, ``ratio``, ``budget`` or the objective adds up over a scope.

    contacts      Σ x
    responses     Σ ρ                                  + what media yield in responses
    a kpi         Σ ρ_kpi                              + what media yield in it
    revenue       Σ revenue ρ
    gross_margin  Σ gross margin ρ + Σ kpi margin ρ_kpi + margin of what media yield
    cost          Σ unit cost x + C(n) + Σ response cost ρ + media spend + fixed costs of what is opened
    net_margin    gross_margin − cost
    any column    Σ g x, g of the pair, the activity or the customer; an empty value adds 0

ρ is the effective response (effects, combination and saturation included). Committed contacts add constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.problem import Bools, Expression, Floats, Weights
from optimizer.rules.base import Context
from optimizer.rules.scope import Scope
from optimizer.rules.sides import pair_column, plain, side
from optimizer.rules.weights import product
from optimizer.scenario.facts import Facts
from optimizer.scenario.pair_values import PairColumn, PairValues, filled

#: Measures that every scenario has, kpis and columns aside.
BUILT_IN = ("contacts", "responses", "gross_margin", "revenue", "cost", "net_margin")
#: Measures in the scenario's currency.
MONEY = ("gross_margin", "revenue", "cost", "net_margin")


def measure(context: Context, name: str, scope: Scope, *, booked: bool = True, paid: bool = True) -> Expression:
    """The sum of a measure over a scope.

    Parameters
    ----------
    context : Context
    name : str
        A built-in measure, a kpi, or a numeric column of pairs, activities or customers.
    scope : Scope
    booked : bool
        Whether committed contacts inside the horizon add their own values, as constants.
    paid : bool
        Whether media (their spend, fixed cost and yield) and fixed costs of the scope belong to the sum.

    Returns
    -------
    Expression

    Raises
    ------
    ScenarioError
        When no such measure exists.
    """
    if name == "contacts":
        result = Expression(contacts=[scope.contacts])
    elif name == "responses" or name in context.facts.pairs.kpis:
        result = Expression(responses={name: [scope.contacts]})
        if paid:
            result += Expression(yields={row: 1.0 for row in scope.media if context.facts.media[row].yields == name})
    elif name == "revenue":
        result = _a_response(context, "revenue", scope)
    elif name == "gross_margin":
        result = _gross_margin(context, scope, paid)
    elif name == "cost":
        result = _cost(context, scope, paid)
    elif name == "net_margin":
        result = _gross_margin(context, scope, paid) + _cost(context, scope, paid).scaled(-1.0)
    else:
        result = Expression(contacts=[product(scope.contacts, column_weights(context, name))])
    if booked:
        values = booked_values(context, name, scope)
        result += Expression(constant=float(np.nansum(values)))
    return result


def in_horizon(context: Context) -> Bools:
    """Which past contacts are committed and inside the horizon (all committed ones without dates), shape (P,)."""
    return context.remembered(("in horizon",), lambda: _in_horizon(context.facts))


def _in_horizon(facts: Facts) -> Bools:
    committed = facts.past["committed"].to_numpy(bool)
    if not facts.dated:
        return committed
    first, last = facts.horizon
    days = facts.past["days"].to_numpy()
    inside: Bools = committed & (days >= first) & (days <= last)
    return inside


def booked_values(context: Context, name: str, scope: Scope) -> Floats:
    """The measure of each committed contact of the scope inside the horizon; NaN where it states none."""
    past = context.facts.past[scope.past & in_horizon(context)]
    if name == "contacts":
        return np.ones(len(past))
    if name == "cost":
        return past["cost"].to_numpy(float)
    if name not in past or name == "pressure" or not pd.api.types.is_numeric_dtype(past[name].dtype):
        return np.full(len(past), np.nan)
    return past[name].to_numpy(float, na_value=np.nan)


def column_weights(context: Context, name: str) -> Weights:
    """A numeric column of pairs, activities or customers as weights, 0 where empty."""
    return context.remembered(("column", name), lambda: _column_weights(context, name))


def measured_pairs(context: Context, name: str, contacts: Weights) -> Weights:
    """0/1 on the pairs of ``contacts`` whose measure is not empty: the base of an average."""
    facts = context.facts
    if (name in BUILT_IN and name != "revenue") or name in facts.pairs.kpis:
        return contacts
    stands, column = "pair" if name == "revenue" else side(facts, name), plain(name)
    if stands == "pair":
        empty = np.isnan(_pairs_of(facts, column))
        return product(contacts, Weights(pair=(~empty).astype(float))) if empty.any() else contacts
    frame = facts.activities if stands == "activity" else facts.customers
    empty = np.isnan(_numbers(frame[column]))
    if not empty.any():
        return contacts
    filled = (~empty).astype(float)
    return product(contacts, Weights(activity=filled) if stands == "activity" else Weights(customer=filled))


def factored(context: Context, key: str, values: PairColumn) -> list[Weights]:
    """Values on pairs, 0 where empty, as weights that add up to them.

    In parts where they come so, and as an activity part where they differ by activity alone.
    """

    def make() -> list[Weights]:
        own = filled(values)
        if isinstance(own, PairValues):
            parts = [Weights(activity=part, customer=column) for part, column in own.parts if part.any()]
            return parts or [Weights(factor=0.0)]
        pairs = context.facts.pairs
        by_activity = np.zeros(len(context.facts.activities))
        by_activity[pairs.activity] = own
        if np.array_equal(by_activity[pairs.activity], own):
            return [Weights(activity=by_activity)]
        return [Weights(pair=own)]

    return context.remembered(("factored", key), make)


def one_factored(context: Context, key: str, values: PairColumn) -> Weights:
    """Values on pairs as one product."""
    parts = factored(context, key, values)
    if len(parts) > 1:
        return context.remembered(("one", key), lambda: Weights(pair=np.asarray(filled(values))))
    return parts[0]


def tiered_activities(facts: Facts) -> Bools:
    """Activities whose channel is priced by tiers, shape (A,)."""
    channels = {tier.channel for tier in facts.tiers}
    result: Bools = facts.activities["channel"].isin(channels).to_numpy(bool)
    return result


def medium_opening(context: Context, row: int) -> int:
    """The binary that is 1 when a medium cell is paid, declared once."""
    name = f"medium {context.facts.media[row].name}"
    return context.remembered(("opening", name), lambda: context.open(name, None, medium=row))


def activities_opening(context: Context, name: str, activities: Bools, minimum: float = 0.0) -> int:
    """The binary that is 1 when any pair of the activities is contacted, declared once a set of activities.

    Whoever shares it, its minimum is the largest asked for: an offer and the one channel it has may each ask for one.
    """
    key = ("opening of", activities.tobytes())
    row = context.remembered(key, lambda: context.open(name, Weights(activity=activities.astype(float)), None, minimum))
    if minimum > context.openings[row].minimum:
        context.openings[row] = replace(context.openings[row], minimum=minimum)
    return row


def opens_nothing(weights: Weights) -> bool:
    """Whether weights are 0 everywhere, as far as their small parts tell."""
    parts = (weights.activity, weights.customer)
    return weights.factor == 0 or any(part is not None and not part.any() for part in parts)


def kpi_margin(context: Context, kpi: str) -> Weights | None:
    """Gross margin a unit of a kpi: a number, a customer column, or None where the kpi states none."""
    stated = context.scenario.spec.kpis[kpi].gross_margin
    if stated is None:
        return None
    if isinstance(stated, str):
        return column_weights(context, stated)
    return Weights(factor=float(stated))


def _gross_margin(context: Context, scope: Scope, paid: bool) -> Expression:
    result = _a_response(context, "gross_margin", scope)
    for kpi in context.facts.pairs.kpis:
        margin = kpi_margin(context, kpi)
        if margin is not None:
            result += Expression(responses={kpi: [product(scope.contacts, margin)]})
    if paid:
        margins = {row: context.facts.media[row].margin for row in scope.media}
        result += Expression(yields={row: margin for row, margin in margins.items() if not np.isnan(margin)})
    return result


def _cost(context: Context, scope: Scope, paid: bool) -> Expression:
    """Unit cost, tiered prices, response costs, and with ``paid`` media spend and fixed costs (Nobibon et al. 2011)."""
    facts = context.facts
    units = factored(context, "unit_cost", facts.pairs.unit_cost)
    tiered = tiered_activities(facts)
    result = Expression()
    if tiered.any():
        priced = product(scope.contacts, Weights(activity=tiered.astype(float)))
        if not opens_nothing(priced):
            result += Expression(tiered=[priced])
        units = [product(unit, Weights(activity=(~tiered).astype(float))) for unit in units]
    units = [product(scope.contacts, unit) for unit in units]
    result += Expression(contacts=[unit for unit in units if not opens_nothing(unit)])
    if not all(opens_nothing(part) for part in factored(context, "response_cost", facts.pairs.response_cost)):
        result += _a_response(context, "response_cost", scope)
    if paid:
        result += Expression(spend=dict.fromkeys(scope.media, 1.0))
        for row in scope.media:
            if facts.media[row].fixed_cost > 0:
                result += Expression(opened={medium_opening(context, row): facts.media[row].fixed_cost})
        for row in scope.fixed:
            cost = facts.fixed_costs[row]
            if cost.amount > 0:
                opening = activities_opening(context, cost.name, cost.activities)
                result += Expression(opened={opening: cost.amount})
    return result


def _a_response(context: Context, column: str, scope: Scope) -> Expression:
    """Σ value a response × ρ; an empty value adds 0 (the reader refuses it where the objective needs it)."""
    values = factored(context, column, _pairs_of(context.facts, column))
    return Expression(responses={"responses": [product(scope.contacts, part) for part in values]})


def _pairs_of(facts: Facts, column: str) -> PairColumn:
    if column == "response_cost":
        return facts.pairs.response_cost
    values = pair_column(facts, column)
    assert values is not None
    return values


def _column_weights(context: Context, name: str) -> Weights:
    facts = context.facts
    stands, column = side(facts, name), plain(name)
    if stands == "pair":
        return one_factored(context, column, _pairs_of(facts, column))
    if stands == "activity" and column in facts.activities and column != "offers":
        return Weights(activity=np.nan_to_num(_numbers(facts.activities[column])))
    if stands == "customer" and column in facts.customers:
        return Weights(customer=np.nan_to_num(_numbers(facts.customers[column])))
    known = [
        *BUILT_IN,
        *facts.pairs.kpis,
        *facts.pairs.measures,
        *_numeric(facts.activities),
        *_numeric(facts.customers),
    ]
    raise ScenarioError(context.scenario.source, "measure", name, f"expected one of {', '.join(known)}")


def _numbers(values: pd.Series) -> Floats:
    return pd.to_numeric(values, errors="coerce").to_numpy(float, na_value=np.nan)


def _numeric(frame: pd.DataFrame) -> Sequence[str]:
    return [str(name) for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name].dtype)]
