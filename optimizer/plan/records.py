"""Contacts as a filter sees them: planned, eligible or past, each with its activity's and its customer's columns.

A filter is split into its conjuncts, and each conjunct is read where its columns live: once a customer, once an
activity, or once a contact when it compares the two. So a filter over millions of pairs costs a look-up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.scenario.facts import Bools, Facts, Floats
from optimizer.scenario.where import Condition, parse

if TYPE_CHECKING:
    from optimizer.scenario import Scenario

Rows = NDArray[np.int64]
Scope = tuple[str, ...]
CALENDAR = ("day", "week", "month", "quarter")


def text_of(value: object) -> str:
    """A value as a scope writes it: dates in ISO form, whole numbers without a point, empty as ''."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)) or value is pd.NA:
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (pd.Timestamp, np.datetime64)):
        return str(pd.Timestamp(value).date())
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def with_calendar(frame: pd.DataFrame, columns: frozenset[str] | Sequence[str]) -> pd.DataFrame:
    """The frame with those of ``day``, ``week``, ``month``, ``quarter`` among ``columns`` derived from its ``date``."""
    wanted = [name for name in CALENDAR if name in columns and name not in frame.columns]
    if not wanted or "date" not in frame.columns:
        return frame
    date = pd.to_datetime(frame["date"])
    iso = date.dt.isocalendar()
    texts = {
        "day": date.dt.strftime("%Y-%m-%d"),
        "week": iso["year"].astype(str) + "-W" + iso["week"].astype(str).str.zfill(2),
        "month": date.dt.strftime("%Y-%m"),
        "quarter": date.dt.year.astype("Int64").astype(str) + "-Q" + date.dt.quarter.astype("Int64").astype(str),
    }
    return frame.assign(**{name: texts[name].where(date.notna(), None) for name in wanted})


@dataclass(frozen=True)
class Coded:
    """Texts of one column: row ``rows[k]`` of the records has text ``texts[code[k]]``.

    A contact of several offers has several rows.
    """

    rows: Rows
    code: Rows
    texts: list[str]


class Records:
    """Contacts of one kind: pairs of a customer and an activity, or contacts of the past.

    Parameters
    ----------
    facts : Facts
    customer : int array (R,)
        Rows of ``facts.customers``.
    activity : int array (R,), optional
        Rows of ``facts.activities``; absent for contacts of the past.
    pair : int array (R,), optional
        Rows of ``facts.pairs``, -1 where the pair is not eligible.
    past : DataFrame (R,), optional
        The rows of ``facts.past``.
    """

    def __init__(
        self,
        facts: Facts,
        customer: Rows,
        activity: Rows | None = None,
        pair: Rows | None = None,
        past: pd.DataFrame | None = None,
    ) -> None:
        self.facts = facts
        self.customer = customer
        self.pair = pair
        self.past = past
        self._held: dict[str, Bools] = {}
        if activity is not None:
            self.activity = activity
            self.days = facts.days[activity].astype(np.int64)
        elif past is not None:
            self.activity = np.full(len(past), -1, dtype=np.int64)
            self.days = past["days"].to_numpy(np.int64)
        else:
            raise ValueError("records are of an activity or of the past")

    @classmethod
    def of_pairs(cls, facts: Facts, pair: Rows) -> Records:
        """Eligible pairs."""
        pairs = facts.pairs
        return cls(facts, pairs.customer[pair].astype(np.int64), pairs.activity[pair].astype(np.int64), pair)

    def __len__(self) -> int:
        return len(self.customer)

    # --- filters ------------------------------------------------------------------------------------------------

    def holds(self, where: str | Mapping[str, Any] | None) -> Bools:
        """Which records the filter keeps; all of them without one."""
        if where is None:
            return np.ones(len(self), dtype=bool)
        key = repr(where)
        if key not in self._held:
            kept = np.ones(len(self), dtype=bool)
            for conjunct in parse(where).conjuncts():
                kept &= self.conjunct(conjunct)
            self._held[key] = kept
        return self._held[key]

    def conjunct(self, condition: Condition) -> Bools:
        """Which records one conjunct of a filter keeps."""
        homes = {self._home(name) for name in condition.columns}
        if self.past is None and homes <= {"activity"}:
            frame = with_calendar(self.facts.activities, condition.columns)
            return np.asarray(condition.holds(frame), dtype=bool)[self.activity]
        if homes <= {"customer"} and len(self.facts.customers):
            return np.asarray(condition.holds(self.facts.customers), dtype=bool)[self.customer]
        return np.asarray(condition.holds(self.frame(condition.columns)), dtype=bool)

    def _home(self, name: str) -> str:
        """Where a column lives: ``pair``, ``past``, ``activity`` or ``customer``; an unknown one is empty for all."""
        prefix, bare = split_name(name)
        if prefix == "customer":
            return "customer"
        if self.past is not None:
            own = bare in self.past.columns or bare in CALENDAR or bare == "offers"
            return "past" if own or bare not in self.facts.customers.columns else "customer"
        if prefix is None and bare in self.facts.pairs.measures:
            return "pair"
        if prefix == "activity" or bare in self.facts.activities.columns:
            return "activity"
        return "customer" if bare in self.facts.customers.columns else "activity"

    def frame(self, names: frozenset[str] | Sequence[str]) -> pd.DataFrame:
        """The columns a filter names, one row a record."""
        columns: dict[str, Any] = {}
        customers, activities = self.facts.customers, self.facts.activities
        own = activities if self.past is None else with_calendar(self.past, names)
        for name in sorted(names):
            prefix, bare = split_name(name)
            if self.past is None and prefix is None and bare in self.facts.pairs.measures:
                columns[bare] = self._measure(bare)
                continue
            wanted = [bare, "offers"] if bare == "offer" else [bare]
            for column in wanted:
                in_both = column in customers.columns and column in own.columns
                if column in customers.columns:
                    columns[f"customer.{column}" if in_both else column] = customers[column].array.take(self.customer)
                if column in own.columns:
                    array = own[column].array
                    columns[f"activity.{column}" if in_both else column] = (
                        array.take(self.activity) if self.past is None else array
                    )
        return pd.DataFrame(columns, index=pd.RangeIndex(len(self)))

    def _measure(self, name: str) -> Floats:
        if self.pair is None:
            return np.full(len(self), np.nan)
        values = self.facts.pairs.measures[name]
        return np.where(self.pair >= 0, values[self.pair], np.nan) if len(values) else np.full(len(self), np.nan)

    # --- scopes -------------------------------------------------------------------------------------------------

    def coded(self, column: str) -> Coded:
        """The texts of a column, for ``each``; records where it is empty are absent."""
        _, bare = split_name(column)
        home = self._home(column)
        if bare == "offer" and home != "customer":
            return self._coded_offers()
        if home == "activity":
            source = with_calendar(self.facts.activities, [bare])
            take = self.activity
        elif home == "customer":
            source, take = self.facts.customers, self.customer
        elif home == "past":
            assert self.past is not None
            source, take = with_calendar(self.past, [bare]), np.arange(len(self))
        else:
            source, take = pd.DataFrame({bare: self._measure(bare)}), np.arange(len(self))
        if bare not in source.columns:
            return Coded(np.empty(0, np.int64), np.empty(0, np.int64), [])
        codes, uniques = pd.factorize(source[bare])
        texts = [text_of(value) for value in uniques]
        codes = np.where([*(text != "" for text in texts), False], np.arange(len(texts) + 1), -1)[codes]
        codes = codes[take]
        rows = np.flatnonzero(codes >= 0)
        return Coded(rows, codes[rows], texts)

    def _coded_offers(self) -> Coded:
        offers = self.facts.activities["offers"] if self.past is None else self.past["offers"]
        lengths = np.array([len(named) for named in offers], dtype=np.int64)
        flat, texts = pd.factorize(np.array([text_of(offer) for named in offers for offer in named], dtype=object))
        start = np.concatenate([[0], np.cumsum(lengths)])
        at = self.activity if self.past is None else np.arange(len(self))
        rows = np.repeat(np.arange(len(self)), lengths[at])
        within = np.arange(len(rows)) - np.repeat(np.cumsum(lengths[at]) - lengths[at], lengths[at])
        code = flat[start[at][rows] + within] if len(rows) else np.empty(0, np.int64)
        filled = np.array([text != "" for text in texts] or [False])
        kept = filled[code] if len(code) else np.empty(0, dtype=bool)
        return Coded(rows[kept], code[kept], [str(text) for text in texts])

    def scopes(self, columns: Sequence[str], kept: Bools) -> dict[Scope, Rows]:
        """The kept records by their value of ``columns``: scope -> rows, scopes in the order of their texts."""
        rows, code, texts = self._scoped(columns, kept)
        if len(texts) == 1:
            return {texts[0]: rows} if len(rows) else {}
        order = np.argsort(code, kind="stable")
        edges = np.searchsorted(code[order], np.arange(len(texts) + 1))
        found = {texts[k]: rows[order[edges[k] : edges[k + 1]]] for k in range(len(texts)) if edges[k] < edges[k + 1]}
        return {scope: found[scope] for scope in sorted(found)}

    def scope_names(self, columns: Sequence[str], kept: Bools) -> set[Scope]:
        """The scopes that the kept records are in."""
        _, code, texts = self._scoped(columns, kept)
        return {texts[k] for k in np.flatnonzero(np.bincount(code, minlength=len(texts)))}

    def _scoped(self, columns: Sequence[str], kept: Bools) -> tuple[Rows, Rows, list[Scope]]:
        """Rows with the code of their scope; a record of several offers has several rows."""
        rows = np.flatnonzero(kept)
        code = np.zeros(len(rows), dtype=np.int64)
        texts: list[Scope] = [()]
        for column in columns:
            rows, code, texts = _crossed(rows, code, texts, self.coded(column), len(self))
        return rows, code, texts


def _crossed(rows: Rows, code: Rows, texts: list[Scope], column: Coded, size: int) -> tuple[Rows, Rows, list[Scope]]:
    """Records with their scope, one more column in it; compact codes, so that a dozen columns do not overflow."""
    width = max(1, len(column.texts))
    count = np.bincount(column.rows, minlength=size)
    if count.max(initial=0) <= 1:
        added = np.full(size, -1, dtype=np.int64)
        added[column.rows] = column.code
        filled = added[rows] >= 0
        rows, crossed = rows[filled], code[filled] * width + added[rows[filled]]
    else:
        start = np.cumsum(count) - count
        order = np.argsort(column.rows, kind="stable")
        repeat = count[rows]
        which = np.repeat(np.arange(len(rows)), repeat)
        within = np.arange(len(which)) - np.repeat(np.cumsum(repeat) - repeat, repeat)
        crossed = code[which] * width + column.code[order[start[rows[which]] + within]]
        rows = rows[which]
    if len(texts) * width <= len(crossed) + 1000:
        found = np.flatnonzero(np.bincount(crossed, minlength=len(texts) * width))
        compact = np.zeros(len(texts) * width, dtype=np.int64)
        compact[found] = np.arange(len(found))
        compact = compact[crossed]
    else:
        found, compact = np.unique(crossed, return_inverse=True)
    return rows, compact, [(*texts[pair // width], column.texts[pair % width]) for pair in found]


def split_name(name: str) -> tuple[str | None, str]:
    """``customer.age`` as (``customer``, ``age``); a plain name has no prefix."""
    for prefix in ("customer", "activity"):
        if name.startswith(f"{prefix}."):
            return prefix, name[len(prefix) + 1 :]
    return None, name


def declared_match(where: str | Mapping[str, Any] | None, columns: Mapping[str, object]) -> bool:
    """Whether a filter keeps what is no contact (a medium's cell, a fixed cost): it declares every column named."""
    if where is None:
        return True
    condition = parse(where)
    frame = with_calendar(_one_row(columns), condition.columns)
    if any(split_name(name)[1] not in frame.columns for name in condition.columns):
        return False
    return bool(np.asarray(condition.holds(frame))[0])


def declared_scope(each: Sequence[str], columns: Mapping[str, object]) -> Scope | None:
    """The scope of something that is no contact; None when it does not declare every column of ``each``."""
    frame = with_calendar(_one_row(columns), each)
    values = [text_of(frame[split_name(name)[1]][0]) if split_name(name)[1] in frame else "" for name in each]
    return tuple(values) if all(values) else None


def _one_row(columns: Mapping[str, object]) -> pd.DataFrame:
    return pd.DataFrame({name: [value] for name, value in columns.items()}, index=[0])


def past_records(scenario: Scenario, kept: Bools) -> Records:
    """History and committed contacts, with the columns their channel and offer declare."""
    past = scenario.facts.past[kept].reset_index(drop=True)
    return Records(scenario.facts, past["customer"].to_numpy(np.int64), past=past)


def require_columns(frame: pd.DataFrame, names: Sequence[str], file: str) -> None:
    """Refuse a table that lacks a column."""
    for name in names:
        if name not in frame.columns:
            raise ScenarioError(file, f"column {name}", None, f"expected it; found {list(frame.columns)}")
