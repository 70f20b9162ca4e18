"""Rules written as a table: a row a rule.

Columns of such a table are ``name``; the verb's own keys (``min``, ``max``, ``days``, ``of`` … dotted inside a filter
or a section: ``first.channel``, ``days.min``); ``penalty``, ``tolerance``, ``side``, ``mode``, ``each``, ``per``;
``from`` and ``to``, a range of dates (``date.from`` and ``date.to`` under ``ratio``, whose ``to`` is a measure); any
other column is a condition on it. An empty cell says nothing; ``a;b`` is a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.scenario import rule_schema
from optimizer.scenario.messages import did_you_mean, validated
from optimizer.scenario.reading import Document, core_scalar
from optimizer.scenario.rule_schema import Rule, TableVerb
from optimizer.scenario.tables import Tables
from optimizer.scenario.where import both

#: The model of each verb that may be a table; None: the verb is a filter.
_MODELS: dict[str, type[rule_schema.Strict] | None] = {
    "volume": rule_schema.Volume,
    "budget": rule_schema.Budget,
    "sum": rule_schema.Sum,
    "average": rule_schema.Average,
    "ratio": rule_schema.Ratio,
    "share": rule_schema.Share,
    "open": rule_schema.Open,
    "contacts": rule_schema.Contacts,
    "pressure": rule_schema.Pressure,
    "packages": rule_schema.Packages,
    "duplicates": rule_schema.Duplicates,
    "rest": rule_schema.Rest,
    "cost_per_customer": rule_schema.CostPerCustomer,
    "targets": rule_schema.Targets,
    "include": None,
    "exclude": None,
    "requires": rule_schema.Requires,
    "only_after": rule_schema.OnlyAfter,
    "never": rule_schema.Never,
    "effect": rule_schema.Effect,
}
_SOFT = ("penalty", "tolerance", "side")
_RULE = ("mode", "per")


def expanded(rules: list[Rule], tables: Tables, file: str) -> list[Rule]:
    """The rules, each written as a table replaced by one rule a row.

    Raises
    ------
    ScenarioError
        For a row that makes no rule, and for names that stand twice.
    """
    found: list[Rule] = []
    for rule in rules:
        verb = getattr(rule, rule.verb)
        found += _rows(rule, verb, tables) if isinstance(verb, TableVerb) else [rule]
    names: set[str] = set()
    for rule in found:
        if rule.name in names:
            raise ScenarioError(
                file, f"rule {rule.name}", None, "the name stands twice (tables of rules included); rename one"
            )
        names.add(rule.name)
    return found


def _rows(rule: Rule, verb: TableVerb, tables: Tables) -> list[Rule]:
    key = f"rules.{rule.name}"
    file, table = tables.name(verb.table, key), tables.read(verb.table, key)
    model = _MODELS[rule.verb]
    known = [] if model is None else [field.alias or name for name, field in model.model_fields.items()]
    defaults = dict(verb.model_extra or {})
    if model is not None and (unknown := [one for one in defaults if one not in known]):
        raise ScenarioError(
            file,
            f"rule {rule.name}, key {unknown[0]}",
            None,
            f"unknown key; {did_you_mean(unknown[0], ['table', *known])}",
        )
    return [
        _rule(rule, defaults, known, row, f"{rule.name} {number}", file, number)
        for number, row in enumerate(table.to_dict("records"), start=1)
    ]


def _rule(
    rule: Rule, defaults: dict[str, Any], known: list[str], row: Mapping[Any, Any], name: str, file: str, number: int
) -> Rule:
    """One row as a rule."""
    body: dict[str, Any] = {"name": name, "where": rule.where, "each": rule.each, "per": rule.per, "mode": rule.mode}
    soft = {} if rule.soft is None else rule.soft.model_dump(exclude_none=True)
    verb, own = dict(defaults), dict[str, Any]()
    for column in row:
        first, _, rest = str(column).partition(".")
        if rest and first in known:
            # A column of a filter is there, even where a row leaves it empty: it then keeps everything.
            verb.setdefault(first, {}) if first != "together" else verb.setdefault(first, [{}, {}])
        cell = _cell(row[column])
        if cell is None:
            continue
        if column == "name":
            body["name"] = cell if isinstance(cell, str) else str(cell)
        elif column in _SOFT:
            soft[str(column)] = cell
        elif column in _RULE:
            body[str(column)] = cell
        elif column == "each":
            body["each"] = _list(str(cell))
        elif column in known:
            verb[str(column)] = _list(str(cell)) if column == "among" else cell
        elif column in ("from", "to"):
            own.setdefault("date", {})[str(column)] = cell
        elif rest and first == "date" and rest in ("from", "to"):
            own.setdefault("date", {})[rest] = cell
        elif rest and first == "together" and first in known:
            position, _, inner = rest.partition(".")
            if position not in ("1", "2") or not inner:
                raise ScenarioError(file, f"column {column}", None, "expected together.1.channel, together.2.channel …")
            verb[first][int(position) - 1][inner] = _condition(cell)
        elif rest and first in known:
            verb[first] = {**verb[first], rest: _condition(cell)}
        else:
            own[str(column)] = _condition(cell)
    if known:
        body[rule.verb] = verb
        body["where"] = both(rule.where, own or None)
    else:
        body[rule.verb] = {**verb, **own}
    if soft:
        body["soft"] = soft
    try:
        return validated(Rule, Document(file, {key: value for key, value in body.items() if value is not None}))
    except ScenarioError as error:
        raise ScenarioError(file, f"row {number}, {error.place}", error.value, error.expectation) from error


def _cell(value: Any) -> Any:
    """A cell as the schema reads it; None where empty."""
    if isinstance(value, tuple):
        return ";".join(value) or None
    if (
        value is None
        or value is pd.NaT
        or value is pd.NA
        or (isinstance(value, float) and pd.isna(value))
        or value == ""
    ):
        return None
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    if hasattr(value, "item"):
        value = value.item()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _condition(cell: Any) -> Any:
    """A cell as a condition on its column: whole numbers written as text are numbers, ``a;b`` is a list."""
    if not isinstance(cell, str):
        return cell
    parts = [_whole(part) for part in _list(cell)]
    return parts[0] if len(parts) == 1 else parts


def _whole(text: str) -> Any:
    value = core_scalar(text)
    return value if isinstance(value, int) else text
