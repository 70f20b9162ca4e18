"""Columns of customers and activities as codes, and filters on them, each worked out once however many rules ask.

Texts repeat: a country is told apart once, and a million customers carry its number. So a filter over millions of
contacts costs a look-up, and a scope a count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import pandas as pd

from optimizer.plan.kept import Kept, kept_of
from optimizer.scenario.facts import Bools, Facts, Ints
from optimizer.scenario.where import Condition, parse

Home = Literal["pair", "past", "activity", "customer"]
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


def split_name(name: str) -> tuple[str | None, str]:
    """``customer.age`` as (``customer``, ``age``); a plain name has no prefix."""
    for prefix in ("customer", "activity"):
        if name.startswith(f"{prefix}."):
            return prefix, name[len(prefix) + 1 :]
    return None, name


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


def coded_texts(values: pd.Series) -> tuple[Ints, list[str]]:
    """A code a row (-1 where it is empty) and the text of every code."""
    codes, uniques = pd.factorize(values)
    texts = [text_of(value) for value in uniques]
    kept = np.where([*(text != "" for text in texts), False], np.arange(len(texts) + 1), -1).astype(np.int32)
    return kept[codes], texts


T = TypeVar("T")


class Recent(Generic[T]):
    """The last few answers: one rule asks the same of several records, the next rule something else.

    Rules that are checked at the same time may share one.
    """

    def __init__(self, most: int = 16) -> None:
        self.most = most
        self.answers: dict[object, T] = {}
        self._one_at_a_time = Lock()

    def of(self, key: object, make: Callable[[], T]) -> T:
        """The answer to ``key``, made where it is not among the last."""
        with self._one_at_a_time:
            answer = self.answers.pop(key, None)
        if answer is None:
            answer = make()
        with self._one_at_a_time:
            self.answers[key] = answer
            if len(self.answers) > self.most:
                del self.answers[next(iter(self.answers))]
        return answer


@dataclass(frozen=True)
class Apart:
    """A filter that asks of activities and of customers, each apart: it keeps the pairs of these with those.

    Attributes
    ----------
    activities : bool (A,)
    customers : bool (N,) or None
        None where it asks nothing of them.
    words : str
        What it asks of customers; the same words, the same customers.
    """

    activities: Bools
    customers: Bools | None
    words: str


def words_of(where: str | Mapping[str, Any] | None) -> str:
    """A filter in words that differ wherever it does, however long its lists."""
    return "" if where is None else repr(parse(where).node)


class Columns:
    """What filters and scopes read of the customers and activities of a scenario's facts."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.kept: Kept = kept_of(facts)
        self._words: dict[str, pd.Series] = {}
        self._coded: dict[tuple[str, str], tuple[Ints, list[str]] | None] = {}
        self._held: Recent[Bools] = Recent()

    def home(self, name: str) -> Home:
        """Where a column of eligible and planned contacts lives; an unknown one is empty for all of them."""
        prefix, bare = split_name(name)
        if prefix == "customer":
            return "customer"
        if prefix is None and bare in self.facts.pairs.measures:
            return "pair"
        if prefix == "activity" or bare in self.facts.activities.columns:
            return "activity"
        return "customer" if bare in self.facts.customers.columns else "activity"

    def held(self, home: Home, condition: Condition) -> Bools:
        """Which customers (activities) a condition on their columns alone keeps, shape (N,) or (A,)."""
        names, key = condition.columns, ("held", home, repr(condition.node))

        def make() -> Bools:
            frame = self._customers(names) if home == "customer" else with_calendar(self.facts.activities, names)
            return np.asarray(condition.holds(frame), dtype=bool)

        return self._held.of(key, lambda: self.kept.of(key, make))

    def apart(self, *filters: str | Mapping[str, Any] | None) -> Apart | None:
        """What filters together ask of activities and of customers; None where one compares both or reads the pair."""
        activities = np.ones(len(self.facts.activities), dtype=bool)
        asked: dict[str, Condition] = {}
        for conjunct in [one for where in filters if where is not None for one in parse(where).conjuncts()]:
            homes = {self.home(name) for name in conjunct.columns}
            if homes <= {"activity"}:
                activities &= self.held("activity", conjunct)
            elif homes <= {"customer"} and len(self.facts.customers):
                asked[repr(conjunct.node)] = conjunct
            else:
                return None
        if not asked:
            return Apart(activities, None, "")
        words = " and ".join(sorted(asked))
        held = [self.held("customer", asked[one]) for one in sorted(asked)]
        if len(held) == 1:
            return Apart(activities, held[0], words)
        return Apart(activities, self.kept.of(("customers", words), lambda: np.logical_and.reduce(held)), words)

    def coded(self, home: Home, bare: str) -> tuple[Ints, list[str]] | None:
        """A column's code of every customer (activity), -1 where it is empty, and their texts; None if there is none.

        The offers of an activity, which may be several, stand in ``offers``.
        """
        key = (home, bare)
        if key not in self._coded:
            customers = self.facts.customers
            if home == "customer":
                known, values = bare in customers.columns, self._worded(bare) if bare in customers.columns else None
            else:
                frame = with_calendar(self.facts.activities, [bare])
                known, values = bare in frame.columns, frame.get(bare)
            self._coded[key] = (
                self.kept.of(("coded", *key), lambda: coded_texts(values)) if known and values is not None else None
            )
        return self._coded[key]

    def past(self, column: str) -> Any:
        """A column of all past contacts, text as categories: their values are few."""
        values = self.facts.past[column]
        if not isinstance(values.dtype, pd.StringDtype):
            return values.array
        return self.kept.of(("past", column), lambda: _as_categories(values)).array

    def _customers(self, names: frozenset[str]) -> pd.DataFrame:
        """The customers' columns that a filter may look up under these names, texts told apart once."""
        asked = {*names}
        for name in names:
            bare = split_name(name)[1]
            asked |= {bare, f"customer.{name}", f"activity.{name}"} | ({"offers"} if bare == "offer" else set())
        customers = self.facts.customers
        found = {column: self._worded(column) for column in customers.columns if column in asked}
        return pd.DataFrame(found, index=pd.RangeIndex(len(customers)))

    def _worded(self, column: str) -> pd.Series:
        """A customer column; text as categories, whose values are few."""
        values = self.facts.customers[column]
        if not isinstance(values.dtype, pd.StringDtype):
            return values
        if column not in self._words:
            self._words[column] = self.kept.of(("words", column), lambda: _as_categories(values))
        return self._words[column]


def _as_categories(values: pd.Series) -> pd.Series:
    codes, uniques = pd.factorize(values)
    return pd.Series(pd.Categorical.from_codes(codes, categories=uniques))
