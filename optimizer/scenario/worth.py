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
from optimizer.scenario.pairs import Scored
from optimizer.scenario.schema import Offer, ScenarioFile, TierPrices

Floats = NDArray[np.float64]


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


def unit_costs(spec: ScenarioFile, scored: Scored, activities: pd.DataFrame, columns: CustomerColumns) -> Floats:
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
    found = base[scored.activity]
    for column in dict.fromkeys(by_column.values()):
        rows = [row for row, one in by_column.items() if one == column]
        channel = activities["channel"].iloc[rows[0]]
        values = columns.get(column, f"channels.{channel}.unit_cost", low=0)
        _fill(found, scored, activities, rows, values)
    if (pair := scored.money.get("cost")) is not None:
        own = pair[scored.row]
        if (clash := tiered[scored.activity] & ~np.isnan(own)).any():
            name = activities["channel"].iloc[scored.activity[int(np.argmax(clash))]]
            raise ScenarioError(
                columns.file, f"channels.{name}.unit_cost", None, "has tiers; the pair's cost must be empty"
            )
        found = np.where(np.isnan(own), found, own)
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
) -> dict[str, Floats]:
    """``gross_margin``, ``revenue`` and ``response_cost`` a response, for every scored pair.

    ``needs`` names those that may not be missing; elsewhere a missing margin is 0 and a missing revenue NaN.
    """
    revenue = _summed(spec, scored, activities, columns, _revenue, "revenue")
    margin = _summed(spec, scored, activities, columns, _margin, "gross_margin")
    paid = _summed(spec, scored, activities, columns, lambda offer: (offer.response_cost, 1.0), "response_cost", low=0)
    own = {name: _own(name, scored, activities) for name in ("gross_margin", "revenue", "response_cost")}
    if own["revenue"] is not None:
        # A revenue of the pair's own meets its offer's margin rate.
        rate = np.array([_rate(spec, offers) for offers in activities["offers"]])[scored.activity]
        stated = ~np.isnan(own["revenue"])
        margin = np.where(stated & ~np.isnan(rate), own["revenue"] * rate, margin)
        revenue = np.where(stated, own["revenue"], revenue)
    for name, values in (("gross_margin", margin), ("response_cost", paid)):
        if (stated_here := own[name]) is not None:
            values[:] = np.where(np.isnan(stated_here), values, stated_here)
    if "gross_margin" in needs:
        words = "a gross margin: gross_margin, or revenue and margin_rate, on its offer; or in the appetence table"
        _refuse_empty(margin, scored, activities, columns, words)
    if "revenue" in needs:
        _refuse_empty(revenue, scored, activities, columns, "a revenue: revenue on its offer or in the appetence table")
    _refuse_empty(paid, scored, activities, columns, "a response cost (the customer's cell is empty)")
    return {"gross_margin": np.nan_to_num(margin, nan=0.0), "revenue": revenue, "response_cost": paid}


def _own(name: str, scored: Scored, activities: pd.DataFrame) -> Floats | None:
    """What the pair states, else its activity; NaN where neither does; None where nobody does."""
    pair = scored.money.get(name)
    activity = activities[name].to_numpy(float) if name in activities.columns else None
    if pair is None:
        return None if activity is None else activity[scored.activity]
    own = pair[scored.row]
    return own if activity is None else np.where(np.isnan(own), activity[scored.activity], own)


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
) -> Floats:
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
    total = base[scored.activity]
    for (column, factor, name), rows in by_column.items():
        values = columns.get(column, f"offers.{name}.{what}", low) * factor
        _fill(total, scored, activities, rows, values, add=True)
    return total


def _fill(
    total: Floats, scored: Scored, activities: pd.DataFrame, rows: list[int], values: Floats, *, add: bool = False
) -> None:
    """Set (or add) the customer's value on the pairs of these activities."""
    mask = np.zeros(len(activities), bool)
    mask[rows] = True
    pairs = np.flatnonzero(mask[scored.activity])
    own = values[scored.customer[pairs]]
    total[pairs] = total[pairs] + own if add else own


def _refuse_empty(
    values: Floats, scored: Scored, activities: pd.DataFrame, columns: CustomerColumns, words: str
) -> None:
    bad = np.flatnonzero(np.isnan(values))
    if len(bad):
        name = activities["activity"].iloc[scored.activity[bad[0]]]
        customer = columns.customers["customer_id"].iloc[scored.customer[bad[0]]]
        more = f" ({len(bad)} pairs)" if len(bad) > 1 else ""
        raise ScenarioError(columns.file, f"activity {name}, customer {customer}", None, f"needs {words}{more}")
