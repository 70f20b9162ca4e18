"""The words a rule may use: the columns of contacts, media and past contacts, and the names some of them may hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.scenario.activities import DATE_PARTS
from optimizer.scenario.expression import And, Compare, In, Node, Not, Or
from optimizer.scenario.facts import Facts
from optimizer.scenario.messages import did_you_mean
from optimizer.scenario.rule_schema import Filter
from optimizer.scenario.schema import ScenarioFile
from optimizer.scenario.where import parse

#: Measures that every scenario has.
BUILT_IN = ("contacts", "responses", "gross_margin", "revenue", "cost", "net_margin")
#: Figures of a pair that a filter may read beside measures and kpis.
_PAIR = ("score", "gross_margin", "revenue")
#: Columns of past contacts that are the engine's own.
_INTERNAL = frozenset({"customer", "days", "committed", "offers"})


def split_prefix(column: str) -> tuple[str, str]:
    """``("customer", "x")`` of ``customer.x``; ``("", "x")`` of ``x``."""
    prefix, _, rest = column.partition(".")
    return (prefix, rest) if rest and prefix in ("customer", "activity") else ("", column)


@dataclass(frozen=True)
class Vocabulary:
    """Columns and names of one scenario."""

    spec: ScenarioFile
    facts: Facts
    file: str
    _cells: dict[tuple[str, str], pd.Series] = field(default_factory=dict)

    @cached_property
    def activity(self) -> frozenset[str]:
        """Columns of activities."""
        return frozenset(self.facts.activities.columns) - {"offers"}

    @cached_property
    def customer(self) -> frozenset[str]:
        """Columns of customers."""
        return frozenset(self.facts.customers.columns)

    @cached_property
    def pair(self) -> frozenset[str]:
        """Numeric columns of pairs."""
        named = frozenset({*self.facts.pairs.measures, *self.facts.pairs.kpis, *_PAIR})
        return named if len(self.facts.pairs) else frozenset()

    @cached_property
    def declared(self) -> frozenset[str]:
        """Columns of media and fixed costs."""
        media = {column for cell in self.facts.media for column in cell.columns}
        return frozenset(media | {column for cost in self.facts.fixed_costs for column in cost.columns})

    @cached_property
    def past(self) -> frozenset[str]:
        """Columns of past contacts."""
        return frozenset(self.facts.past.columns) - _INTERNAL if len(self.facts.past) else frozenset()

    @cached_property
    def names(self) -> dict[str, frozenset[str]]:
        """What the columns that name things may hold."""
        activities, past = self.facts.activities, self.facts.past
        booked = {offer for offers in set(past["offers"].to_numpy()) for offer in offers}
        return {
            "channel": frozenset({*self.spec.channels, *past["channel"].unique()}),
            "offer": frozenset({*self.spec.offers, *booked, *(one for own in activities["offers"] for one in own)}),
            "wave": frozenset({*(wave.name for wave in self.spec.waves), *activities["wave"]}) - {""},
            "medium": frozenset(self.spec.media),
            "activity": frozenset(activities["activity"]),
        }

    def check_column(self, column: str, place: str, *, paid: bool = True, pairs: bool = True) -> None:
        """Raise when a column stands nowhere, or in customers and activities both without saying which.

        ``paid``: media's columns count; ``pairs``: measures count.
        """
        prefix, name = split_prefix(column)
        sides = {"customer": self.customer, "activity": self.activity}
        if prefix:
            if name not in sides[prefix]:
                raise ScenarioError(self.file, place, column, f"unknown column; {did_you_mean(name, sides[prefix])}")
        elif name in self.customer and name in self.activity:
            words = f"stands in customers and in activities; write customer.{name} or activity.{name}"
            raise ScenarioError(self.file, place, column, words)
        else:
            known = self.customer | self.activity | self.past
            known |= (self.declared if paid else frozenset()) | (self.pair if pairs else frozenset())
            if name not in known:
                raise ScenarioError(self.file, place, column, f"unknown column; {did_you_mean(name, known)}")
        if (
            name in ("date", *DATE_PARTS)
            and prefix != "customer"
            and not self.facts.dated
            and name not in self.customer
        ):
            raise ScenarioError(self.file, place, column, "needs dates; the scenario's waves have none")

    def check_filter(self, written: Filter | None, place: str) -> None:
        """Raise when a filter does not parse, names an unknown column, channel or offer, or mixes types."""
        if written is None:
            return
        condition = parse(written, place=place, file=self.file)
        for column in sorted(condition.columns):
            self.check_column(column, place)
        self._check_names(condition.node, place)
        # One filled cell a column shows its type: text against a number fails here, before any solve.
        condition.holds(self._sample(condition.columns))
        bare = {split_prefix(column)[1] for column in condition.columns}
        for medium in self.facts.media:
            if bare <= medium.columns.keys():
                condition.holds(pd.DataFrame([medium.columns]))
        if self.past:
            condition.holds(self._past_sample(condition.columns))

    def check_measure(self, name: str, place: str) -> None:
        """Raise when no measure has this name."""
        if name in BUILT_IN or name in self.spec.kpis or name in self.facts.pairs.measures:
            return
        prefix, column = split_prefix(name)
        numeric = {
            "customer": _numeric(self.facts.customers),
            "activity": _numeric(self.facts.activities),
        }
        if not prefix and column in numeric["customer"] and column in numeric["activity"]:
            self.check_column(name, place)
        if any(column in columns for side, columns in numeric.items() if prefix in ("", side)):
            return
        known = {*BUILT_IN, *self.spec.kpis, *self.facts.pairs.measures, *numeric["customer"], *numeric["activity"]}
        if column in self.customer | self.activity:
            raise ScenarioError(self.file, place, name, "is a column of no numbers; expected a measure")
        raise ScenarioError(self.file, place, name, f"unknown measure; {did_you_mean(name, known)}")

    def _check_names(self, node: Node, place: str) -> None:
        if isinstance(node, And | Or):
            for part in node.parts:
                self._check_names(part, place)
        elif isinstance(node, Not):
            self._check_names(node.inner, place)
        elif isinstance(node, In) or (isinstance(node, Compare) and node.sign in ("==", "!=")):
            prefix, column = split_prefix(node.column)
            if prefix == "customer" or column not in self.names:
                return
            known = self.names[column]
            for value in node.values if isinstance(node, In) else (node.value,):
                if str(value) not in known:
                    words = f"unknown {column}; {did_you_mean(value, known)}"
                    raise ScenarioError(self.file, f"{place}.{node.column}", value, words)

    def _sample(self, columns: Iterable[str]) -> dict[str, Any]:
        """One filled cell of the columns a contact has, under the names as written."""
        found: dict[str, Any] = {"": np.zeros(1)}
        for column in columns:
            prefix, name = split_prefix(column)
            if prefix != "customer" and name in self.activity:
                found[column] = self._filled("activity", name)
                if name == "offer":
                    found["offers"] = self._filled("activity", "offers")
            elif prefix != "activity" and name in self.customer:
                found[column] = self._filled("customer", name)
            elif name in self.pair:
                found[column] = np.ones(1)
        return found

    def _past_sample(self, columns: Iterable[str]) -> dict[str, Any]:
        """The same of past contacts: their own columns, then their customers'."""
        found: dict[str, Any] = {"": np.zeros(1)}
        for column in columns:
            prefix, name = split_prefix(column)
            if prefix != "customer" and name in self.past:
                found[column] = self._filled("past", name)
            elif prefix != "activity" and name in self.customer and (prefix or name not in self.activity):
                found[column] = self._filled("customer", name)
        return found

    def _filled(self, side: str, column: str) -> pd.Series:
        """The first cell of a column that holds something, as a column of one row."""
        if (side, column) not in self._cells:
            table = {"activity": self.facts.activities, "customer": self.facts.customers, "past": self.facts.past}[side]
            first = int(table[column].notna().to_numpy().argmax()) if len(table) else 0
            self._cells[side, column] = table[column].iloc[first : first + 1].reset_index(drop=True)
        return self._cells[side, column]


def _numeric(table: pd.DataFrame) -> Iterable[str]:
    return [column for column in table.columns if table[column].dtype.kind in "ifb"]
