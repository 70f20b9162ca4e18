"""Bounds and prices of coupling rules: a number, or a cell of a table keyed by the columns of ``each``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.problem import CouplingRow, Expression, Soft
from optimizer.rules.base import Context
from optimizer.rules.scope import Scope
from optimizer.rules.sides import plain
from optimizer.scenario.columns import as_text
from optimizer.scenario.rule_schema import Bound, Range, Rule, TableBound


def soft(rule: Rule) -> Soft | None:
    """The price and sides of a soft rule."""
    if rule.soft is None:
        return None
    tolerance = np.inf if rule.soft.tolerance is None else rule.soft.tolerance
    return Soft(rule.soft.penalty, tolerance, rule.soft.side in ("min", "both"), rule.soft.side in ("max", "both"))


def range_of(context: Context, rule: Rule, scope: Scope) -> tuple[float, float]:
    """Lower and upper bound of one scope; -inf and inf where there is none."""
    verb = stated(rule)
    low, high = bound(context, rule, verb.min, "min", scope), bound(context, rule, verb.max, "max", scope)
    return (-np.inf if low is None else low), (np.inf if high is None else high)


def stated(rule: Rule) -> Range:
    """The verb's model, with its minimum and maximum."""
    verb: Any = getattr(rule, rule.verb)
    assert isinstance(verb, Range)
    return verb


def bound(context: Context, rule: Rule, value: Bound | None, name: str, scope: Scope) -> float | None:
    """One bound of one scope, or None where there is none.

    Raises
    ------
    ScenarioError
        When a customer column stands where customers are counted together, or a bound table lacks keys.
    """
    if value is None or isinstance(value, int | float):
        return None if value is None else float(value)
    place = f"rule {rule.name!r}, {rule.verb}.{name}"
    if isinstance(value, str):
        raise ScenarioError(
            context.scenario.source,
            place,
            value,
            "expected a number or {table, column}; a customer column bounds customers",
        )
    keys, cells = _table(context, rule, value, name)
    return cells.get(tuple(scope.values[column] for column in keys))


def keys_of(context: Context, rule: Rule, value: TableBound, name: str) -> tuple[list[str], list[tuple[str, ...]]]:
    """The key columns of a bound table and its keys that hold a bound."""
    keys, cells = _table(context, rule, value, name)
    return keys, list(cells)


def rows(rule: Rule, label: str, expression: Expression, lower: float, upper: float) -> list[CouplingRow]:
    """The row of one scope: none where there is no bound."""
    if lower == -np.inf and upper == np.inf:
        return []
    return [CouplingRow(rule.name, label, expression, lower, upper, soft(rule))]


def _table(
    context: Context, rule: Rule, value: TableBound, name: str
) -> tuple[list[str], dict[tuple[str, ...], float]]:
    place = f"rule {rule.name!r}, {rule.verb}.{name}"
    return context.remembered(("bounds", rule.name, name), lambda: _keyed(context, value, rule.each_columns, place))


def _keyed(
    context: Context, value: TableBound, each: list[str], place: str
) -> tuple[list[str], dict[tuple[str, ...], float]]:
    frame = context.scenario.table(value.table)
    source = str(value.table) if isinstance(value.table, str) else "the bounds' table"
    if value.column not in frame:
        raise ScenarioError(
            source, place, value.column, f"expected one of the columns {', '.join(map(str, frame.columns))}"
        )
    held = {column: column if column in frame else plain(column) for column in each}
    keys = [column for column in each if held[column] in frame]
    if not keys:
        wanted = ", ".join(each) or "none: the rule has no each"
        raise ScenarioError(source, place, list(frame.columns), f"expected a column of the rule's each ({wanted})")
    texts = [as_text(frame[held[column]]) for column in keys]
    numbers = pd.to_numeric(frame[value.column], errors="coerce")
    wrong = numbers.isna() & frame[value.column].notna() & (frame[value.column].astype(str) != "")
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ScenarioError(
            source, f"row {row + 1}, column {value.column}", frame[value.column].iloc[row], "expected a number"
        )
    cells: dict[tuple[str, ...], float] = {}
    for *key, number in zip(*texts, numbers, strict=True):
        if tuple(key) in cells:
            raise ScenarioError(
                source, place, ", ".join(map(str, key)), "expected one row a key; this one stands twice"
            )
        cells[tuple(key)] = float(number)
    return keys, {key: number for key, number in cells.items() if not np.isnan(number)}
