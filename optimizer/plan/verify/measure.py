"""Checks of sums, averages, ratios and shares of measures.

    sum       lo ≤ Σ m ≤ hi
    average   Σ m − bound · Σ 1  ≤ 0 for a max, ≥ 0 for a min, over contacts whose measure is known
    ratio     Σ of − bound · Σ to  likewise, media and fixed costs included
    share     Σ (where and of) − bound · Σ (where)  likewise, of contacts or of money

A measure is contacts, responses, gross_margin, revenue, cost, net_margin, a kpi, a measure of the pair, or a number of
the activity or customer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.plan.columns import split_name
from optimizer.plan.records import Records, Rows, Scope, declared_match
from optimizer.plan.valuation import column_measure
from optimizer.plan.verify.evidence import Evidence, Filter, rows_in, scope_label
from optimizer.plan.verify.judge import Check, judge_rule, rounding
from optimizer.scenario.facts import Bools, Floats
from optimizer.scenario.rule_schema import Average, Range, Ratio, Rule, Share, Sum

#: Some of our contacts, by rows or by a mask.
Some = Rows | Bools | slice


@dataclass(frozen=True)
class Measure:
    """A measure of our contacts, booked ones, medium cells and fixed costs; NaN is unknown."""

    ours: Floats
    booked: Floats
    media: Floats
    fixed: Floats

    @cached_property
    def known(self) -> bool:
        """Whether it is a finite number of every contact of ours."""
        return bool(np.isfinite(self.ours.sum()))

    @cached_property
    def positive(self) -> bool:
        """Whether no contact of ours has less than 0 of it."""
        return bool(self.ours.min(initial=0.0) >= 0.0)

    def of_ours(self, rows: Some) -> Total:
        """Σ over some of our contacts; what holds of all of them is asked once."""
        terms = self.ours[rows]
        if not self.known:
            return Total.of(terms)
        value = float(terms.sum())
        return Total(value, value if self.positive else float(np.abs(terms).sum()))


@dataclass(frozen=True)
class Total:
    """A sum and the sum of the absolute values of its terms."""

    value: float = 0.0
    size: float = 0.0

    def __add__(self, other: Total) -> Total:
        return Total(self.value + other.value, self.size + other.size)

    @classmethod
    def of(cls, terms: Floats) -> Total:
        """Add up terms; an unknown one adds nothing."""
        with np.errstate(invalid="ignore", over="ignore"):
            known = terms if np.isfinite(terms.sum()) else np.nan_to_num(terms)
        return cls(float(known.sum()), float(np.abs(known).sum()))


def measure(evidence: Evidence, name: str) -> Measure:
    """Everything's value of the measure of that name."""
    if name not in evidence.measured:
        evidence.measured[name] = _measure(evidence, name)
    return evidence.measured[name]


def _measure(evidence: Evidence, name: str) -> Measure:
    worth, facts, plan, booked = evidence.worth, evidence.facts, evidence.plan, evidence.booked
    no_media, no_fixed = np.zeros(len(facts.media)), np.zeros(len(facts.fixed_costs))
    fixed = worth.fixed_money
    stated = _booked_column(booked, name)
    match name:
        case "contacts":
            return Measure(np.ones(len(plan)), np.ones(len(booked)), no_media, no_fixed)
        case "cost":
            return Measure(worth.contact_cost, _booked_column(booked, "cost"), worth.media.cost, fixed)
        case "gross_margin":
            return Measure(worth.contact_gross_margin, stated, worth.media.margin, no_fixed)
        case "net_margin":
            ours = worth.contact_gross_margin - worth.contact_cost
            return Measure(ours, stated, worth.media.margin - worth.media.cost, -fixed)
        case "revenue":
            assert plan.pair is not None
            known = ~np.isnan(facts.pairs.revenue[plan.pair])
            return Measure(np.where(known, worth.contact_revenue, np.nan), stated, no_media, no_fixed)
        case "responses":
            return Measure(worth.response, stated, worth.media.of(name), no_fixed)
        case kpi if kpi in worth.kpi_response:
            return Measure(worth.kpi_response[kpi], stated, worth.media.of(kpi), no_fixed)
    _refuse_unknown(evidence, name)
    return Measure(column_measure(plan, name), stated, no_media, no_fixed)


def _booked_column(booked: Records, name: str) -> Floats:
    """A committed contact's own column of that name; NaN where its table has none."""
    assert booked.past is not None
    if name not in booked.past.columns:
        return np.full(len(booked), np.nan)
    return pd.to_numeric(booked.past[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)


def _refuse_unknown(evidence: Evidence, name: str) -> None:
    facts, bare = evidence.facts, split_name(name)[1]
    known = [*facts.pairs.measures, *facts.activities.columns, *facts.customers.columns]
    if bare not in known:
        expected = "expected contacts, responses, gross_margin, revenue, cost, net_margin, a kpi or a numeric column"
        raise ScenarioError(evidence.scenario.source, f"measure {name}", name, expected)


@dataclass(frozen=True)
class Slice:
    """What one scope of a rule covers: of our and booked contacts, medium cells and fixed costs."""

    ours: Some
    booked: Rows
    media: Rows
    fixed: Rows

    def total(self, measured: Measure) -> Total:
        """Σ of a measure over the slice."""
        contacts = measured.of_ours(self.ours) + Total.of(measured.booked[self.booked])
        return contacts + Total.of(measured.media[self.media]) + Total.of(measured.fixed[self.fixed])


def slices(rule: Rule, evidence: Evidence, *, media: bool, also: Filter | None = None) -> dict[Scope, Slice]:
    """Scope -> what ``where`` (and ``also``) keep in it; every scope of the rule is there, empty or not."""
    each, plan, booked = rule.each_columns, evidence.plan, evidence.booked
    ours = plan.scopes(each, plan.holds(rule.where) & plan.holds(also)) if each else {}
    theirs = booked.scopes(each, booked.holds(rule.where) & booked.holds(also))
    cells = np.array([declared_match(also, cell.columns) for cell in evidence.facts.media], dtype=bool)
    costs = np.array([declared_match(also, item.columns) for item in evidence.facts.fixed_costs], dtype=bool)
    found = {}
    for scope in evidence.scopes(rule, media=media):
        in_media = np.flatnonzero(evidence.media_in(rule.where, each, scope) & cells & media)
        in_fixed = np.flatnonzero(evidence.fixed_in(rule.where, each, scope) & costs & media)
        own = rows_in(ours, scope) if each else _kept(plan, rule.where, also)
        found[scope] = Slice(own, rows_in(theirs, scope), in_media, in_fixed)
    return found


def _kept(plan: Records, *filters: Filter | None) -> Some:
    """Our contacts that filters keep; without any a slice, which copies nothing."""
    masks = [plan.holds(where) for where in filters if where is not None]
    return slice(None) if not masks else masks[0] if len(masks) == 1 else masks[0] & masks[1]


def money_or_yield(evidence: Evidence, names: Sequence[str]) -> bool:
    """Whether media or fixed costs may have one of these measures."""
    kinds = {"cost", "net_margin", "gross_margin", "responses", *evidence.worth.kpi_response}
    return any(name in kinds for name in names)


def check_sum(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check the sum of a measure in every scope."""
    verb = rule.sum
    assert isinstance(verb, Sum)
    return check_total(rule, verb.of, verb, evidence)


def check_total(rule: Rule, name: str, bounds: Range, evidence: Evidence) -> list[Check]:
    """Check Σ of a measure against the bounds of a verb."""
    measured = measure(evidence, name)
    checks = []
    for scope, covered in slices(rule, evidence, media=money_or_yield(evidence, [name])).items():
        total = covered.total(measured)
        low = evidence.scope_bound(bounds.min, rule, scope, -np.inf)
        high = evidence.scope_bound(bounds.max, rule, scope, np.inf)
        judge = judge_rule(rule, scope_label(rule.each_columns, scope), "scopes")
        judge.add(total.value, low, high, noise=max(_noise(low, total.size), _noise(high, total.size)))
        checks.append(judge.check())
    return checks


def _noise(bound: float, size: float) -> float:
    return float(rounding(bound, size)) if np.isfinite(bound) else 0.0


def check_average(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check the average of a measure over contacts, in every scope."""
    verb = rule.average
    assert isinstance(verb, Average)
    measured = measure(evidence, verb.of)
    checks = []
    for scope, covered in slices(rule, evidence, media=False).items():
        known = np.concatenate([measured.ours[covered.ours], measured.booked[covered.booked]])
        number = float(len(known) - np.count_nonzero(np.isnan(known)))
        base = Total(number, number)
        checks.append(_linear(rule, verb, evidence, scope, Total.of(known), base))
    return checks


def check_ratio(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check the ratio of two sums, in every scope; a committed contact is in both sums or in none."""
    verb = rule.ratio
    assert isinstance(verb, Ratio)
    of, to = measure(evidence, verb.of), measure(evidence, verb.to)
    unknown = np.isnan(of.booked) | np.isnan(to.booked)
    of = Measure(of.ours, np.where(unknown, 0.0, of.booked), of.media, of.fixed)
    to = Measure(to.ours, np.where(unknown, 0.0, to.booked), to.media, to.fixed)
    return [
        _linear(rule, verb, evidence, scope, covered.total(of), covered.total(to))
        for scope, covered in slices(rule, evidence, media=money_or_yield(evidence, [verb.of, verb.to])).items()
    ]


def check_share(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check the share of the contacts, or of the money, that ``of`` keeps among those that ``where`` keeps."""
    verb = rule.share
    assert isinstance(verb, Share)
    measured = measure(evidence, verb.in_)
    media = verb.in_ == "cost"
    part = slices(rule, evidence, media=media, also=verb.of)
    whole = slices(rule, evidence, media=media)
    return [
        _linear(rule, verb, evidence, scope, part[scope].total(measured), covered.total(measured))
        for scope, covered in whole.items()
    ]


def _linear(rule: Rule, verb: Range, evidence: Evidence, scope: Scope, of: Total, base: Total) -> Check:
    """Judge Σ of − bound · base; the value shown is Σ of / base."""
    low = evidence.scope_bound(verb.min, rule, scope, -np.inf)
    high = evidence.scope_bound(verb.max, rule, scope, np.inf)
    below = low * base.value - of.value if np.isfinite(low) else -np.inf
    above = of.value - high * base.value if np.isfinite(high) else -np.inf
    sizes = [of.size + abs(bound) * base.size for bound in (low, high) if np.isfinite(bound)]
    value = of.value / base.value if base.value else np.nan
    judge = judge_rule(rule, scope_label(rule.each_columns, scope), "scopes")
    judge.add(value, low, high, below=below, above=above, noise=float(rounding(0.0, max(sizes, default=0.0))))
    if not base.size and not of.size:
        judge.remark("empty base")
    return judge.check()
