"""Contacts as a filter sees them: planned, eligible or past, each with its activity's and its customer's columns.

A filter is split into its conjuncts, and each conjunct is read where its columns live: once a customer, once an
activity, or once a contact when it compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.plan.bundles import Bundles, bundles_of
from optimizer.plan.columns import (
    CALENDAR,
    Columns,
    Home,
    Recent,
    coded_texts,
    split_name,
    text_of,
    with_calendar,
    words_of,
)
from optimizer.scenario.facts import Bools, Facts, Floats
from optimizer.scenario.where import Condition, parse

if TYPE_CHECKING:
    from optimizer.scenario import Scenario

Rows = NDArray[np.int64]
Scope = tuple[str, ...]


@dataclass(frozen=True)
class Coded:
    """Texts of one column: record k has text ``texts[code[k]]``, or none where its code is -1.

    Where contacts carry several offers, ``rows`` says whose code each is, ascending.
    """

    code: NDArray[Any]
    texts: list[str]
    rows: Rows | None = None


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
    columns : Columns, optional
        What other records of these facts have worked out already.
    """

    def __init__(
        self,
        facts: Facts,
        customer: Rows,
        activity: Rows | None = None,
        pair: Rows | None = None,
        past: pd.DataFrame | None = None,
        columns: Columns | None = None,
    ) -> None:
        self.facts = facts
        self.columns = columns or Columns(facts)
        self.customer = customer
        self.pair = pair
        self.past = past
        self._held: Recent[Bools] = Recent()
        if activity is not None:
            self.activity = activity
            self.days = facts.days[activity].astype(np.int64)
        elif past is not None:
            self.activity = np.full(len(past), -1, dtype=np.int64)
            self.days = past["days"].to_numpy(np.int64)
        else:
            raise ValueError("records are of an activity or of the past")

    @classmethod
    def of_pairs(cls, facts: Facts, pair: Rows, columns: Columns | None = None) -> Records:
        """Eligible pairs."""
        customer, activity = facts.pairs.customer[pair], facts.pairs.activity[pair]
        return cls(facts, customer.astype(np.int64), activity.astype(np.int64), pair, columns=columns)

    def __len__(self) -> int:
        return len(self.customer)

    @cached_property
    def bundles(self) -> Bundles | None:
        """The bundles of our contacts, each there once; None where they are too many."""
        return bundles_of(self.customer, self.activity, len(self.facts.customers), self.facts.days)

    @cached_property
    def cells(self) -> Rows:
        """Where each contact stands in a table of bundles times activities, laid out by rows."""
        assert self.bundles is not None
        return self.bundles.of[self.customer] * len(self.facts.activities) + self.activity

    # --- filters ------------------------------------------------------------------------------------------------

    def holds(self, where: str | Mapping[str, Any] | None) -> Bools:
        """Which records the filter keeps; all of them without one."""
        if where is None:
            return np.ones(len(self), dtype=bool)

        def make() -> Bools:
            kept = np.ones(len(self), dtype=bool)
            for conjunct in parse(where).conjuncts():
                kept &= self.conjunct(conjunct)
            return kept

        return self._held.of(words_of(where), make)

    def conjunct(self, condition: Condition) -> Bools:
        """Which records one conjunct of a filter keeps."""
        homes = {self._home(name) for name in condition.columns}
        if self.past is None and homes <= {"activity"}:
            return self.columns.held("activity", condition)[self.activity]
        if homes <= {"customer"} and len(self.facts.customers):
            return self.columns.held("customer", condition)[self.customer]
        return np.asarray(condition.holds(self.frame(condition.columns)), dtype=bool)

    def _home(self, name: str) -> Home:
        """Where a column lives; an unknown one is empty for all."""
        if self.past is None:
            return self.columns.home(name)
        prefix, bare = split_name(name)
        if prefix == "customer":
            return "customer"
        own = bare in self.past.columns or bare in CALENDAR or bare == "offers"
        return "past" if own or bare not in self.facts.customers.columns else "customer"

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
                    array = self.columns.past(column) if own is self.facts.past else own[column].array
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
        """The texts of a column, for ``each``."""
        _, bare = split_name(column)
        home = self._home(column)
        if bare == "offer" and home != "customer":
            return self._coded_offers()
        if home == "activity" or home == "customer":
            found, at = self.columns.coded(home, bare), self.activity if home == "activity" else self.customer
            return self._nothing() if found is None else Coded(found[0][at], found[1])
        if home == "pair":
            return Coded(*coded_texts(pd.Series(self._measure(bare))))
        assert self.past is not None
        source = with_calendar(self.past, [bare])
        return Coded(*coded_texts(source[bare])) if bare in source.columns else self._nothing()

    def _nothing(self) -> Coded:
        return Coded(np.full(len(self), -1, dtype=np.int32), [])

    def _coded_offers(self) -> Coded:
        source = self.facts.activities if self.past is None else self.past
        # contacts of the past are many, the offers they carry few
        kind, kinds = pd.factorize(source["offers"].to_numpy(object))
        at = kind[self.activity] if self.past is None else kind
        lengths = np.array([len(named) for named in kinds], dtype=np.int64)
        flat, texts = coded_texts(pd.Series([offer for named in kinds for offer in named], dtype=object))
        if lengths.max(initial=0) <= 1:
            own = np.full(len(kinds), -1, dtype=np.int32)
            own[lengths == 1] = flat
            return Coded(own[at], texts)
        rows = np.repeat(np.arange(len(self)), lengths[at])
        within = np.arange(len(rows)) - np.repeat(np.cumsum(lengths[at]) - lengths[at], lengths[at])
        code = flat[(np.cumsum(lengths) - lengths)[at][rows] + within]
        return Coded(code[code >= 0], texts, rows[code >= 0])

    def scopes(self, columns: Sequence[str], kept: Bools) -> dict[Scope, Rows]:
        """The kept records by their value of ``columns``: scope -> rows, scopes in the order of their texts."""
        rows, code, texts = self.scoped(columns, kept)
        if len(texts) == 1:
            return {texts[0]: rows} if len(rows) else {}
        # small codes sort by counting
        small = code.astype(np.uint16) if len(texts) <= 1 << 16 else code
        order = np.argsort(small, kind="stable")
        edges = np.append(0, np.cumsum(np.bincount(code, minlength=len(texts))))
        found = {texts[k]: rows[order[edges[k] : edges[k + 1]]] for k in range(len(texts)) if edges[k] < edges[k + 1]}
        return {scope: found[scope] for scope in sorted(found)}

    def scoped(self, columns: Sequence[str], kept: Bools) -> tuple[Rows, Rows, list[Scope]]:
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
    if column.rows is None:
        added = column.code[rows]
        filled = added >= 0
        if not filled.all():
            rows, code, added = rows[filled], code[filled], added[filled]
        crossed = code * width + added
    else:
        count = np.bincount(column.rows, minlength=size)
        start, repeat = np.cumsum(count) - count, count[rows]
        which = np.repeat(np.arange(len(rows)), repeat)
        within = np.arange(len(which)) - np.repeat(np.cumsum(repeat) - repeat, repeat)
        crossed = code[which] * width + column.code[start[rows[which]] + within]
        rows = rows[which]
    if len(texts) * width <= len(crossed) + 1000:
        found = np.flatnonzero(np.bincount(crossed, minlength=len(texts) * width))
        compact = np.zeros(len(texts) * width, dtype=np.int64)
        compact[found] = np.arange(len(found))
        compact = compact[crossed]
    else:
        found, compact = np.unique(crossed, return_inverse=True)
    return rows, compact, [(*texts[pair // width], column.texts[pair % width]) for pair in found]


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


def pair_rows(plan: Records) -> Rows:
    """Rows of ``facts.pairs`` of our contacts."""
    if plan.pair is None:
        raise ValueError("contacts of the past have no pair")
    return plan.pair


def past_records(scenario: Scenario, kept: Bools, columns: Columns | None = None) -> Records:
    """History and committed contacts, with the columns their channel and offer declare."""
    past = scenario.facts.past
    if not kept.all():
        past = past[kept].reset_index(drop=True)
    return Records(scenario.facts, past["customer"].to_numpy(np.int64), past=past, columns=columns)


def require_columns(frame: pd.DataFrame, names: Sequence[str], file: str) -> None:
    """Refuse a table that lacks a column."""
    for name in names:
        if name not in frame.columns:
            raise ScenarioError(file, f"column {name}", None, f"expected it; found {list(frame.columns)}")
