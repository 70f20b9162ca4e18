"""Where a rule looks: a filter becomes 0/1 weights on pairs, ``each`` becomes scopes.

    kept(e) = Π over the filter's conjuncts, in factorised form:
              a conjunct on activity columns alone  -> activity part (A,)
              a conjunct on customer columns alone  -> customer part (N,)
              a conjunct on both, or on a measure   -> pair part (E,), evaluated in chunks

A scope is one combination of values of the ``each`` columns found among the pairs that ``where`` keeps, or declared by
a medium that ``where`` keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from optimizer.problem import Bools, Weights
from optimizer.rules.base import Context
from optimizer.rules.grouping import Grouping
from optimizer.rules.sides import customer_frame, pair_column, past_frame, plain, side
from optimizer.rules.weights import blocks, product
from optimizer.scenario.columns import as_text
from optimizer.scenario.facts import Facts
from optimizer.scenario.rule_schema import Filter, Rule
from optimizer.scenario.where import Condition, parse


@dataclass(frozen=True)
class Scope:
    """One scope of a rule.

    Attributes
    ----------
    label : str
        ``country=FR, wave=w1``; empty without ``each``.
    values : dict of str
        The value, as text, of every ``each`` column.
    contacts : Weights
        0/1 on pairs.
    past : bool (P,)
        The rows of ``facts.past`` that ``where`` and the scope keep.
    media, fixed : list of int
        Rows of ``facts.media`` and ``facts.fixed_costs`` that belong to it.
    """

    label: str
    values: dict[str, str]
    contacts: Weights
    past: Bools
    media: list[int]
    fixed: list[int]


def kept(context: Context, where: Filter | None) -> Weights:
    """0/1 on every pair: whether the filter keeps it."""
    if where is None:
        return Weights()
    return context.remembered(("kept", repr(where)), lambda: _kept(context, parse(where)))


def past_kept(context: Context, where: Filter | None) -> Bools:
    """Which past contacts (history and committed) the filter keeps, shape (P,)."""
    if where is None:
        return np.ones(len(context.facts.past), bool)
    return context.remembered(("past", repr(where)), lambda: np.asarray(parse(where).holds(past_frame(context)), bool))


def media_kept(context: Context, where: Filter | None) -> Bools:
    """Which media cells the filter keeps: those that declare every column it names and satisfy it."""
    return _declared_kept([cell.columns for cell in context.facts.media], where)


def fixed_kept(context: Context, where: Filter | None) -> Bools:
    """Which fixed costs of channels and offers the filter keeps, as for media."""
    return _declared_kept([cost.columns for cost in context.facts.fixed_costs], where)


def scopes(context: Context, rule: Rule, looked_at: Bools | None = None) -> list[Scope]:
    """The scopes of a rule, ordered by their values; a rule without ``each`` has one, even if it is empty.

    ``looked_at`` marks the media the rule counts (none by default): their cells make scopes of their own.
    """
    media = media_kept(context, rule.where) & (False if looked_at is None else looked_at)
    fixed = fixed_kept(context, rule.where)
    whole = Scope(
        "",
        {},
        kept(context, rule.where),
        past_kept(context, rule.where),
        np.flatnonzero(media).tolist(),
        np.flatnonzero(fixed).tolist(),
    )
    return split(context, whole, rule.each_columns) if rule.each_columns else [whole]


def split(context: Context, scope: Scope, columns: Sequence[str]) -> list[Scope]:
    """A scope cut by the values of columns found among its pairs and its media, ordered by them."""
    facts = context.facts
    grouping = Grouping(context, columns)
    media = {row: _declared_values(facts.media[row].columns, columns) for row in scope.media}
    fixed = {row: _declared_values(facts.fixed_costs[row].columns, columns) for row in scope.fixed}
    found = {*grouping.found(scope.contacts)} | {v for v in media.values() if v is not None}
    inside: dict[int, Weights] = {}
    made = []
    for values in sorted(found):
        here = grouping.weights(values)
        if here.customer is not None:
            # Scopes of the same customers share their flags.
            both = inside.setdefault(id(here.customer), product(scope.contacts, Weights(customer=here.customer)))
            here = product(replace(here, customer=None), both)
        else:
            here = product(scope.contacts, here)
        made.append(
            Scope(
                label(columns, values),
                dict(zip(columns, values, strict=True)),
                here,
                scope.past & grouping.past(values),
                [row for row, declared in media.items() if declared == values],
                [row for row, declared in fixed.items() if declared == values],
            )
        )
    return made


def label(columns: Sequence[str], values: Sequence[str]) -> str:
    """``country=FR, wave=w1``."""
    return ", ".join(f"{column}={value}" for column, value in zip(columns, values, strict=True))


def _kept(context: Context, condition: Condition) -> Weights:
    facts = context.facts
    result = Weights()
    for conjunct in condition.conjuncts():
        sides = {side(facts, column) for column in conjunct.columns} - {"nowhere"}
        if sides <= {"activity"}:
            part = Weights(activity=np.asarray(conjunct.holds(facts.activities), float))
        elif sides == {"customer"}:
            # Rules that say the same of customers share its flags.
            part = context.remembered(
                ("customers where", repr(conjunct.node)), partial(_customers_where, context, conjunct)
            )
        else:
            part = Weights(pair=_holds_on_pairs(facts, conjunct))
        result = product(result, part)
    return result


def _customers_where(context: Context, condition: Condition) -> Weights:
    return Weights(customer=np.asarray(condition.holds(customer_frame(context)), bool))


def _holds_on_pairs(facts: Facts, condition: Condition) -> Bools:
    holds = np.empty(len(facts.pairs), bool)
    for rows in blocks(len(facts.pairs)):
        holds[rows] = condition.holds(_pair_frame(facts, condition.columns, rows))
    return holds


def _pair_frame(facts: Facts, columns: Iterable[str], rows: slice) -> pd.DataFrame:
    """The columns a condition names, one row a pair; prefixed names stay prefixed."""
    pairs = facts.pairs
    customer, activity = pairs.customer[rows], pairs.activity[rows]
    frame: dict[str, Any] = {}
    for column in sorted(columns):
        where, name = side(facts, column), plain(column)
        if where == "activity" and name in facts.activities:
            frame[column] = facts.activities[name].array.take(activity)
            if name == "offer" and "offers" in facts.activities:
                frame["offers"] = facts.activities["offers"].array.take(activity)
        elif where == "customer" and name in facts.customers:
            frame[column] = facts.customers[name].array.take(customer)
        elif where == "pair" and (values := pair_column(facts, name)) is not None:
            frame[column] = values[rows]
    return pd.DataFrame(frame, index=pd.RangeIndex(len(customer)))


def _declared_kept(declared: list[dict[str, object]], where: Filter | None) -> Bools:
    if where is None:
        return np.ones(len(declared), bool)
    condition = parse(where)
    named = {plain(column) for column in condition.columns}
    result = np.zeros(len(declared), bool)
    for row, columns in enumerate(declared):
        if named <= columns.keys():
            result[row] = bool(np.asarray(condition.holds(pd.DataFrame([columns])), bool)[0])
    return result


def _declared_values(declared: Mapping[str, object], columns: Sequence[str]) -> tuple[str, ...] | None:
    """The scope something declared belongs to: None unless it declares every column with a value."""
    values = []
    for column in columns:
        value = declared.get(plain(column))
        text = None if value is None else as_text(pd.Series([value])).iloc[0]
        if text is None or pd.isna(text):
            return None
        values.append(str(text))
    return tuple(values)
