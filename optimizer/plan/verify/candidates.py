"""Who could receive what: the eligible pairs as one column of customers an activity, and the scopes found among them.

A question about all pairs (which scopes are there, who has anything eligible) is asked an activity at a time, so that
it costs a byte a pair and holds no list of pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from optimizer.plan.columns import Columns
from optimizer.plan.records import Records, Rows, Scope
from optimizer.scenario.facts import Bools, Facts
from optimizer.scenario.where import Condition, parse

Filter = str | Mapping[str, Any]
#: Pairs looked at in one go.
BLOCK = 1 << 20


class Candidates:
    """Eligible pairs of a scenario's facts, or those that rules leave of them.

    Parameters
    ----------
    facts : Facts
    columns : Columns
    holds : bool (A, N), optional
        Which pairs they are; every eligible one unless given.
    """

    def __init__(self, facts: Facts, columns: Columns, holds: Bools | None = None) -> None:
        self.facts, self.columns = facts, columns
        self.holds = eligible(facts) if holds is None else holds

    def without(self, *refused: Iterator[tuple[int, Bools]]) -> Candidates:
        """These candidates but for some: columns of customers by activity, as ``kept`` gives them."""
        holds = self.holds.copy()
        for columns in refused:
            for activity, customers in columns:
                holds[activity] &= ~customers
        return Candidates(self.facts, self.columns, holds)

    def kept(self, *filters: Filter | None, only: Bools | None = None) -> Iterator[tuple[int, Bools]]:
        """Every activity (of ``only``, (A,)) with the customers, shape (N,), that the filters keep for it."""
        of_activity = np.ones(len(self.holds), dtype=bool) if only is None else only.copy()
        of_customer: Bools | None = None
        of_both: list[Condition] = []
        for conjunct in [one for where in filters if where is not None for one in parse(where).conjuncts()]:
            homes = {self.columns.home(name) for name in conjunct.columns}
            if homes <= {"activity"}:
                of_activity &= self.columns.held("activity", conjunct)
            elif homes <= {"customer"}:
                held = self.columns.held("customer", conjunct)
                of_customer = held if of_customer is None else of_customer & held
            else:
                of_both.append(conjunct)
        for activity in np.flatnonzero(of_activity):
            customers = self.holds[activity] if of_customer is None else self.holds[activity] & of_customer
            yield int(activity), self._also(int(activity), customers, of_both) if of_both else customers

    def scope_names(self, each: Sequence[str], where: Filter | None) -> set[Scope]:
        """The scopes of the pairs that a filter keeps."""
        return {scope for scope, _ in self._scoped(each, where, None, names_only=True)}

    def customers(self, each: Sequence[str], where: Filter | None, *, only: Bools | None = None) -> dict[Scope, Rows]:
        """Scope -> the customers who have a pair in it that the filter keeps, ascending."""
        return dict(self._scoped(each, where, only, names_only=False))

    def _scoped(
        self, each: Sequence[str], where: Filter | None, only: Bools | None, *, names_only: bool
    ) -> Iterator[tuple[Scope, Rows]]:
        """The scopes with their customers, or with none where only the names are wanted."""
        homes = [self.columns.home(column) for column in each]
        if "pair" in homes:
            yield from self._pair_by_pair(each, where, only)
            return
        on_activity = [k for k, home in enumerate(homes) if home == "activity"]
        on_customer = [k for k, home in enumerate(homes) if home == "customer"]
        labels = self.labels([each[k] for k in on_activity])
        groups: dict[Scope, Bools] = {}
        for activity, customers in self.kept(where, only=only):
            for label in labels[activity]:
                groups[label] = groups[label] | customers if label in groups else customers
        if on_customer:
            code, texts = self._coded_customers([each[k] for k in on_customer])
        for label, customers in groups.items():
            if not on_customer:
                if customers.any():
                    yield label, np.empty(0, np.int64) if names_only else np.flatnonzero(customers)
                continue
            rows = np.flatnonzero(customers & (code >= 0))
            count = np.bincount(code[rows], minlength=len(texts))
            order = None if names_only else np.argsort(code[rows], kind="stable")
            ends = np.cumsum(count)
            for k in np.flatnonzero(count):
                parts = dict(zip((*on_activity, *on_customer), (*label, *texts[k]), strict=True))
                members = rows[:0] if order is None else rows[order[ends[k] - count[k] : ends[k]]]
                yield tuple(parts[place] for place in range(len(each))), members

    def labels(self, columns: Sequence[str]) -> list[list[Scope]]:
        """The scopes of every activity by its own columns; several where it carries several offers."""
        count = len(self.holds)
        probe = Records(self.facts, np.zeros(count, np.int64), np.arange(count), columns=self.columns)
        found: list[list[list[str]]] = [[] for _ in range(count)]
        for column in columns:
            coded = probe.coded(column)
            rows = np.arange(count) if coded.rows is None else coded.rows
            texts: list[list[str]] = [[] for _ in range(count)]
            for row, code in zip(rows, coded.code, strict=True):
                if code >= 0:
                    texts[row].append(coded.texts[code])
            for row in range(count):
                found[row].append(texts[row])
        return [list(product(*parts)) for parts in found]

    def _coded_customers(self, columns: Sequence[str]) -> tuple[Rows, list[Scope]]:
        """Every customer's scope by columns of customers, -1 where one is empty, and the texts of each."""
        count = self.holds.shape[1]
        everyone = Records(self.facts, np.arange(count), np.zeros(count, np.int64), columns=self.columns)
        rows, code, texts = everyone.scoped(columns, np.ones(count, dtype=bool))
        dense = np.full(count, -1, dtype=np.int64)
        dense[rows] = code
        return dense, texts

    def _also(self, activity: int, customers: Bools, conditions: list[Condition]) -> Bools:
        """Those of the customers for whom conditions hold that compare them with the activity, or read the pair."""
        rows = np.flatnonzero(customers)
        pairs = self.facts.pairs
        pair = np.flatnonzero(pairs.activity == activity)
        pair = pair[np.searchsorted(pairs.customer[pair], rows)]
        records = Records(self.facts, rows, np.full(len(rows), activity), pair, columns=self.columns)
        kept = np.ones(len(rows), dtype=bool)
        for condition in conditions:
            kept &= records.conjunct(condition)
        found = np.zeros(len(customers), dtype=bool)
        found[rows[kept]] = True
        return found

    def _pair_by_pair(
        self, each: Sequence[str], where: Filter | None, only: Bools | None
    ) -> Iterator[tuple[Scope, Rows]]:
        """The scopes by a column of the pairs themselves, which no activity or customer has."""
        pairs = self.facts.pairs
        held = np.zeros_like(self.holds)
        for activity, customers in self.kept(where, only=only):
            held[activity] = customers
        rows = np.flatnonzero(held[pairs.activity, pairs.customer])
        records = Records.of_pairs(self.facts, rows, self.columns)
        for scope, found in records.scopes(each, np.ones(len(rows), dtype=bool)).items():
            yield scope, np.unique(records.customer[found])


def eligible(facts: Facts) -> Bools:
    """Which customers every activity may reach, shape (A, N)."""
    pairs, shape = facts.pairs, (len(facts.activities), len(facts.customers))
    if len(pairs) == shape[0] * shape[1]:
        return np.ones(shape, dtype=bool)
    holds = np.zeros(shape, dtype=bool)
    for start in range(0, len(pairs), BLOCK):
        block = slice(start, start + BLOCK)
        holds[pairs.activity[block], pairs.customer[block]] = True
    return holds
