"""Words for planners: bounds with units, filters and scopes as they read aloud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optimizer.rules.bounds import stated
from optimizer.rules.measures import BUILT_IN, MONEY
from optimizer.scenario.rule_schema import Bound, Filter, Rule, TableBound

COMPARISONS = {">=": "at least", "<=": "at most", ">": "above", "<": "below", "==": "", "=": "", "!=": "not"}


def number(value: float) -> str:
    """``20,000`` or ``0.3``: whole numbers without decimals."""
    return f"{int(value):,}" if float(value).is_integer() else f"{value:,.10g}"


def percent(value: float) -> str:
    """``30 %``."""
    return f"{100 * value:.6g} %"


def money(currency: str) -> Callable[[float], str]:
    """``60,000.00 EUR``."""
    return lambda value: f"{value:,.2f} {currency}"


def in_unit(name: str, currency: str) -> Callable[[float], str]:
    """Money for measures of money, else a plain number."""
    return money(currency) if name in MONEY else number


def spoken(name: str) -> str:
    """``net margin`` for the built-in measures; columns keep their names."""
    return name.replace("_", " ") if name in BUILT_IN else name


def bounds_text(rule: Rule, shown: Callable[[float], str]) -> str:
    """``at least 1,500 and at most 2,500``, or ``exactly 40`` where both are equal."""
    verb = stated(rule)
    if verb.min is not None and verb.min == verb.max:
        return f"exactly {_bound(verb.min, shown)}"
    sides = [] if verb.min is None else [f"at least {_bound(verb.min, shown)}"]
    sides += [] if verb.max is None else [f"at most {_bound(verb.max, shown)}"]
    return " and ".join(sides)


def where_text(where: Filter | None) -> str:
    """A filter as it reads: ``channel is phone and age at least 60``; empty without one."""
    if where is None:
        return ""
    if isinstance(where, str):
        return where
    return " and ".join(f"{column} {_condition(value)}" for column, value in where.items())


def places(rule: Rule) -> str:
    """`` where channel is phone, for each country and wave``: what the rule covers."""
    text = f" where {where_text(rule.where)}" if rule.where is not None else ""
    if rule.each_columns:
        text += f", for each {listed(rule.each_columns)}"
    return text


def listed(words: list[str], last: str = "and") -> str:
    """``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _bound(value: Bound | None, shown: Callable[[float], str]) -> str:
    if isinstance(value, TableBound):
        source = value.table if isinstance(value.table, str) else "its table"
        return f"the {value.column} of {source}"
    if isinstance(value, str):
        return f"the customer's {value}"
    assert value is not None
    return shown(float(value))


def _condition(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"is {listed([str(item) for item in value], 'or')}"
    if isinstance(value, dict):
        if "has" in value:
            return f"has {value['has']}"
        return " ".join(f"{side} {value[side]}" for side in ("from", "to") if side in value)
    if isinstance(value, bool):
        return "is true" if value else "is false"
    text = str(value).strip()
    for sign, words in COMPARISONS.items():
        if text.startswith(sign):
            return f"is {words} {text[len(sign) :].strip()}".replace("  ", " ")
    return f"is {text}"


def written(rule: Rule, words: str, objective: str, currency: str) -> str:
    """The whole sentence: the verb's words, what a violation costs, and whether the rule binds at all."""
    text = words[0].upper() + words[1:]
    unit = currency if objective in MONEY else objective
    if rule.soft is not None:
        side = {"min": " below", "max": " above", "both": ""}[rule.soft.side]
        text += f"; soft: each unit{side} costs {rule.soft.penalty:,.2f} {unit}"
        if rule.soft.tolerance is not None:
            text += f", at most {number(rule.soft.tolerance)}"
    if rule.mode == "report":
        text += "; reported, not enforced"
    return f"{text}."
