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
from numpy.typing import NDArray

from optimizer.plan.order import Order
from optimizer.plan.records import Records
from optimizer.scenario.facts import Bools, Facts, Floats, Saturation, Tiers
from optimizer.scenario.rule_schema import Effect

if TYPE_CHECKING:
    from optimizer.scenario import Scenario

#: Pairs added up in one go.
BLOCK = 1 << 20


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
    pairs, rows = facts.pairs, pair_rows(plan)
    order = Order(plan, booked)
    factor = effect_factors(scenario, plan, order)
    response = combined(facts, plan, np.minimum(1.0, pairs.score[rows] * factor))
    kpis = {name: combined(facts, plan, np.minimum(1.0, score[rows] * factor)) for name, score in pairs.kpis.items()}
    shrink = saturation_factors(scenario, plan, response)
    response = response * shrink
    kpis = {name: value * shrink for name, value in kpis.items()}

    gross_margin = response * np.nan_to_num(pairs.gross_margin[rows])
    for name, value in kpis.items():
        gross_margin = gross_margin + value * kpi_margin(scenario, name)[plan.customer]
    revenue = response * np.nan_to_num(pairs.revenue[rows])
    cost = contact_prices(facts, plan) + response * pairs.response_cost[rows]
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


# --- effective responses ------------------------------------------------------------------------------------------


def effect_factors(scenario: Scenario, plan: Records, order: Order) -> Floats:
    """The product of the factors each contact gets from the scenario's effects."""
    effects = [
        (rule, rule.effect) for rule in scenario.rules if isinstance(rule.effect, Effect) and rule.mode == "enforce"
    ]
    factor = np.ones(len(plan))
    for rule, effect in effects:
        if effect.contact is None and effect.alternate is None:
            factor[plan.holds(rule.where)] *= effect.factor
    by_rank = [(rule, effect) for rule, effect in effects if effect.contact is not None]
    if by_rank:
        last = np.zeros(len(plan), dtype=np.int64)
        for rule, effect in by_rank:
            last = np.where(plan.holds(rule.where), np.maximum(last, effect.contact or 0), last)
        rank = np.minimum(order.ranks, last)
        product = np.ones(len(plan))
        for rule, effect in by_rank:
            product[plan.holds(rule.where) & (rank == effect.contact)] *= effect.factor
        factor *= product
    by_change = [(rule, effect) for rule, effect in effects if effect.alternate is not None]
    if by_change:
        for rule, effect in by_change:
            factor[order.changed & plan.holds(rule.where)] *= effect.factor
    return factor


def combined(facts: Facts, plan: Records, response: Floats) -> Floats:
    """Each contact's part of the response of its group, by the scenario's ``combine``."""
    if facts.combine == "additive" or not len(plan):
        return response
    group = facts.group[pair_rows(plan)].astype(np.int64)
    order = np.argsort(group, kind="stable")
    _, start = np.unique(group[order], return_index=True)
    size = np.diff(np.append(start, len(plan)))
    q = response[order]
    if facts.combine == "independent":
        together = 1.0 - np.multiply.reduceat(1.0 - q, start)
    else:
        together = np.maximum.reduceat(q, start)
    total = np.add.reduceat(q, start)
    # a group whose responses add up to nothing shares its combination evenly
    flat = total == 0.0
    scale = np.repeat(np.where(flat, 0.0, together / np.where(flat, 1.0, total)), size)
    part = np.where(np.repeat(flat, size), np.repeat(together / size, size), q * scale)
    part = np.where(np.repeat(size, size) == 1, q, part)
    result = np.empty_like(response)
    result[order] = part
    return result


def response_worth(scenario: Scenario, rows: NDArray[np.int64]) -> Floats:
    """What one response of each of these pairs adds to the objective, without kpi margins."""
    pairs = scenario.facts.pairs
    if scenario.objective == "net_margin":
        return np.nan_to_num(pairs.gross_margin[rows]) - pairs.response_cost[rows]
    if scenario.objective == "revenue":
        return np.nan_to_num(pairs.revenue[rows])
    return np.ones(len(rows))


def saturation_factors(scenario: Scenario, plan: Records, response: Floats) -> Floats:
    """F(z) / z of the cell of each contact; 1 where the channel has no saturation."""
    facts = scenario.facts
    rows = pair_rows(plan)
    factor = np.ones(len(plan))
    for saturation in facts.saturations:
        reference = float(saturation.curve.value(saturation.reference))
        count = len(saturation.cells)
        weight, worth = _scored(scenario, saturation)
        own = np.flatnonzero(saturation.cell[rows] >= 0)
        cell = saturation.cell[rows[own]]
        load = np.bincount(cell, response[own] * response_worth(scenario, rows[own]), count)
        scale = np.ones(count)
        for k in range(count):
            anchor = reference * worth[k] / weight[k] if weight[k] != 0 else 0.0
            if load[k] <= 0 or anchor <= 0:
                continue
            r = load[k] / anchor
            shape = float(saturation.curve.value(r * saturation.reference)) / reference
            scale[k] = anchor * min(r, shape) / load[k]
        factor[own] = scale[cell]
    return factor


def _scored(scenario: Scenario, saturation: Saturation) -> tuple[Floats, Floats]:
    """Σ score of the eligible pairs of each cell, and what they are worth: Σ score × worth."""
    pairs = scenario.facts.pairs
    weight, worth = np.zeros(len(saturation.cells)), np.zeros(len(saturation.cells))
    for start in range(0, len(saturation.cell), BLOCK):
        cell = saturation.cell[start : start + BLOCK]
        inside = np.flatnonzero(cell >= 0)
        score = pairs.score[start + inside]
        np.add.at(weight, cell[inside], score)
        np.add.at(worth, cell[inside], score * response_worth(scenario, start + inside))
    return weight, worth


# --- money --------------------------------------------------------------------------------------------------------


def contact_prices(facts: Facts, plan: Records) -> Floats:
    """What each contact costs before any response: its unit cost, or the average price of a channel with tiers."""
    price = facts.pairs.unit_cost[pair_rows(plan)].astype(np.float64)
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


def pair_rows(plan: Records) -> NDArray[np.int64]:
    """Rows of ``facts.pairs`` of our contacts."""
    if plan.pair is None:
        raise ValueError("contacts of the past have no pair")
    return plan.pair
