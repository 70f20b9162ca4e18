"""Filters: ``where`` and its kin become conditions that hold or not, row by row of a frame.

A filter is a mapping (column -> value, list, comparison ``">= 60"``, ``{has: x}``, ``{from, to}``; all of them hold) or
an expression (see ``expression.py``). What is empty compares false, ``!=`` included; ``not (…)`` of it is true. A
column of several values (the offers of an activity) satisfies a comparison when any of its values does.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.scenario.expression import (
    And,
    Compare,
    CompareColumns,
    ExpressionError,
    Has,
    In,
    Literal,
    Node,
    Not,
    Or,
    Truth,
    columns_of,
    parse_expression,
    parse_literal,
)

Bools = NDArray[np.bool_]

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_COMPARISON = re.compile(r"\s*(==|!=|<>|<=|>=|<|>|=)(.*)\Z", re.DOTALL)
_SPELLED = {"=": "==", "<>": "!="}
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


def parse(filter: str | Mapping[str, Any] | None, *, place: str = "where", file: str = "scenario") -> Condition:
    """Read a filter.

    Parameters
    ----------
    filter : str, mapping or None
        An expression or a mapping; None and the empty mapping always hold.
    place, file : str
        What messages call it.

    Raises
    ------
    ScenarioError
        When it does not parse, with the position.
    """
    if filter is None:
        return Condition(And(()), place, file)
    if isinstance(filter, str):
        try:
            return Condition(parse_expression(filter), place, file)
        except ExpressionError as error:
            raise ScenarioError(file, place, filter, str(error)) from error
    parts = [_column_condition(str(column), wanted, f"{place}.{column}", file) for column, wanted in filter.items()]
    return Condition(parts[0] if len(parts) == 1 else And(tuple(parts)), place, file)


@dataclass(frozen=True)
class Condition:
    """A parsed filter."""

    node: Node
    place: str = "where"
    file: str = "scenario"

    @cached_property
    def columns(self) -> frozenset[str]:
        """The columns it names, as written (``customer.x`` keeps its prefix)."""
        return columns_of(self.node)

    def holds(self, frame: pd.DataFrame | Mapping[str, Any]) -> Bools:
        """Whether it holds for each row; a column the frame lacks is empty.

        Raises
        ------
        ScenarioError
            When a column's type does not go with what it is compared with.
        """
        return _Evaluation(self, frame).of(self.node)

    def conjuncts(self) -> list[Condition]:
        """Conditions that all hold exactly where this one does."""
        return [Condition(node, self.place, self.file) for node in _conjuncts(self.node)]


def _conjuncts(node: Node) -> list[Node]:
    return [one for part in node.parts for one in _conjuncts(part)] if isinstance(node, And) else [node]


def _column_condition(column: str, wanted: Any, place: str, file: str) -> Node:
    if isinstance(wanted, Mapping):
        if wanted.keys() == {"has"}:
            values = wanted["has"] if isinstance(wanted["has"], list | tuple) else [wanted["has"]]
            parts = tuple(Has(column, _plain(value, place, file)) for value in values)
            return parts[0] if len(parts) == 1 else Or(parts)
        if wanted and wanted.keys() <= {"from", "to"}:
            signs = {"from": ">=", "to": "<="}
            return And(tuple(Compare(column, signs[key], _plain(value, place, file)) for key, value in wanted.items()))
        raise ScenarioError(file, place, dict(wanted), "expected {has: …} or {from: …, to: …}")
    if isinstance(wanted, list | tuple | set | frozenset | np.ndarray):
        if not len(wanted):
            raise ScenarioError(file, place, wanted, "expected a list with at least one value")
        return In(column, tuple(_plain(value, place, file) for value in wanted))
    if isinstance(wanted, str) and (match := _COMPARISON.match(wanted)):
        if not match[2].strip():
            raise ScenarioError(file, place, wanted, f"expected a value after {match[1]}")
        try:
            return Compare(column, _SPELLED.get(match[1], match[1]), parse_literal(match[2]))
        except ExpressionError as error:
            raise ScenarioError(file, place, wanted, str(error)) from error
    return Compare(column, "==", _plain(wanted, place, file))


def _plain(value: Any, place: str, file: str) -> Literal:
    """A value as a literal; nothing, lists and NaN are no values."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, datetime):  # a pandas Timestamp is one too
        return value.date()
    if isinstance(value, str | bool | int | date) or (isinstance(value, float) and np.isfinite(value)):
        return value
    raise ScenarioError(file, place, value, "expected a value, a list, a comparison, {has: …} or {from: …, to: …}")


@dataclass(frozen=True)
class _Column:
    """A column ready to compare: its values, or for text the ``codes`` (-1 empty) of its distinct ``values``."""

    kind: str  # "text", "number", "flag", "date", "list", "empty"
    values: Any
    filled: Bools
    codes: NDArray[np.int64] | None = None


class Columns(Mapping[str, Any]):
    """Columns for many conditions: each is made when first asked for, and made ready to compare once."""

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        self._makers = makers
        self._made: dict[str, Any] = {}
        self.ready: dict[str, _Column] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


class _Evaluation:
    """One condition over one frame."""

    def __init__(self, condition: Condition, frame: pd.DataFrame | Mapping[str, Any]) -> None:
        self.condition, self.frame = condition, frame
        self.length = len(frame) if isinstance(frame, pd.DataFrame) else len(next(iter(frame.values()), ()))
        self.ready = frame.ready if isinstance(frame, Columns) else {}

    def of(self, node: Node) -> Bools:
        if isinstance(node, And | Or):
            result = np.full(self.length, isinstance(node, And))
            for part in node.parts:
                result = result & self.of(part) if isinstance(node, And) else result | self.of(part)
            return result
        if isinstance(node, Not):
            return ~self.of(node.inner)
        if isinstance(node, Compare):
            return self.compare(node.column, node.sign, node.value)
        if isinstance(node, In):
            inside = np.zeros(self.length, bool)
            for value in node.values:
                inside |= self.compare(node.column, "==", value)
            return ~inside & self.column(node.column).filled if node.negated else inside
        if isinstance(node, Has):
            return self.has(node.column, node.value)
        if isinstance(node, CompareColumns):
            return self.compare_columns(node)
        return self.truth(node.column)

    def column(self, name: str) -> _Column:
        if name not in self.ready:
            values = self.look_up(name)
            self.ready[name] = _empty(self.length) if values is None else _column(values)
        return self.ready[name]

    def look_up(self, name: str) -> Any:
        """The column by its name, else without (or with) its prefix; ``offer`` through the tuples of ``offers``."""
        prefix, _, rest = name.partition(".")
        prefixed = bool(rest) and prefix in ("customer", "activity")
        if (name == "offer" or (prefixed and prefix == "activity" and rest == "offer")) and "offers" in self.frame:
            return self.frame["offers"]
        options = [name, rest] if prefixed else [name, f"customer.{name}", f"activity.{name}"]
        return next((self.frame[option] for option in options if option in self.frame), None)

    def compare(self, name: str, sign: str, value: Literal) -> Bools:
        column = self.column(name)
        if column.kind == "empty":
            return np.zeros(self.length, bool)
        test = _OPERATORS[sign]
        if column.kind in ("text", "list"):
            wanted = self.as_text(name, value, ordered=sign not in ("==", "!="))
            if column.kind == "text":
                return _spread(
                    np.fromiter((test(one, wanted) for one in column.values), bool, len(column.values)), column
                )
            found = (any(test(one, wanted) for one in several) for several in column.values)
            return _spread(np.fromiter(found, bool, len(column.values)), column)
        if column.kind == "date":
            wanted_day = self.as_date(name, value)
            return column.filled & test(column.values, wanted_day)
        number = self.as_number(name, column.kind, value)
        return column.filled & test(column.values, number)

    def compare_columns(self, node: CompareColumns) -> Bools:
        left, right = self.column(node.left), self.column(node.right)
        if "empty" in (left.kind, right.kind):
            return np.zeros(self.length, bool)
        test = _OPERATORS[node.sign]
        wordy = ("text", "list")
        if left.kind in wordy and right.kind in wordy:
            return _compare_words(left, right, test)
        numeric = ("number", "flag")
        if left.kind != right.kind and not (left.kind in numeric and right.kind in numeric):
            raise self.mismatch(node.left, f"{_KIND_WORDS[left.kind]}; {node.right} holds {_KIND_WORDS[right.kind]}")
        return left.filled & right.filled & test(left.values, right.values)

    def has(self, name: str, value: Literal) -> Bools:
        column = self.column(name)
        if column.kind == "empty":
            return np.zeros(self.length, bool)
        if column.kind not in ("text", "list"):
            return self.compare(name, "==", value)
        wanted = self.as_text(name, value, ordered=False)
        lists = column.values if column.kind == "list" else (_split(text) for text in column.values)
        return _spread(np.fromiter((wanted in several for several in lists), bool, len(column.values)), column)

    def truth(self, name: str) -> Bools:
        column = self.column(name)
        if column.kind in ("flag", "number"):
            return column.filled & (column.values != 0)
        if column.kind == "empty":
            return np.zeros(self.length, bool)
        raise self.mismatch(name, f'{_KIND_WORDS[column.kind]}: compare it with something, as in {name} == "…"')

    def as_text(self, name: str, value: Literal, *, ordered: bool) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, int) and not isinstance(value, bool) and not ordered:
            return str(value)  # identifiers are text: 42 names customer "42"
        raise self.mismatch(name, f"text: {value!r} is no text")

    def as_date(self, name: str, value: Literal) -> np.datetime64:
        if isinstance(value, str) and _ISO_DATE.match(value):
            try:
                value = date.fromisoformat(value)
            except ValueError as error:
                raise self.mismatch(name, f"dates: {value!r} is no date of the calendar") from error
        if not isinstance(value, date):
            raise self.mismatch(name, f"dates: {value!r} is no date written YYYY-MM-DD")
        return np.datetime64(value, "D")

    def as_number(self, name: str, kind: str, value: Literal) -> float:
        if isinstance(value, bool | int | float):
            return value
        raise self.mismatch(
            name, f"{_KIND_WORDS[kind]}: {value!r} is {'a date' if isinstance(value, date) else 'text'}"
        )

    def mismatch(self, name: str, words: str) -> ScenarioError:
        return ScenarioError(self.condition.file, self.condition.place, None, f"column {name} holds {words}")


_KIND_WORDS = {"text": "text", "list": "lists of text", "number": "numbers", "flag": "true and false", "date": "dates"}


def _spread(on_values: Bools, column: _Column) -> Bools:
    """What holds for distinct values, on the rows."""
    return np.append(on_values, False)[column.codes]


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";"))


def _empty(length: int) -> _Column:
    return _Column("empty", None, np.zeros(length, bool))


def _column(values: Any) -> _Column:
    """A column of any dtype, by what it holds; one that holds nothing has no type."""
    column = _typed(values)
    return column if column.filled.any() else _empty(len(column.filled))


def _typed(values: Any) -> _Column:
    series = values if isinstance(values, pd.Series) else pd.Series(values)
    dtype = series.dtype
    if (
        isinstance(dtype, pd.CategoricalDtype)
        or pd.api.types.is_object_dtype(dtype)
        or isinstance(dtype, pd.StringDtype)
    ):
        return _words(series)
    if pd.api.types.is_bool_dtype(dtype):
        filled = series.notna().to_numpy(bool)
        return _Column("flag", series.fillna(False).to_numpy(bool), filled)
    if pd.api.types.is_datetime64_any_dtype(dtype):
        days = series.dt.tz_localize(None) if series.dt.tz is not None else series
        array = days.to_numpy("datetime64[D]")
        return _Column("date", array, ~np.isnat(array))
    if pd.api.types.is_extension_array_dtype(dtype):
        series = series.astype("Float64") if series.hasnans else series
    array = series.to_numpy(float, na_value=np.nan) if series.hasnans else series.to_numpy()
    return _Column("number", array, ~np.isnan(array) if array.dtype.kind == "f" else np.ones(len(array), bool))


def _words(series: pd.Series) -> _Column:
    """Text, lists, or Python objects of one kind, told apart by their distinct values."""
    codes, distinct = pd.factorize(series, use_na_sentinel=True)
    values = list(distinct)
    kinds = {_kind(value) for value in values} - {"empty"}
    if not kinds:
        return _empty(len(series))
    if kinds <= {"number", "flag", "date"} and len(kinds) == 1:
        typed = pd.Series([None if _kind(value) == "empty" else value for value in values])
        inner = _column(
            pd.to_datetime(typed) if kinds == {"date"} else typed.astype("boolean" if kinds == {"flag"} else float)
        )
        known = codes >= 0
        return _Column(inner.kind, inner.values[codes], known & inner.filled[codes])
    if "list" in kinds:
        values = [_texts(value) for value in values]
        kept = np.array([bool(value) for value in values], bool)
    else:
        values = [_text(value) for value in values]
        kept = np.array([value != "" for value in values], bool)
    codes = np.where(np.append(kept, False)[codes], codes, -1)
    # Rows that hold nothing are no row of ``values``; the value they pointed at is never reached.
    return _Column("list" if "list" in kinds else "text", values, codes >= 0, codes)


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "text" if value else "empty"
    if isinstance(value, bool | np.bool_):
        return "flag"
    if isinstance(value, int | float | np.integer | np.floating):
        return "number"
    if isinstance(value, date | np.datetime64):
        return "date"
    return "list" if isinstance(value, tuple | list | frozenset) else "empty" if value is None else "text"


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, tuple | list | frozenset):
        return tuple(_text(one) for one in value)
    return (_text(value),) if _kind(value) != "empty" else ()


def _text(value: Any) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return value.date().isoformat() if isinstance(value, datetime) else str(value)


def _compare_words(left: _Column, right: _Column, test: Callable[[Any, Any], Any]) -> Bools:
    """Text or lists against text or lists, each pair of distinct values compared once."""
    filled = left.filled & right.filled
    assert left.codes is not None
    assert right.codes is not None
    rows = np.flatnonzero(filled)
    width = len(right.values)
    pairs, back = np.unique(left.codes[rows].astype(np.int64) * width + right.codes[rows], return_inverse=True)
    found = np.zeros(len(pairs), bool)
    for position, pair in enumerate(pairs.tolist()):
        one, other = _texts(left.values[pair // width]), _texts(right.values[pair % width])
        found[position] = any(test(a, b) for a in one for b in other)
    result = np.zeros(len(filled), bool)
    result[rows] = found[back]
    return result


def both(one: str | Mapping[str, Any] | None, other: str | Mapping[str, Any] | None) -> str | dict[str, Any] | None:
    """A filter that holds where two filters hold."""
    if not one or not other:
        found = one or other
        return dict(found) if isinstance(found, Mapping) else found
    if isinstance(one, Mapping) and isinstance(other, Mapping) and not one.keys() & other.keys():
        return {**one, **other}
    return f"({spelled(parse(one).node)}) and ({spelled(parse(other).node)})"


def spelled(node: Node) -> str:
    """The expression that parses to a condition."""
    match node:
        case Compare(column, sign, value):
            return f"{_name(column)} {sign} {_quoted(value)}"
        case CompareColumns(left, sign, right):
            return f"{_name(left)} {sign} {_name(right)}"
        case In(column, values, negated):
            return f"{_name(column)} {'not ' * negated}in [{', '.join(_quoted(value) for value in values)}]"
        case Has(column, value):
            return f"{_name(column)} has {_quoted(value)}"
        case Truth(column):
            return _name(column)
        case Not(inner):
            return f"not ({spelled(inner)})"
        case And(parts):
            return " and ".join(f"({spelled(part)})" for part in parts)
        case Or(parts):
            return " or ".join(f"({spelled(part)})" for part in parts)


def _name(column: str) -> str:
    return f"`{column}`"


def _quoted(value: Literal) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return '"' + value.replace('"', '""') + '"' if isinstance(value, str) else str(value)
