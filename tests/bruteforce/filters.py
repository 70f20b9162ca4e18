"""Filters of the brute force: ``where`` read with Python's own parser, one row (a plain dict) at a time.

A row holds the columns a filter may see. An absent column, ``None`` and NaN are empty; whatever is compared with
empty is false. ``offers`` holds the tuple of a contact's offers, and a test on ``offer`` holds when any of them does.
"""

from __future__ import annotations

import ast
import functools
import math
import operator
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

Row = dict[str, Any]
Test = Callable[[Row], bool]

COMPARISONS = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
NODES: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.LtE: operator.le,
    ast.GtE: operator.ge,
    ast.NotEq: operator.ne,
    ast.Eq: operator.eq,
    ast.Lt: operator.lt,
    ast.Gt: operator.gt,
}


def is_empty(value: Any) -> bool:
    """Whether a cell holds nothing."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def look_up(row: Row, column: str) -> Any:
    """The cell of a column; ``customer.x`` and ``activity.x`` fall back on plain ``x``."""
    if column in row:
        return row[column]
    owner, _, plain = column.partition(".")
    return row.get(plain) if plain and owner in ("customer", "activity") else None


def plain(value: Any) -> Any:
    """Dates as ISO text, so that they compare with what a planner writes; the rest as it is."""
    if isinstance(value, datetime):
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else value


def compare(left: Any, how: Callable[[Any, Any], Any], right: Any) -> bool:
    """One comparison, false when either side is empty; text that reads as a number meets a number as one."""
    left, right = plain(left), plain(right)
    if is_empty(left) or is_empty(right):
        return False
    if isinstance(left, str) != isinstance(right, str):
        try:
            left, right = float(left), float(right)
        except ValueError:
            return how is operator.ne
    return bool(how(left, right))


def any_of(value: Any, test: Callable[[Any], bool]) -> bool:
    """Whether the test holds for the value, or for one of them when it is a tuple."""
    return any(test(one) for one in value) if isinstance(value, tuple) else test(value)


def column_value(row: Row, column: str) -> Any:
    """The value a test on a column sees: all the offers for ``offer``."""
    if column in ("offer", "activity.offer") and "offers" in row:
        return row["offers"]
    return look_up(row, column)


def column_test(column: str, wanted: Any) -> Test:
    """The test ``column: wanted`` of a mapping filter."""
    if isinstance(wanted, dict) and "has" in wanted:
        return lambda row: has(look_up(row, column), wanted["has"])
    if isinstance(wanted, dict):
        low, high = wanted.get("from"), wanted.get("to")
        return lambda row: (
            (low is None or compare(look_up(row, column), operator.ge, low))
            and (high is None or compare(look_up(row, column), operator.le, high))
            and not is_empty(look_up(row, column))
        )
    if isinstance(wanted, (list, tuple)):
        return lambda row: any_of(column_value(row, column), lambda v: any(compare(v, operator.eq, w) for w in wanted))
    if isinstance(wanted, str):
        for sign, how in COMPARISONS.items():
            if wanted.startswith(sign):
                return comparison_test(column, how, wanted[len(sign) :].strip())
    return lambda row: any_of(column_value(row, column), lambda v: compare(v, operator.eq, wanted))


def comparison_test(column: str, how: Callable[[Any, Any], Any], bound: str) -> Test:
    """The test ``column: ">= bound"``."""
    return lambda row: any_of(column_value(row, column), lambda v: compare(v, how, bound))


def has(value: Any, wanted: Any) -> bool:
    """Whether a list cell (or ;-separated text) holds a value."""
    if isinstance(value, str):
        value = value.split(";")
    return not is_empty(value) and wanted in list(value)


def truth(value: Any) -> bool:
    """A column used as a condition of its own."""
    return not is_empty(value) and bool(value)


def operand(node: ast.expr, row: Row) -> Any:
    """The value of a literal, a list of literals or a column in an expression."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [operand(item, row) for item in items]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=value)):
            return -value  # type: ignore[operator]
        case ast.Name(id="true"):
            return True
        case ast.Name(id="false"):
            return False
        case ast.Name(id=name):
            return column_value(row, name)
        case ast.Attribute(value=ast.Name(id=owner), attr=name):
            return column_value(row, f"{owner}.{name}")
    raise ValueError(f"cannot read {ast.dump(node)}")


def pairwise(left: Any, how: Callable[[Any, Any], Any], right: Any) -> bool:
    """A comparison in which either side may stand for several offers."""
    return any_of(left, lambda a: any_of(right, lambda b: compare(a, how, b)))


def judge(node: ast.expr, row: Row) -> bool:
    """Whether an expression holds on a row."""
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(judge(part, row) for part in parts)
        case ast.BoolOp(op=ast.Or(), values=parts):
            return any(judge(part, row) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return not judge(inner, row)
        case ast.Compare(left=left, ops=ops, comparators=rights):
            sides = [left, *rights]
            return all(link(sides[k], op, sides[k + 1], row) for k, op in enumerate(ops))
    return truth(operand(node, row))


def link(left: ast.expr, op: ast.cmpop, right: ast.expr, row: Row) -> bool:
    """One comparison of an expression."""
    one, other = operand(left, row), operand(right, row)
    if isinstance(op, ast.In):
        return any_of(one, lambda v: any(compare(v, operator.eq, w) for w in other))
    if isinstance(op, ast.NotIn):
        return any_of(one, lambda v: not is_empty(v) and not any(compare(v, operator.eq, w) for w in other))
    return pairwise(one, NODES[type(op)], other)


def names_in(spec: Any) -> set[str]:
    """The columns a filter names."""
    if spec is None:
        return set()
    if isinstance(spec, dict):
        return set(spec)
    found = set()
    for node in ast.walk(ast.parse(spec.strip(), mode="eval")):
        if isinstance(node, ast.Name) and node.id not in ("true", "false", "customer", "activity"):
            found.add(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(f"{node.value.id}.{node.attr}")
    return found


def reader(spec: Any) -> Test:
    """A filter as a test of rows; no filter keeps everything."""
    if spec is None:
        return lambda row: True
    if isinstance(spec, dict):
        tests = [column_test(column, wanted) for column, wanted in spec.items()]
        return lambda row: all(test(row) for test in tests)
    return functools.partial(judge, ast.parse(spec.strip(), mode="eval").body)


def both(*specs: Any) -> Test:
    """The filter that asks for all of several filters."""
    tests = [reader(spec) for spec in specs if spec is not None]
    return lambda row: all(test(row) for test in tests)
