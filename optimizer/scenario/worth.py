"""What a contact costs and a response is worth, from channels, offers, activities and the pair's own figures.

unit cost     the pair's ``cost``, else the activity's ``unit_cost``, else the channel's (a number, a customer
              column, the first tier)
gross margin  the pair's, else the activity's, else Σ over its offers of gross_margin or revenue × margin_rate
revenue, response cost   likewise
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.scenario.columns import numbers
from optimizer.scenario.messages import did_you_mean
from optimizer.scenario.pair_values import PairColumn, PairValues, filled
from optimizer.scenario.pairs import Scored
from optimizer.scenario.schema import Offer, ScenarioFile, TierPrices

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class CustomerColumns:
    """Numeric customer columns, checked when first asked for."""

    def __init__(self, customers: pd.DataFrame, customers_file: str, file: str) -> None:
        self.customers, self.customers_file, self.file = customers, customers_file, file
        self._read: dict[tuple[str, float], Floats] = {}

    def get(self, column: str, place: str, low: float = -np.inf) -> Floats:
        """The column, NaN where empty; ``place`` is the key that names it."""
        if (column, low) not in self._read:
            if column not in self.customers.columns:
                hint = did_you_mean(column, self.customers.columns)
                raise ScenarioError(self.file, place, column, f"expected a number or a customer column; {hint}")
            self._read[column, low] = numbers(self.customers, self.customers_file, column, low=low)
        return self._read[column, low]


def unit_costs(spec: ScenarioFile, scored: Scored, activities: pd.DataFrame, columns: CustomerColumns) -> PairColumn:
    """Money a contact, for every scored pair.

    Raises
    ------
    ScenarioError
        When a contact has no cost, or a channel with tiers has another price too.
    """
    base = np.full(len(activities), np.nan)
    by_column: dict[int, str] = {}
    tiered = np.zeros(len(activities), bool)
    for row, channel in enumerate(activities["channel"]):
        cost = spec.channels[channel].unit_cost
        if isinstance(cost, str):
            by_column[row] = cost
        elif isinstance(cost, TierPrices):
            base[row], tiered[row] = cost.tiers[0][1], True
        elif cost is not None:
            base[row] = cost
    if "unit_cost" in activities.columns:
        own = activities["unit_cost"].to_numpy(float)
        if (clash := tiered & ~np.isnan(own)).any():
            name = activities["activity"].iloc[int(np.argmax(clash))]
            raise ScenarioError(
                columns.file, f"activity {name}", None, "has a unit_cost, its channel has tiers; state one"
            )
        base = np.where(np.isnan(own), base, own)
        by_column = {row: column for row, column in by_column.items() if np.isnan(own[row])}
    terms = _Terms(len(activities))
    for column in dict.fromkeys(by_column.values()):
        rows = [row for row, one in by_column.items() if one == column]
        channel = activities["channel"].iloc[rows[0]]
        terms.add(columns.get(column, f"channels.{channel}.unit_cost", low=0), 1.0, rows)
        base[rows] = 0.0
    found = terms.on(scored, base)
    if (pair := scored.money.get("cost")) is not None:
        if (clash := tiered[scored.activity] & ~np.isnan(pair)).any():
            name = activities["channel"].iloc[scored.activity[int(np.argmax(clash))]]
            raise ScenarioError(
                columns.file, f"channels.{name}.unit_cost", None, "has tiers; the pair's cost must be empty"
            )
        found = np.where(np.isnan(pair), np.asarray(found), pair)
    _refuse_empty(
        found,
        scored,
        activities,
        columns,
        "a cost: unit_cost on its channel or activity, or cost in the appetence table",
    )
    return found


def response_worth(
    spec: ScenarioFile, scored: Scored, activities: pd.DataFrame, columns: CustomerColumns, *, needs: frozenset[str]
) -> dict[str, PairColumn]:
    """``gross_margin``, ``revenue`` and ``response_cost`` a response, for every scored pair.

    ``needs`` names those that may not be missing; elsewhere a missing margin is 0 and a missing revenue NaN.
    """
    revenue = _summed(spec, scored, activities, columns, _revenue, "revenue")
    margin = _summed(spec, scored, activities, columns, _margin, "gross_margin")
    paid = _summed(spec, scored, activities, columns, lambda offer: (offer.response_cost, 1.0), "response_cost", low=0)
    own = {name: _own(name, scored, activities) for name in ("gross_margin", "revenue", "response_cost")}
    if (stated := own["revenue"]) is not None:
        # A revenue of the pair's own meets its offer's margin rate.
        rate = np.array([_rate(spec, offers) for offers in activities["offers"]])
        of_rate = stated.mapped(lambda part: part * rate) if isinstance(stated, PairValues) else None
        margin = _stated(margin, stated * rate[scored.activity] if of_rate is None else of_rate)
        revenue = _stated(revenue, stated)
    margin, paid = _stated(margin, own["gross_margin"]), _stated(paid, own["response_cost"])
    if "gross_margin" in needs:
        words = "a gross margin: gross_margin, or revenue and margin_rate, on its offer; or in the appetence table"
        _refuse_empty(margin, scored, activities, columns, words)
    if "revenue" in needs:
        _refuse_empty(revenue, scored, activities, columns, "a revenue: revenue on its offer or in the appetence table")
    _refuse_empty(paid, scored, activities, columns, "a response cost (the customer's cell is empty)")
    return {"gross_margin": filled(margin), "revenue": revenue, "response_cost": paid}


def _own(name: str, scored: Scored, activities: pd.DataFrame) -> PairColumn | None:
    """What the pair states, else its activity; NaN where neither does; None where nobody does."""
    pair = scored.money.get(name)
    if name not in activities.columns:
        return pair
    of_activity = PairValues(scored.customer, scored.activity, ((activities[name].to_numpy(float), None),))
    return of_activity if pair is None else np.where(np.isnan(pair), np.asarray(of_activity), pair)


def _stated(derived: PairColumn, own: PairColumn | None) -> PairColumn:
    """What is stated, in place of what is derived."""
    if own is None:
        return derived
    if isinstance(derived, PairValues) and isinstance(own, PairValues):
        (stated, _), (base, _), terms = own.parts[0], derived.parts[0], derived.parts[1:]
        given = ~np.isnan(stated)
        left = [(np.where(given, 0.0, part), column) for part, column in terms]
        return PairValues(derived.customer, derived.activity, ((np.where(given, stated, base), None), *left))
    found = np.asarray(own)
    return np.where(np.isnan(found), np.asarray(derived), found)


#: A part of what a response is worth: a number or a customer column, and a factor on it; None where none is stated.
Part = tuple[float | str, float] | None


def _revenue(offer: Offer) -> Part:
    return None if offer.revenue is None else (offer.revenue, 1.0)


def _margin(offer: Offer) -> Part:
    if offer.gross_margin is not None:
        return offer.gross_margin, 1.0
    return None if offer.revenue is None or offer.margin_rate is None else (offer.revenue, offer.margin_rate)


def _rate(spec: ScenarioFile, offers: tuple[str, ...]) -> float:
    rates = {spec.offers[offer].margin_rate if offer in spec.offers else None for offer in offers}
    rate = next(iter(rates)) if len(rates) == 1 else None
    return np.nan if rate is None else rate


def _summed(
    spec: ScenarioFile,
    scored: Scored,
    activities: pd.DataFrame,
    columns: CustomerColumns,
    part: Callable[[Offer], Part],
    what: str,
    low: float = -np.inf,
) -> PairColumn:
    """Σ over the activity's offers; NaN as soon as one of them states nothing."""
    base = np.zeros(len(activities))
    by_column: dict[tuple[str, float, str], list[int]] = {}
    for row, offers in enumerate(activities["offers"]):
        for name in offers:
            found = part(spec.offers.get(name, Offer()))
            if found is None:
                base[row] = np.nan
            elif isinstance(found[0], str):
                by_column.setdefault((found[0], found[1], name), []).append(row)
            else:
                base[row] += found[0] * found[1]
    terms = _Terms(len(activities))
    for (column, factor, name), rows in by_column.items():
        terms.add(columns.get(column, f"offers.{name}.{what}", low), factor, rows)
    return terms.on(scored, base)


class _Terms:
    """Customer columns that count for some activities, each times a factor: Σ factor(a) · column(i)."""

    def __init__(self, activities: int) -> None:
        self.activities = activities
        self.terms: list[tuple[Floats, Floats, Bools]] = []

    def add(self, column: Floats, factor: float, rows: list[int]) -> None:
        """Count a column for some activities, in a term it already has where that leaves them out."""
        for known, factors, inside in self.terms:
            if known is column and not inside[rows].any():
                factors[rows], inside[rows] = factor, True
                return
        self.terms.append((column, np.zeros(self.activities), np.zeros(self.activities, bool)))
        self.terms[-1][1][rows], self.terms[-1][2][rows] = factor, True

    def on(self, scored: Scored, base: Floats) -> PairColumn:
        """The sum with what activities state: in parts, but where a customer's cell is empty (NaN then)."""
        if not any(np.isnan(column).any() for column, _, _ in self.terms):
            parts = [(base, None), *((factors, column) for column, factors, _ in self.terms)]
            return PairValues(scored.customer, scored.activity, tuple(parts))
        total = base[scored.activity]
        for column, factors, inside in self.terms:
            pairs = np.flatnonzero(inside[scored.activity])
            total[pairs] += factors[scored.activity[pairs]] * column[scored.customer[pairs]]
        return total


def _refuse_empty(
    values: PairColumn, scored: Scored, activities: pd.DataFrame, columns: CustomerColumns, words: str
) -> None:
    if isinstance(values, PairValues) and values.complete:
        return
    bad = np.flatnonzero(np.isnan(values))
    if len(bad):
        name = activities["activity"].iloc[scored.activity[bad[0]]]
        customer = columns.customers["customer_id"].iloc[scored.customer[bad[0]]]
        more = f" ({len(bad)} pairs)" if len(bad) > 1 else ""
        raise ScenarioError(columns.file, f"activity {name}, customer {customer}", None, f"needs {words}{more}")
