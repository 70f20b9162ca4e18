"""Where a column of a filter or of ``each`` stands: with activities, customers, pairs or past contacts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from optimizer.rules.base import Context
from optimizer.scenario.facts import Facts
from optimizer.scenario.pair_values import PairColumn
from optimizer.scenario.where import Columns


def side(facts: Facts, column: str) -> str:
    """Where a column of a filter or of ``each`` stands: ``activity``, ``customer``, ``pair`` or ``nowhere``."""
    prefix, _, rest = column.partition(".")
    if rest and prefix in ("activity", "customer"):
        return prefix
    if column in facts.activities.columns:
        return "activity"
    if column in facts.customers.columns:
        return "customer"
    return "pair" if pair_column(facts, column) is not None else "nowhere"


def plain(column: str) -> str:
    """The column's name without ``customer.`` or ``activity.``."""
    prefix, _, rest = column.partition(".")
    return rest if rest and prefix in ("activity", "customer") else column


def pair_column(facts: Facts, column: str) -> PairColumn | None:
    """A numeric column of the pairs: a measure, a kpi, the score or a money a response; None if there is none."""
    pairs = facts.pairs
    if column in pairs.measures:
        return pairs.measures[column]
    if column in pairs.kpis:
        return pairs.kpis[column]
    named = {"score": pairs.score, "gross_margin": pairs.gross_margin, "revenue": pairs.revenue}
    return named.get(column)


def customer_frame(context: Context) -> Columns:
    """The customers' columns, for filters."""
    customers = context.facts.customers
    return context.remembered(
        ("customer frame",),
        lambda: Columns({str(name): partial(customers.__getitem__, name) for name in customers.columns}),
    )


def past_frame(context: Context) -> Columns:
    """Past contacts with every column a filter may name: their own, the dates' parts, and their customer's.

    A name that stands in customers and activities is held as ``customer.x`` and ``activity.x``.
    """
    return context.remembered(("past frame",), lambda: _past_frame(context.facts))


def _past_frame(facts: Facts) -> Columns:
    past, customers = facts.past, facts.customers
    own = [str(name) for name in past.columns if name != "customer"]
    rows = past["customer"].to_numpy()
    frame: dict[str, Callable[[], Any]] = {name: partial(past.__getitem__, name) for name in own}
    for name in map(str, customers.columns):
        values = partial(_taken, customers, name, rows)
        if name in facts.activities.columns:
            # The two are never mixed up: what the past contact itself lacks stays empty.
            frame[f"customer.{name}"] = values
            frame.setdefault(name, lambda: pd.Series(np.full(len(past), np.nan)))
            frame[f"activity.{name}"] = frame[name]
        elif name in own:
            frame[f"customer.{name}"] = values
        else:
            frame[name] = values
    return Columns(frame)


def _taken(frame: pd.DataFrame, name: str, rows: Any) -> pd.Series:
    return pd.Series(frame[name].array.take(rows))
