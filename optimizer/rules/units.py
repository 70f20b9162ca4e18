"""Customers or households under a local rule: their bounds, their past, and whether they can be contacted at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.problem import Bools, Floats, Soft, Units, Weights
from optimizer.rules.base import Context
from optimizer.rules.bounds import bound, soft
from optimizer.rules.removal import contactable, eligible_pairs
from optimizer.rules.scope import Scope
from optimizer.rules.weights import first_pairs, kept_pairs, product, scored
from optimizer.scenario.rule_schema import Bound, Rule

#: Differences of dates, in days.
Days = NDArray[np.int64]


def unit_bound(context: Context, rule: Rule, name: str, scope: Scope, units: Units) -> Floats:
    """The ``min`` or ``max`` of every unit, shape (U,): -inf or inf where it has none.

    A number or a table cell is the same for all (a view without memory); a customer column is each customer's own, and
    a household takes the tightest of its members'.
    """
    value: Bound | None = getattr(getattr(rule, rule.verb), name)
    none = -np.inf if name == "min" else np.inf
    if not isinstance(value, str):
        number = bound(context, rule, value, name, scope)
        return np.broadcast_to(none if number is None else number, len(units.names))
    own = _customer_numbers(context, value)
    own = np.where(np.isnan(own), none, own)
    if units.kind == "customer":
        return own
    tightest = np.full(len(units.names), none)
    (np.maximum if name == "min" else np.minimum).at(tightest, units.unit, own)
    return tightest


def unit_past(context: Context, units: Units, mask: Bools, weights: Floats | None = None) -> Floats:
    """Σ of the weights (1 each by default) of the past contacts that the mask keeps, per unit, shape (U,)."""
    if not mask.any():
        return np.broadcast_to(0.0, len(units.names))
    customer = context.facts.past["customer"].to_numpy()[mask]
    kept = None if weights is None else weights[mask]
    return np.bincount(units.unit[customer], kept, minlength=len(units.names)).astype(float)


def units_with_pairs(context: Context, units: Units, mask: Bools) -> Bools:
    """Which units have at least one of the pairs that the mask keeps, shape (U,)."""
    found = np.zeros(len(units.names), bool)
    found[units.unit[context.facts.pairs.customer[mask]]] = True
    return found


def units_with_contacts(context: Context, units: Units, weights: Weights) -> Bools:
    """Which units have a contact that the weights keep and no hard exclude or control forbids, shape (U,)."""
    if weights.pair is not None:
        return units_with_pairs(context, units, eligible_pairs(context, weights))
    found = np.zeros(len(units.names), bool)
    found[units.unit[contactable(context).customers_of(weights)]] = True
    return found


def units_in_scope(context: Context, units: Units, weights: Weights) -> Bools:
    """Which units a scope concerns: those whose customers its filter may keep, shape (U,)."""
    if weights.pair is not None:
        return units_with_pairs(context, units, kept_pairs(context, weights))
    found = np.zeros(len(units.names), bool)
    found[units.unit if weights.customer is None else units.unit[weights.customer != 0]] = True
    return found


def past_against(
    context: Context, units: Units, weights: Weights, past: Bools, near: Callable[[Days], Bools]
) -> NDArray[np.uint8] | Floats:
    """How many past contacts of the same unit lie near each pair, shape (E,); in bytes unless some are above 127.

    Parameters
    ----------
    context : Context
    units : Units
    weights : Weights
        The pairs looked at have a weight other than 0; the others get 0.
    past : bool (P,)
        The past contacts looked at.
    near : callable
        Takes date(pair) − date(past) in days and says which differences count.
    """
    facts = context.facts
    pairs = facts.pairs
    if not past.any():
        return np.zeros(len(pairs), np.uint8)
    dates, date_of = np.unique(facts.days, return_inverse=True)
    past_dates, past_date_of = context.remembered(
        ("past dates",), lambda: np.unique(facts.past["days"].to_numpy(np.int64), return_inverse=True)
    )
    unit, past_date = units.unit[facts.past["customer"].to_numpy()[past]], past_date_of[past]
    most = np.bincount(unit).max()
    around = np.zeros((len(dates), len(units.names)), np.uint8 if most < 128 else np.float64)
    for row, day in enumerate(dates):
        close = near(np.int64(day) - past_dates)
        if close.any():
            around[row] = np.bincount(unit[close[past_date]], minlength=len(units.names))
    counts = np.zeros(len(pairs), around.dtype)
    looked_at = product(replace(weights, pair=None), Weights(customer=np.any(around, axis=0)[units.unit]))
    for activity, customers, rows in scored(context).pairs_of(looked_at, first_pairs(context)):
        counts[rows] = around[date_of[activity], units.unit[customers]]
    if weights.pair is not None:
        counts[weights.pair == 0] = 0
    return counts


def whole_soft(rule: Rule) -> Soft | None:
    """The price of violations that are one or none (a contact, a pair of contacts): a tolerance below 1 leaves none."""
    price = soft(rule)
    if price is None or price.tolerance < 1:
        return None
    return Soft(price.penalty, np.inf)


def _customer_numbers(context: Context, column: str) -> Floats:
    """A numeric column of the customers (the facts have seen to that), NaN where empty."""
    values = context.facts.customers[column.removeprefix("customer.")]
    return pd.to_numeric(values).to_numpy(float, na_value=np.nan)
