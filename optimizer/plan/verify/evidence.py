"""What every check reads: our contacts, those of the past, all eligible pairs, units, media and the plan's worth."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.plan.records import (
    Records,
    Rows,
    Scope,
    declared_match,
    declared_scope,
    past_records,
    split_name,
    text_of,
)
from optimizer.plan.valuation import Worth, value_plan
from optimizer.scenario.facts import Bools, Facts, Floats
from optimizer.scenario.rule_schema import Bound, Rule, TableBound, TableVerb
from optimizer.scenario.where import parse

if TYPE_CHECKING:
    from optimizer.scenario import Scenario

Filter = str | Mapping[str, Any]


@dataclass(frozen=True)
class UnitNames:
    """How customers gather: ``of`` (N,) is each customer's unit, ``names`` how a note calls them."""

    of: NDArray[np.int64]
    names: list[str]

    def __len__(self) -> int:
        return len(self.names)


@dataclass
class Evidence:
    """A plan in the light of its scenario.

    Parameters
    ----------
    scenario : Scenario
    plan : Records
        Our contacts: known, eligible, each once.
    spend : float64 (M,)
        Money on each medium cell.
    """

    scenario: Scenario
    plan: Records
    spend: Floats
    _units: dict[str, UnitNames] = field(default_factory=dict)
    _scopes: dict[str, set[Scope]] = field(default_factory=dict)

    @property
    def facts(self) -> Facts:
        """The scenario's facts."""
        return self.scenario.facts

    @cached_property
    def worth(self) -> Worth:
        """What the plan is worth before penalties."""
        return value_plan(self.scenario, self.plan, self.booked, self.spend)

    @cached_property
    def pairs(self) -> Records:
        """Every eligible pair, before exclude and control."""
        return Records.of_pairs(self.facts, np.arange(len(self.facts.pairs)))

    @cached_property
    def past(self) -> Records:
        """Every contact of the past: history and committed."""
        return past_records(self.scenario, np.ones(len(self.facts.past), dtype=bool))

    @cached_property
    def committed(self) -> Records:
        """Committed contacts, whatever their date."""
        return past_records(self.scenario, self.facts.past["committed"].to_numpy(bool))

    @cached_property
    def booked(self) -> Records:
        """Committed contacts inside the horizon; all of them in a scenario without dates."""
        kept = self.facts.past["committed"].to_numpy(bool)
        if self.facts.dated:
            first, last = self.facts.horizon
            kept = kept & self.facts.past["days"].between(first, last).to_numpy(bool)
        return past_records(self.scenario, kept)

    @cached_property
    def available(self) -> Bools:
        """Eligible pairs that neither a hard exclude nor a control group takes away, shape (E,)."""
        available = np.ones(len(self.pairs), dtype=bool)
        for rule in self.scenario.rules:
            if rule.mode == "report":
                continue
            if rule.exclude is not None and not isinstance(rule.exclude, TableVerb) and rule.soft is None:
                available &= ~(self.pairs.holds(rule.exclude) & self.pairs.holds(rule.where))
            elif rule.verb == "control":
                available &= ~(self.control_group(rule)[self.pairs.customer] & self.pairs.holds(rule.where))
        return available

    def control_group(self, rule: Rule) -> Bools:
        """The customers a control rule holds out, shape (N,)."""
        control = rule.control
        assert control is not None
        names = self.facts.customers["customer_id"].astype(str)
        if control.table is not None:
            table = self.scenario.table(control.table)
            held = table[table["control"].astype(bool)] if "control" in table.columns else table
            return names.isin(set(held["customer_id"].astype(str))).to_numpy(bool)
        assert control.share is not None
        limit = control.share * 2.0**64
        digests = (hashlib.sha256(f"{control.seed}:{name}".encode()).digest() for name in names)
        return np.fromiter((int.from_bytes(digest[:8], "big") < limit for digest in digests), bool, len(names))

    def units(self, per: str | None) -> UnitNames:
        """Each customer alone, or customers by household; an empty household is one alone."""
        key = per or ""
        if key not in self._units:
            customers = self.facts.customers
            names = customers["customer_id"].astype(str)
            if per is None:
                self._units[key] = UnitNames(np.arange(len(customers), dtype=np.int64), names.tolist())
            else:
                codes, found = pd.factorize(customers[split_name(per)[1]])
                house = np.array([*(text_of(value) for value in found), ""], dtype=object)[codes]
                # the first letter tells a household from a customer of the same name
                label = np.where(house == "", "c" + names.to_numpy(object), "h" + house)
                of, labels = pd.factorize(label)
                self._units[key] = UnitNames(of.astype(np.int64), [name[1:] for name in labels])
        return self._units[key]

    def population(self, where: Filter | None, units: UnitNames) -> Bools:
        """Units with a customer that the customer part of a filter keeps, shape (U,)."""
        customers = self.facts.customers
        kept = np.ones(len(customers), dtype=bool)
        if where is not None:
            own = set(customers.columns) - set(self.facts.activities.columns)
            for conjunct in parse(where).conjuncts():
                named = [split_name(name) for name in conjunct.columns]
                if all(prefix == "customer" or (prefix is None and bare in own) for prefix, bare in named):
                    kept &= np.asarray(conjunct.holds(customers), dtype=bool)
        return np.bincount(units.of[kept], minlength=len(units)) > 0

    @cached_property
    def window_ends(self) -> list[int]:
        """The distinct dates of the scenario's activities."""
        return sorted({int(day) for day in self.facts.days})

    def minimum_windows(self, days: int) -> list[tuple[int, int]]:
        """The windows a minimum looks at: those inside the horizon, or the horizon where it is shorter."""
        first, last = self.facts.horizon
        if last - first + 1 < days:
            return [(first, last)]
        return [(end - days + 1, end) for end in self.window_ends if end - days + 1 >= first]

    # --- bounds -----------------------------------------------------------------------------------------------------

    def scope_bound(self, bound: Bound | None, rule: Rule, scope: Scope, empty: float) -> float:
        """A bound of one scope: a number, or the table's cell; ``empty`` where there is none."""
        if bound is None:
            return empty
        if isinstance(bound, TableBound):
            return self._table_bound(bound, rule, scope, empty)
        return float(bound)

    def unit_bounds(self, bound: Bound | None, rule: Rule, scope: Scope, units: UnitNames, empty: float) -> Floats:
        """A bound of every unit, shape (U,); of a household, the tightest of its members'."""
        if not isinstance(bound, str):
            return np.full(len(units), self.scope_bound(bound, rule, scope, empty))
        column = self.facts.customers[split_name(bound)[1]]
        own = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        own = np.where(np.isnan(own), empty, own)
        tightest = np.full(len(units), empty)
        (np.minimum if empty > 0 else np.maximum).at(tightest, units.of, own)
        return tightest

    def _table_bound(self, bound: TableBound, rule: Rule, scope: Scope, empty: float) -> float:
        table = self.scenario.table(bound.table)
        kept = np.ones(len(table), dtype=bool)
        for column, value in zip(rule.each_columns, scope, strict=True):
            name = column if column in table.columns else split_name(column)[1]
            if name in table.columns:
                kept &= np.array([text_of(cell) == value for cell in table[name]], dtype=bool)
        cells = pd.to_numeric(table.loc[kept, bound.column]).dropna()
        return float(cells.iloc[0]) if len(cells) else empty

    # --- what is no contact -------------------------------------------------------------------------------------------

    def media_in(self, where: Filter | None, each: Sequence[str], scope: Scope) -> Bools:
        """Medium cells that a filter keeps and whose scope it is, shape (M,)."""
        cells = [cell.columns for cell in self.facts.media]
        return self._declared(cells, where, each, scope)

    def fixed_in(self, where: Filter | None, each: Sequence[str], scope: Scope) -> Bools:
        """Fixed costs that a filter keeps and whose scope it is."""
        return self._declared([fixed.columns for fixed in self.facts.fixed_costs], where, each, scope)

    @staticmethod
    def _declared(items: list[dict[str, object]], where: Filter | None, each: Sequence[str], scope: Scope) -> Bools:
        kept = [declared_match(where, columns) and declared_scope(each, columns) == scope for columns in items]
        return np.array(kept, dtype=bool)

    def media_scopes(self, where: Filter | None, each: Sequence[str]) -> set[Scope]:
        """The scopes of the medium cells that a filter keeps."""
        kept = [cell.columns for cell in self.facts.media if declared_match(where, cell.columns)]
        return {scope for columns in kept if (scope := declared_scope(each, columns)) is not None}

    def scopes(self, rule: Rule, *, each: Sequence[str] | None = None, media: bool = False) -> list[Scope]:
        """The scopes of a rule, found among the eligible pairs (and media) its filter keeps; () without ``each``."""
        columns = rule.each_columns if each is None else list(each)
        if not columns:
            return [()]
        key = repr((columns, rule.where))
        if key not in self._scopes:
            self._scopes[key] = self.pairs.scope_names(columns, self.pairs.holds(rule.where))
        return sorted(self._scopes[key] | (self.media_scopes(rule.where, columns) if media else set()))


def scope_label(columns: Sequence[str], scope: Scope) -> str:
    """A scope as reports write it: ``country=FR, wave=w1``."""
    return ", ".join(f"{column}={value}" for column, value in zip(columns, scope, strict=True))


def days_text(day: int) -> str:
    """A day count since 1970-01-01 as an ISO date."""
    return str(np.datetime64(day, "D"))


def rows_in(found: dict[Scope, Rows], scope: Scope) -> Rows:
    """The rows of a scope; none where it was not found."""
    return found.get(scope, np.empty(0, np.int64))
