"""What a plan is worth, recomputed from the scenario: effective responses, money, true curves, objective.

    q     = min(1, p · rank factor · change factor · message factors)
    ρ     = q, or the contact's part P · q / Σq of its group's combination P (independent 1 − Π(1 − q), best max q)
    ρ     = ρ · F(z) / z in a saturated cell, z = Σ worth · ρ, F(z) = z_ref · min(r, φ(r)), r = z / z_ref
    cost  = unit cost (C(n)/n where prices come in tiers) + response cost · ρ
    worth = Σ gross margin − cost, + what media yield − what they cost − fixed costs      (net_margin)

(docs/meaning.md; DESIGN §2). Nothing here is shared with the compiled problem or a solver.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optimizer.plan.order import Order
from optimizer.plan.records import Records, pair_rows
from optimizer.plan.responses import Responses
from optimizer.scenario.facts import Bools, Facts, Floats, Tiers
from optimizer.scenario.pair_values import PairColumn, PairValues

if TYPE_CHECKING:
    from optimizer.scenario import Scenario


@dataclass(frozen=True)
class MediaValue:
    """What each medium cell costs and yields (arrays of shape (M,)).

    ``spend`` is the money on the curve, ``cost`` adds the fixed cost once it is positive, ``yields`` the curve's
    value in its own unit, ``margin`` its worth in money (0 where none is stated), ``marginal`` the worth (or, without
    one, the yield) of the next unit of money, ``kinds`` what the curve yields.
    """

    spend: Floats
    cost: Floats
    yields: Floats
    margin: Floats
    marginal: Floats
    kinds: list[str]

    def of(self, kind: str) -> Floats:
        """What each cell yields of ``responses`` or a kpi; 0 where its curve yields something else."""
        return np.where(np.array([own == kind for own in self.kinds], dtype=bool), self.yields, 0.0)


@dataclass(frozen=True)
class Worth:
    """A plan's value, before any penalty.

    Arrays over contacts follow the order of the plan's records; totals include media and fixed costs. ``opened`` and
    ``fixed_money`` say which fixed costs are paid, and what of each; ``order`` which contact comes when. ``magnitude``
    is the sum of the absolute values of all that was added up, the yardstick of rounding.
    """

    objective: float
    magnitude: float
    cost: float
    responses: float
    gross_margin: float
    revenue: float
    kpis: dict[str, float]
    response: Floats
    kpi_response: dict[str, Floats]
    contact_gross_margin: Floats
    contact_revenue: Floats
    contact_cost: Floats
    media: MediaValue
    opened: Bools
    fixed_money: Floats
    order: Order

    @property
    def net_margin(self) -> float:
        """Gross margin − cost, media and fixed costs included."""
        return self.gross_margin - self.cost


def value_plan(scenario: Scenario, plan: Records, booked: Records, spend: Floats) -> Worth:
    """Value contacts and media spend.

    Parameters
    ----------
    scenario : Scenario
    plan : Records
        Our contacts.
    booked : Records
        Committed contacts inside the horizon: they count in ranks and previous dates.
    spend : float64 (M,)
        Money on each medium cell.

    Returns
    -------
    Worth
    """
    facts = scenario.facts
    pairs = facts.pairs
    order = Order(plan, booked)
    expected = Responses(scenario, plan, order).expected()
    response, kpis = expected.response, expected.kpis

    gross_margin = response * _known(pairs.gross_margin, plan)
    for name, value in kpis.items():
        gross_margin = gross_margin + value * kpi_margin(scenario, name)[plan.customer]
    revenue = response * _known(pairs.revenue, plan)
    cost = contact_prices(facts, plan) + response * _of_contacts(pairs.response_cost, plan)
    media = value_media(facts, spend)
    used = np.bincount(plan.activity, minlength=len(facts.activities)) > 0
    opened = np.array([bool(fixed.activities[used].any()) for fixed in facts.fixed_costs], dtype=bool)
    fixed_money = np.array([fixed.amount for fixed in facts.fixed_costs]) * opened

    totals = {name: float(value.sum() + media.of(name).sum()) for name, value in kpis.items()}
    responses = float(response.sum() + media.of("responses").sum())
    terms = objective_terms(
        scenario,
        plan,
        response=response,
        kpis=kpis,
        gross_margin=gross_margin,
        revenue=revenue,
        cost=cost,
        media=media,
        fixed=fixed_money,
    )
    return Worth(
        objective=float(sum(float(term.sum()) for term in terms)),
        magnitude=float(sum(float(np.abs(term).sum()) for term in terms)),
        cost=float(cost.sum() + media.cost.sum() + fixed_money.sum()),
        responses=responses,
        gross_margin=float(gross_margin.sum() + media.margin.sum()),
        revenue=float(revenue.sum()),
        kpis=totals,
        response=response,
        kpi_response=kpis,
        contact_gross_margin=gross_margin,
        contact_revenue=revenue,
        contact_cost=cost,
        media=media,
        opened=opened,
        fixed_money=fixed_money,
        order=order,
    )


def objective_terms(
    scenario: Scenario,
    plan: Records,
    *,
    response: Floats,
    kpis: dict[str, Floats],
    gross_margin: Floats,
    revenue: Floats,
    cost: Floats,
    media: MediaValue,
    fixed: Floats,
) -> list[Floats]:
    """What the objective adds up, before penalties; a minimised cost counts upwards."""
    match scenario.objective:
        case "net_margin":
            return [gross_margin, -cost, media.margin, -media.cost, -fixed]
        case "cost":
            return [cost, media.cost, fixed]
        case "revenue":
            return [revenue]
        case "responses":
            return [response, media.of("responses")]
        case name if name in kpis:
            return [kpis[name], media.of(name)]
        case name:
            return [np.nan_to_num(column_measure(plan, name))]


def column_measure(records: Records, name: str) -> Floats:
    """A numeric column of pairs, activities or customers as a measure of each contact; NaN where empty or unknown."""
    frame = records.frame([name])
    if frame.shape[1] != 1:
        return np.full(len(records), np.nan)
    return pd.to_numeric(frame.iloc[:, 0], errors="coerce").to_numpy(np.float64, na_value=np.nan)


def kpi_margin(scenario: Scenario, name: str) -> Floats:
    """Gross margin of one unit of a kpi for each customer: a number, a customer column, or 0."""
    margin = scenario.spec.kpis[name].gross_margin
    customers = scenario.facts.customers
    if margin is None:
        return np.zeros(len(customers))
    if isinstance(margin, str):
        return np.nan_to_num(customers[margin].to_numpy(np.float64, na_value=np.nan))
    return np.full(len(customers), float(margin))


# --- numbers of pairs ------------------------------------------------------------------------------------------------


def _of_contacts(values: PairColumn, plan: Records) -> Floats:
    """A number of each of our contacts; what is in parts is put together from the parts, activity and customer."""
    if not isinstance(values, PairValues):
        return values[pair_rows(plan)]
    found: Floats | None = None
    for of_activity, of_customer in values.parts:
        if of_activity.any():
            value = of_activity[plan.activity]
            if of_customer is not None:
                value *= of_customer[plan.customer]
            found = value if found is None else found + value
    return np.zeros(len(plan)) if found is None else found


def _known(values: PairColumn, plan: Records) -> Floats:
    """The same, 0 where it is empty."""
    found = _of_contacts(values, plan)
    return found if isinstance(values, PairValues) and np.isfinite(found.sum()) else np.nan_to_num(found)


# --- money --------------------------------------------------------------------------------------------------------


def contact_prices(facts: Facts, plan: Records) -> Floats:
    """What each contact costs before any response: its unit cost, or the average price of a channel with tiers."""
    price = _of_contacts(facts.pairs.unit_cost, plan).astype(np.float64)
    for tiers in facts.tiers:
        own = (facts.activities["channel"] == tiers.channel).to_numpy(bool)[plan.activity]
        volume = int(own.sum())
        if volume:
            price[own] = tier_total(tiers, volume) / volume
    return price


def tier_total(tiers: Tiers, volume: int) -> float:
    """C(n): the price of n contacts of a channel whose price comes in tiers."""
    if tiers.kind == "all_units":
        return float(tiers.prices[tiers.starts <= volume][-1]) * volume
    ends = np.append(tiers.starts[1:], np.inf)
    within = np.clip(np.minimum(ends, volume) - tiers.starts, 0.0, None)
    return float(within @ tiers.prices)


def value_media(facts: Facts, spend: Floats) -> MediaValue:
    """Cost and true curve value of every medium cell."""
    count = len(facts.media)
    yields, slope, margin = np.zeros(count), np.zeros(count), np.zeros(count)
    for row, cell in enumerate(facts.media):
        yields[row] = float(cell.curve.value(spend[row]))
        slope[row] = float(cell.curve.slope(spend[row]))
        margin[row] = cell.margin
    fixed = np.array([cell.fixed_cost for cell in facts.media]) * (spend > 0)
    worth = np.nan_to_num(margin)
    marginal = slope * np.where(np.isnan(margin), 1.0, margin)
    return MediaValue(spend, spend + fixed, yields, yields * worth, marginal, [cell.yields for cell in facts.media])
