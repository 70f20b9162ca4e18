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
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from optimizer.problem import Bools, Floats, Weights
from optimizer.rules.base import Context
from optimizer.scenario.columns import as_text
from optimizer.scenario.facts import Facts
from optimizer.scenario.pair_values import PairColumn
from optimizer.scenario.rule_schema import Filter, Rule
from optimizer.scenario.where import Condition, parse

#: Pairs looked at together when a filter needs columns of customer and activity at once.
CHUNK = 1_000_000


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


def product(*weights: Weights) -> Weights:
    """The product of weights, part by part."""
    activity, customer, pair, factor = None, None, None, 1.0
    for weight in weights:
        activity, customer = _times(activity, weight.activity), _times(customer, weight.customer)
        pair, factor = _times(pair, weight.pair), factor * weight.factor
    return Weights(activity, customer, pair, factor)


def kept(context: Context, where: Filter | None) -> Weights:
    """0/1 on every pair: whether the filter keeps it."""
    if where is None:
        return Weights()
    return context.remembered(("kept", repr(where)), lambda: _kept(context, parse(where)))


def on_pairs(context: Context, weights: Weights) -> Floats:
    """The weights' values on the scenario's pairs, shape (E,)."""
    return weights.on(context.facts.pairs.customer, context.facts.pairs.activity)


def kept_pairs(context: Context, weights: Weights) -> Bools:
    """Which pairs have a weight other than 0, shape (E,)."""
    pairs = context.facts.pairs
    mask = np.full(len(pairs), weights.factor != 0)
    if weights.activity is not None:
        mask &= (weights.activity != 0)[pairs.activity]
    if weights.customer is not None:
        mask &= (weights.customer != 0)[pairs.customer]
    if weights.pair is not None:
        mask &= weights.pair != 0
    return mask


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
    grouping = _Grouping(context, columns)
    media = {row: _declared_values(facts.media[row].columns, columns) for row in scope.media}
    fixed = {row: _declared_values(facts.fixed_costs[row].columns, columns) for row in scope.fixed}
    found = {*grouping.found(kept_pairs(context, scope.contacts))} | {v for v in media.values() if v is not None}
    return [
        Scope(
            label(columns, values),
            dict(zip(columns, values, strict=True)),
            product(scope.contacts, grouping.weights(values)),
            scope.past & grouping.past(values),
            [row for row, declared in media.items() if declared == values],
            [row for row, declared in fixed.items() if declared == values],
        )
        for values in sorted(found)
    ]


def label(columns: Sequence[str], values: Sequence[str]) -> str:
    """``country=FR, wave=w1``."""
    return ", ".join(f"{column}={value}" for column, value in zip(columns, values, strict=True))


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


def past_frame(context: Context) -> pd.DataFrame:
    """Past contacts with every column a filter may name: their own, the dates' parts, and their customer's.

    A name that stands in customers and activities is held as ``customer.x`` and ``activity.x``.
    """
    return context.remembered(("past frame",), lambda: _past_frame(context.facts))


def _times(left: Floats | None, right: Floats | None) -> Floats | None:
    if left is None or right is None:
        return right if left is None else left
    return left * right


def _kept(context: Context, condition: Condition) -> Weights:
    facts = context.facts
    result = Weights()
    for conjunct in condition.conjuncts():
        sides = {side(facts, column) for column in conjunct.columns} - {"nowhere"}
        if sides <= {"activity"}:
            part = Weights(activity=np.asarray(conjunct.holds(facts.activities), float))
        elif sides == {"customer"}:
            part = Weights(customer=np.asarray(conjunct.holds(facts.customers), float))
        else:
            part = Weights(pair=_holds_on_pairs(facts, conjunct))
        result = product(result, part)
    return result


def _holds_on_pairs(facts: Facts, condition: Condition) -> Floats:
    pairs = facts.pairs
    holds = np.empty(len(pairs))
    for start in range(0, len(pairs), CHUNK):
        rows = slice(start, min(start + CHUNK, len(pairs)))
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


def _past_frame(facts: Facts) -> pd.DataFrame:
    past, customers = facts.past, facts.customers
    own = {str(name): past[name].array for name in past.columns if name != "customer"}
    rows = past["customer"].to_numpy()
    frame: dict[str, Any] = dict(own)
    for name in customers.columns:
        values = customers[name].array.take(rows)
        if name in facts.activities.columns:
            # The two are never mixed up: what the past contact itself lacks stays empty.
            frame[f"customer.{name}"] = values
            frame.setdefault(name, np.full(len(past), np.nan))
            frame[f"activity.{name}"] = frame[name]
        elif name in own:
            frame[f"customer.{name}"] = values
        else:
            frame[str(name)] = values
    return pd.DataFrame(frame, index=pd.RangeIndex(len(past)))


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


class _Grouping:
    """The values of the ``each`` columns on activities, customers, pairs and past contacts."""

    def __init__(self, context: Context, columns: Sequence[str]) -> None:
        self.context, self.columns = context, list(columns)
        facts = context.facts
        self.sides = [side(facts, column) for column in columns]
        self.activity: dict[str, list[tuple[str, ...]]] = {}
        self.customer: dict[str, pd.Series] = {}
        self.pair: dict[str, pd.Series] = {}
        for column, where in zip(columns, self.sides, strict=True):
            name = plain(column)
            if where == "activity":
                self.activity[column] = _activity_values(facts, name)
            elif where == "customer":
                self.customer[column] = context.remembered(("text", name), partial(as_text, facts.customers[name]))
            elif where == "pair":
                self.pair[column] = as_text(pd.Series(np.asarray(pair_column(facts, name))))

    def found(self, mask: Bools) -> list[tuple[str, ...]]:
        """Every combination of values among the pairs of the mask."""
        if "nowhere" in self.sides:
            return []
        facts = self.context.facts
        rows = np.flatnonzero(mask)
        frame: dict[str, Any] = {"": facts.pairs.activity[rows]}
        for column, values in self.customer.items():
            frame[column] = _categorical(values).take(facts.pairs.customer[rows])
        for column, values in self.pair.items():
            frame[column] = values.to_numpy()[rows]
        distinct = pd.DataFrame(frame).drop_duplicates().dropna()
        combinations: set[tuple[str, ...]] = set()
        for record in distinct.to_dict("records"):
            options: list[tuple[str, ...]] = [()]
            for column in self.columns:
                own = self.activity[column][record[""]] if column in self.activity else (str(record[column]),)
                options = [(*option, value) for option in options for value in own]
            combinations.update(options)
        return sorted(combinations)

    def weights(self, values: tuple[str, ...]) -> Weights:
        """0/1 on pairs: those of one combination."""
        result = Weights()
        for column, where, value in zip(self.columns, self.sides, values, strict=True):
            if where == "activity":
                part = Weights(activity=np.array([value in options for options in self.activity[column]], float))
            elif where == "customer":
                part = self.context.remembered(
                    ("customers of", plain(column), value),
                    partial(self._customers_of, column, value),
                )
            elif where == "pair":
                part = Weights(pair=(self.pair[column] == value).to_numpy(bool).astype(float))
            else:
                part = Weights(factor=0.0)
            result = product(result, part)
        return result

    def _customers_of(self, column: str, value: str) -> Weights:
        return Weights(customer=(self.customer[column] == value).to_numpy(bool).astype(float))

    def past(self, values: tuple[str, ...]) -> Bools:
        """The past contacts of one combination."""
        mask = np.ones(len(self.context.facts.past), bool)
        if not len(mask):
            return mask
        frame = past_frame(self.context)
        for column, value in zip(self.columns, values, strict=True):
            name = column if column in frame else plain(column)
            if name == "offer" and "offers" in frame:
                mask &= np.array([value in offers for offers in frame["offers"]], bool)
            elif name in frame:
                texts = self.context.remembered(("past text", name), partial(as_text, frame[name]))
                mask &= (texts == value).to_numpy(bool)
            else:
                mask[:] = False
        return mask


def _activity_values(facts: Facts, name: str) -> list[tuple[str, ...]]:
    """The values of an activity column, a tuple an activity: each offer of its own, none where empty."""
    if name == "offer":
        return [tuple(offers) for offers in facts.activities["offers"]]
    if name not in facts.activities:
        return [()] * len(facts.activities)
    return [() if value is None or pd.isna(value) else (str(value),) for value in as_text(facts.activities[name])]


def _categorical(values: pd.Series) -> pd.Categorical:
    codes, names = pd.factorize(values, use_na_sentinel=True)
    return pd.Categorical.from_codes(codes, pd.Index([str(name) for name in names], dtype=object))
