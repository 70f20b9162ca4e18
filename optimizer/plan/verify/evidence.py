"""What every check reads: our contacts, those of the past, who could be contacted, units, media, the plan's worth."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.plan.columns import Columns, split_name, text_of, words_of
from optimizer.plan.records import Records, Rows, Scope, declared_match, declared_scope, past_records
from optimizer.plan.valuation import Worth, value_plan
from optimizer.plan.verify.candidates import Candidates, eligible
from optimizer.plan.verify.units import UnitNames, gathered
from optimizer.scenario.facts import Bools, Facts, Floats
from optimizer.scenario.rule_schema import Bound, Control, Rule, TableBound, TableVerb
from optimizer.scenario.where import parse

if TYPE_CHECKING:
    from optimizer.plan.verify.measure import Measure
    from optimizer.scenario import Scenario

Filter = str | Mapping[str, Any]
#: Customers drawn for a control group in one go.
BLOCK = 1 << 16


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
    measured : dict
        Measures by name, once asked for.
    customers : dict of int64 (B,)
        Customers of each bundle, by the words of what is asked of them, once asked for.
    """

    scenario: Scenario
    plan: Records
    spend: Floats
    measured: dict[str, Measure] = field(default_factory=dict)
    customers: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    _units: dict[str, UnitNames] = field(default_factory=dict)
    _scopes: dict[tuple[object, ...], set[Scope]] = field(default_factory=dict)
    _control: dict[str, Bools] = field(default_factory=dict)
    _tightest: dict[tuple[str, str, float], Floats] = field(default_factory=dict)
    _cells: dict[int, dict[Scope, list[Any]]] = field(default_factory=dict)
    _declared: dict[str, list[Scope | None]] = field(default_factory=dict)

    @property
    def facts(self) -> Facts:
        """The scenario's facts."""
        return self.scenario.facts

    @cached_property
    def worth(self) -> Worth:
        """What the plan is worth before penalties."""
        return value_plan(self.scenario, self.plan, self.booked, self.spend)

    @property
    def columns(self) -> Columns:
        """Customers' and activities' columns, shared by all records here."""
        return self.plan.columns

    @cached_property
    def eligible(self) -> Candidates:
        """Every eligible pair, before exclude and control."""
        return Candidates(self.facts, self.columns, self.columns.kept.of("eligible", lambda: eligible(self.facts)))

    @cached_property
    def past(self) -> Records:
        """Every contact of the past: history and committed."""
        return past_records(self.scenario, np.ones(len(self.facts.past), dtype=bool), self.columns)

    @cached_property
    def committed(self) -> Records:
        """Committed contacts, whatever their date."""
        return past_records(self.scenario, self.facts.past["committed"].to_numpy(bool), self.columns)

    @cached_property
    def booked(self) -> Records:
        """Committed contacts inside the horizon; all of them in a scenario without dates."""
        kept = self.facts.past["committed"].to_numpy(bool)
        if self.facts.dated:
            first, last = self.facts.horizon
            kept = kept & self.facts.past["days"].between(first, last).to_numpy(bool)
        return past_records(self.scenario, kept, self.columns)

    @cached_property
    def available(self) -> Candidates:
        """Eligible pairs that neither a hard exclude nor a control group takes away."""
        refused = []
        for rule in self.scenario.rules:
            if rule.mode == "report":
                continue
            if rule.exclude is not None and not isinstance(rule.exclude, TableVerb) and rule.soft is None:
                refused.append(self.eligible.kept(rule.exclude, rule.where))
            elif rule.control is not None:
                refused.append(self._held_out(rule))
        return self.eligible.without(*refused) if refused else self.eligible

    @property
    def words_of_available(self) -> str | None:
        """What ``available`` hangs on besides the facts, in words; None where it is a table."""
        found = []
        for rule in self.scenario.rules:
            if rule.mode == "report":
                continue
            if rule.exclude is not None and not isinstance(rule.exclude, TableVerb) and rule.soft is None:
                found.append(f"not ({words_of(rule.exclude)}) where ({words_of(rule.where)})")
            elif rule.control is not None:
                if rule.control.table is not None:
                    return None
                found.append(f"control {rule.control.seed} {rule.control.share!r} where ({words_of(rule.where)})")
        return "; ".join(found)

    def _held_out(self, rule: Rule) -> Iterator[tuple[int, Bools]]:
        """The pairs a control rule takes away."""
        held = self.control_group(rule)
        return ((activity, customers & held) for activity, customers in self.eligible.kept(rule.where))

    def control_group(self, rule: Rule) -> Bools:
        """The customers a control rule holds out, shape (N,)."""
        assert rule.control is not None
        key = repr((rule.control.seed, rule.control.share)) if rule.control.table is None else rule.name
        if key not in self._control:
            self._control[key] = self._drawn(rule.control)
        return self._control[key]

    def _drawn(self, control: Control) -> Bools:
        names = self.facts.customers["customer_id"]
        if control.table is not None:
            table = self.scenario.table(control.table)
            held = table[table["control"].astype(bool)] if "control" in table.columns else table
            return names.isin(held["customer_id"].astype(str)).to_numpy(bool)
        assert control.share is not None
        limit = math.ceil(control.share * 2.0**64)
        if limit >= 1 << 64:
            return np.ones(len(names), dtype=bool)
        # Digests compare as their first eight bytes do: a longer text that starts alike stands behind.
        below, seed, sha256 = limit.to_bytes(8, "big"), f"{control.seed}:".encode(), hashlib.sha256
        drawn = np.empty(len(names), dtype=bool)
        for start in range(0, len(names), BLOCK):
            block = names.iloc[start : start + BLOCK].tolist()
            drawn[start : start + BLOCK] = [sha256(seed + name.encode()).digest() < below for name in block]
        return drawn

    def units(self, per: str | None) -> UnitNames:
        """Each customer alone, or customers by household; an empty household is one alone."""
        key = per or ""
        if key not in self._units:
            self._units[key] = gathered(self.facts.customers, per)
        return self._units[key]

    def population(self, where: Filter | None, units: UnitNames) -> Bools:
        """Units with a customer that the customer part of a filter keeps, shape (U,)."""
        kept = np.ones(len(self.facts.customers), dtype=bool)
        if where is not None:
            own = set(self.facts.customers.columns) - set(self.facts.activities.columns)
            for conjunct in parse(where).conjuncts():
                named = [split_name(name) for name in conjunct.columns]
                if all(prefix == "customer" or (prefix is None and bare in own) for prefix, bare in named):
                    kept &= self.columns.held("customer", conjunct)
        return kept if units.alone else np.bincount(units.of[kept], minlength=len(units)) > 0

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

    def unit_bounds(
        self, bound: Bound | None, rule: Rule, scope: Scope, units: UnitNames, at: Rows, empty: float
    ) -> Floats:
        """A bound of the units ``at``, in that order; of a household, the tightest of its members'."""
        if not isinstance(bound, str):
            return np.full(len(at), self.scope_bound(bound, rule, scope, empty))
        key = (rule.per or "", bound, empty)
        if key not in self._tightest:
            own = self.customer_bounds(bound, empty)
            tightest = own if units.alone else np.full(len(units), empty)
            if not units.alone:
                (np.minimum if empty > 0 else np.maximum).at(tightest, units.of, own)
            self._tightest[key] = tightest
        return self._tightest[key][at]

    def customer_bounds(self, bound: str, empty: float) -> Floats:
        """A bound that is a column of customers, shape (N,); ``empty`` where it is."""
        column = self.facts.customers[split_name(bound)[1]]
        own = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        return np.where(np.isnan(own), empty, own)

    def _table_bound(self, bound: TableBound, rule: Rule, scope: Scope, empty: float) -> float:
        """The first number that the table's rows of a scope state."""
        table = self.scenario.table(bound.table)
        names = [name if name in table.columns else split_name(name)[1] for name in rule.each_columns]
        keyed = [k for k, name in enumerate(names) if name in table.columns]
        if id(bound) not in self._cells:
            found: dict[Scope, list[Any]] = {}
            for *values, cell in zip(*(table[names[k]] for k in keyed), table[bound.column], strict=True):
                found.setdefault(tuple(text_of(value) for value in values), []).append(cell)
            self._cells[id(bound)] = found
        cells = self._cells[id(bound)].get(tuple(scope[k] for k in keyed), [])
        if not pd.api.types.is_numeric_dtype(table[bound.column].dtype):
            cells = pd.to_numeric(pd.Series(cells, dtype=object)).tolist()
        return next((float(cell) for cell in cells if not pd.isna(cell)), empty)

    # --- what is no contact -------------------------------------------------------------------------------------------

    def media_in(self, where: Filter | None, each: Sequence[str], scope: Scope) -> Bools:
        """Medium cells that a filter keeps and whose scope it is, shape (M,)."""
        return _are(self._media_scopes(where, each), scope)

    def fixed_in(self, where: Filter | None, each: Sequence[str], scope: Scope) -> Bools:
        """Fixed costs that a filter keeps and whose scope it is."""
        items = [fixed.columns for fixed in self.facts.fixed_costs]
        return _are(self._declared_scopes("fixed costs", items, where, each), scope)

    def _media_scopes(self, where: Filter | None, each: Sequence[str]) -> list[Scope | None]:
        return self._declared_scopes("media", [cell.columns for cell in self.facts.media], where, each)

    def _declared_scopes(
        self, kind: str, items: list[dict[str, object]], where: Filter | None, each: Sequence[str]
    ) -> list[Scope | None]:
        """The scope of each item that a filter keeps; None of one it does not, or that lacks a column of ``each``."""
        key = repr((kind, where, list(each)))
        if key not in self._declared:
            self._declared[key] = [
                declared_scope(each, columns) if declared_match(where, columns) else None for columns in items
            ]
        return self._declared[key]

    def scopes(self, rule: Rule, *, each: Sequence[str] | None = None, media: bool = False) -> list[Scope]:
        """The scopes of a rule, found among the eligible pairs (and media) its filter keeps; () without ``each``."""
        columns = rule.each_columns if each is None else list(each)
        if not columns:
            return [()]
        key = ("scopes", tuple(columns), words_of(rule.where))
        if key not in self._scopes:
            self._scopes[key] = self.columns.kept.of(key, lambda: self.eligible.scope_names(columns, rule.where))
        found = self._media_scopes(rule.where, columns) if media else []
        return sorted(self._scopes[key] | {scope for scope in found if scope is not None})


def _are(scopes: list[Scope | None], scope: Scope) -> Bools:
    return np.array([own == scope for own in scopes], dtype=bool)


def scope_label(columns: Sequence[str], scope: Scope) -> str:
    """A scope as reports write it: ``country=FR, wave=w1``."""
    return ", ".join(f"{column}={value}" for column, value in zip(columns, scope, strict=True))


def days_text(day: int) -> str:
    """A day count since 1970-01-01 as an ISO date."""
    return str(np.datetime64(day, "D"))


def rows_in(found: dict[Scope, Rows], scope: Scope) -> Rows:
    """The rows of a scope; none where it was not found."""
    return found.get(scope, np.empty(0, np.int64))
