"""Checks of which offers go together: k-of-n, A ⇒ B, B only after A, never A with B, never A then B.

k-of-n counts distinct offers with a contact. ``requires`` and ``only_after`` look for what each contact needs,
``never`` for pairs of two distinct contacts whose dates clash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.plan.columns import text_of, words_of
from optimizer.plan.records import Records, Rows, Scope
from optimizer.plan.verify.alike import Kinds, gathered, kinds_of
from optimizer.plan.verify.apart import bundles_of, parts_of
from optimizer.plan.verify.clashes import Near, all_near, none_clash, none_near
from optimizer.plan.verify.evidence import Evidence, Filter, rows_in, scope_label
from optimizer.plan.verify.judge import EXAMPLES, Check, Judge, judge_rule, listed
from optimizer.plan.verify.neighbours import FAR, neighbour_counts, neighbours
from optimizer.plan.verify.units import Compact, Longs, UnitNames
from optimizer.scenario.facts import Bools
from optimizer.scenario.rule_schema import Never, OnlyAfter, Requires, Rule, Targets


def check_targets(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check that each unit is in at least min and at most max of the named offers.

    The maximum is read like every cap: max(bound, what committed contacts already touch). The minimum binds units with
    enough eligible offers among those named.
    """
    targets = rule.targets
    assert isinstance(targets, Targets)
    alike = _check_targets_alike(rule, targets, evidence)
    return _check_targets_each(rule, targets, evidence) if alike is None else alike


def _check_targets_each(rule: Rule, targets: Targets, evidence: Evidence) -> list[Check]:
    """Look at every unit with a contact, ours or booked, or one that it could have."""
    units, plan, booked = evidence.units(rule.per), evidence.plan, evidence.booked
    named = list(dict.fromkeys(targets.among))
    each = rule.each_columns
    ours = plan.scopes(each, plan.holds(rule.where))
    theirs = booked.scopes(each, booked.holds(rule.where))
    carried = _carried(evidence.facts.activities["offers"], named)
    able = _able(rule, targets, evidence, carried)
    member, member_booked = carried[:, plan.activity], _carried(booked_offers(booked), named)
    fewest = -np.inf if targets.min is None else float(targets.min)
    most = np.inf if targets.max is None else float(targets.max)
    checks = []
    for scope in evidence.scopes(rule):
        own, other = rows_in(ours, scope), rows_in(theirs, scope)
        unit, unit_booked = units.of[plan.customer[own]], units.of[booked.customer[other]]
        unit_able = [units.of[rows_in(found, scope)] for found in able]
        seen = Compact(len(units), unit, unit_booked, *unit_able)
        new, past, total, eligible = (np.zeros(len(seen), dtype=np.int64) for _ in range(4))
        for k in range(len(named)):
            mine = _touched(seen, unit[member[k][own]])
            before = _touched(seen, unit_booked[member_booked[k][other]])
            new, past, total = new + mine, past + before, total + (mine | before)
            eligible += _touched(seen, unit_able[k])
        binds = (eligible >= fewest) & np.isfinite(fewest)
        asked = binds & (total > 0) if targets.if_contacted else binds
        looked_at = np.flatnonzero(asked | ((new > 0) & np.isfinite(most)))
        judge = judge_rule(rule, scope_label(each, scope), "customers" if rule.per is None else "households")
        judge.add(
            total[looked_at],
            np.where(asked, fewest, -np.inf)[looked_at],
            np.maximum(most, past)[looked_at],
            name=lambda k: units.name(int(seen.at[looked_at[k]])),
        )
        if targets.min is not None:
            unasked = evidence.population(rule.where, units)
            unasked[seen.at[binds]] = False
            _remark_unasked(judge, targets, units, np.flatnonzero(unasked))
        checks.append(judge.check())
    return checks


def _check_targets_alike(rule: Rule, targets: Targets, evidence: Evidence) -> list[Check] | None:
    """Look at customers of one bundle who are booked, and could be contacted, alike; None where the rule asks more."""
    parts = None if rule.per is not None else parts_of(evidence, rule.each_columns, rule.where)
    if parts is None:
        return None
    bundles, units = bundles_of(evidence), evidence.units(None)
    named = list(dict.fromkeys(targets.among))
    carried, count = _carried(evidence.facts.activities["offers"], named), len(named)
    known = _known_of_customers(rule, targets, evidence, named, carried)
    fewest = -np.inf if targets.min is None else float(targets.min)
    most = np.inf if targets.max is None else float(targets.max)
    checks = []
    for scope in evidence.scopes(rule):
        kinds = known(scope)
        alike = gathered(bundles, [kinds], None)
        of_kind = kinds.table[alike.kinds[0]].astype(bool)
        inside, population, met, before, eligible = np.split(of_kind, [1, 2, 3, 3 + count], axis=1)
        held = bundles.holds & parts[scope].activities
        touched = np.column_stack([(held & offer).any(axis=1) for offer in carried])
        mine: Bools = np.logical_and(touched[alike.bundle], inside)
        any_held: Bools = np.asarray(held.any(axis=1))
        seen = (any_held[alike.bundle] & inside[:, 0]) | met[:, 0] | eligible.any(axis=1)
        new, past, total = (np.count_nonzero(flags, axis=1) for flags in (mine, before, mine | before))
        binds = seen & (np.count_nonzero(eligible, axis=1) >= fewest) & np.isfinite(fewest)
        asked = binds & (total > 0) if targets.if_contacted else binds
        judge = judge_rule(rule, scope_label(rule.each_columns, scope), "customers")
        judge.add_alike(
            total.astype(np.float64),
            np.where(asked, fewest, -np.inf),
            np.maximum(most, past),
            alike.number,
            alike.row,
            counted=asked | ((new > 0) & np.isfinite(most)),
            noise=np.zeros(len(total)),
            name=units.name,
        )
        if targets.min is not None:
            unasked = population[:, 0] & ~binds
            _remark_unasked(judge, targets, units, np.flatnonzero(alike.spread(unasked)) if unasked.any() else ())
        checks.append(judge.check())
    return checks


def _known_of_customers(
    rule: Rule, targets: Targets, evidence: Evidence, named: list[str], carried: Bools
) -> Callable[[Scope], Kinds]:
    """Scope -> what is known of each customer without our contacts.

    Whether the filters keep it, whether the population is it, whether it is booked, by which of the offers, and which
    of them it could be contacted for.
    """
    each, booked = rule.each_columns, evidence.booked
    part = evidence.columns.apart(rule.where)
    assert part is not None

    def make() -> dict[Scope, Kinds]:
        count = len(evidence.facts.customers)
        theirs, member = booked.scopes(each, booked.holds(rule.where)), _carried(booked_offers(booked), named)
        able = _able(rule, targets, evidence, carried)
        inside = np.ones(count, dtype=bool) if part.customers is None else part.customers
        population = evidence.population(rule.where, evidence.units(None))

        def among(rows: Rows) -> Bools:
            flags = np.zeros(count, dtype=bool)
            flags[rows] = True
            return flags

        found = {}
        for scope in evidence.scopes(rule):
            rows = rows_in(theirs, scope)
            before = [among(booked.customer[rows[flags[rows]]]) for flags in member]
            eligible = [among(rows_in(offer, scope)) for offer in able]
            flags = [inside, population, among(booked.customer[rows]), *before, *eligible]
            found[scope] = kinds_of(count, flags)
        return found

    available = "" if targets.min is None else evidence.words_of_available
    if available is None:
        found = make()
    else:
        key = ("targets", tuple(named), tuple(each), words_of(rule.where), targets.min is None, available)
        found = evidence.columns.kept.of(key, make)
    return lambda scope: found[scope]


def _able(rule: Rule, targets: Targets, evidence: Evidence, carried: Bools) -> list[dict[Scope, Rows]]:
    """Who has an eligible contact of each offer, after hard excludes and control, where a minimum asks."""
    if targets.min is None:
        return [{} for _ in carried]
    return [evidence.available.customers(rule.each_columns, rule.where, only=offer) for offer in carried]


def _remark_unasked(judge: Judge, targets: Targets, units: UnitNames, left: Sequence[int] | Rows) -> None:
    """Say of whom the minimum is not asked."""
    if len(left):
        names = listed([units.name(int(k)) for k in left[:EXAMPLES]], len(left))
        judge.remark(f"minimum not asked of {names}: fewer than {targets.min} of these offers eligible")


def booked_offers(booked: Records) -> pd.Series:
    """The offers of each booked contact."""
    assert booked.past is not None
    return booked.past["offers"]


def _carried(source: pd.Series, named: list[str]) -> Bools:
    """Which rows carry each of the named offers, shape (offers, R)."""
    kind, kinds = pd.factorize(source.to_numpy(object))
    texts = [{text_of(offer) for offer in offers} for offers in kinds]
    return np.array([[name in offers for offers in texts] for name in named], dtype=bool).reshape(len(named), -1)[
        :, kind
    ]


def _touched(seen: Compact, units: Longs) -> Bools:
    """Which of the units looked at are among these."""
    touched = np.zeros(len(seen), dtype=bool)
    touched[seen.places(units)] = True
    return touched


def check_requires(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check that each of our contacts that matches ``if`` has one that matches ``then``, in any order."""
    requires = rule.requires
    assert isinstance(requires, Requires)
    plan, booked, units = evidence.plan, evidence.booked, evidence.units(rule.per)
    key = units.of[plan.customer]
    if requires.same == "wave":
        wave, names = pd.factorize(evidence.facts.activities["wave"])
        key = key * max(1, len(names)) + wave[plan.activity]
    checks = []
    for scope, needing, enabling, enabling_booked in _scoped(rule, evidence, booked, requires.if_, requires.then):
        enablers = key[enabling]
        if requires.same is None:  # committed contacts have no waves
            enablers = np.concatenate([enablers, units.of[booked.customer[enabling_booked]]])
        checks.append(_needs(rule, scope, evidence, len(needing), needing[~np.isin(key[needing], enablers)]))
    return checks


def check_only_after(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check that each of our contacts that matches ``what`` has an ``after`` min to max days before it, history too."""
    only = rule.only_after
    assert isinstance(only, OnlyAfter)
    low, high = -(FAR if only.days.max is None else only.days.max), -only.days.min
    matched = all_near(rule, evidence, Near(only.what, only.after, low, high))
    if matched is not None:
        labels = [(scope_label(rule.each_columns, scope), number) for scope, number in matched.items()]
        return [_needs(rule, label, evidence, number, np.empty(0, np.int64)) for label, number in labels]
    plan, past, units = evidence.plan, evidence.past, evidence.units(rule.per)
    checks = []
    for scope, needing, enabling, enabling_past in _scoped(rule, evidence, past, only.what, only.after):
        unit, day = units.of[plan.customer[needing]], plan.days[needing]
        found = neighbour_counts(unit, day, units.of[plan.customer[enabling]], plan.days[enabling], low, high)
        past_unit, past_day = units.of[past.customer[enabling_past]], past.days[enabling_past]
        found += neighbour_counts(unit, day, past_unit, past_day, low, high)
        checks.append(_needs(rule, scope, evidence, len(needing), needing[found == 0]))
    return checks


def _scoped(
    rule: Rule, evidence: Evidence, past: Records, first: Filter, second: Filter
) -> list[tuple[str, Rows, Rows, Rows]]:
    """Every scope's label, our contacts that match the first filter, ours and the past's that match the second."""
    plan, each = evidence.plan, rule.each_columns
    looked_at, looked_at_past = plan.holds(rule.where), past.holds(rule.where)
    needing = plan.scopes(each, looked_at & plan.holds(first))
    enabling = plan.scopes(each, looked_at & plan.holds(second))
    enabling_past = past.scopes(each, looked_at_past & past.holds(second))
    return [
        (scope_label(each, scope), rows_in(needing, scope), rows_in(enabling, scope), rows_in(enabling_past, scope))
        for scope in evidence.scopes(rule)
    ]


def _needs(rule: Rule, scope: str, evidence: Evidence, number: int, missing: Rows) -> Check:
    """Give the row of a rule that each contact keeps or not: the number without what they need, at most 0."""
    judge = judge_rule(rule, scope, "contacts")
    judge.each_pays(len(missing), lambda k: contact_name(evidence.plan, int(missing[k])))
    judge.remark(f"{number} contacts need another")
    return judge.check()


def contact_name(records: Records, row: int) -> str:
    """How a note calls a contact of ours."""
    customer = records.facts.customers["customer_id"].iloc[records.customer[row]]
    return f"{customer} {records.facts.activities['activity'].iloc[records.activity[row]]}"


def check_never(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check that no two distinct contacts of a unit clash, ours with ours and ours with the past.

    ``first, then``: 0 ≤ date(then) − date(first) ≤ days; ``together``: |difference| ≤ days.
    """
    never = rule.never
    assert isinstance(never, Never)
    units, plan = evidence.units(rule.per), evidence.plan
    past = evidence.booked if never.days is None else evidence.past
    reach = FAR if never.days is None else never.days
    if never.together is not None:
        first, second = never.together
        low = -reach
    else:
        assert never.first is not None
        assert never.then is not None
        first, second, low = never.first, never.then, 0
    near = [Near(first, second, low, reach), Near(second, first, -reach, -low)]
    if none_near(rule, evidence, near[0], near, booked=never.days is None):
        return none_clash(rule, evidence)
    ours = [plan.scopes(rule.each_columns, plan.holds(rule.where) & plan.holds(f)) for f in (first, second)]
    theirs = [past.scopes(rule.each_columns, past.holds(rule.where) & past.holds(f)) for f in (first, second)]
    checks = []
    for scope in evidence.scopes(rule):
        clashes = clashing_pairs(plan, past, units, *(rows_in(f, scope) for f in (*ours, *theirs)), low=low, high=reach)
        judge = judge_rule(rule, scope_label(rule.each_columns, scope), "pairs")
        judge.each_pays(len(clashes), lambda k: contact_name(plan, int(clashes[k, 0])))
        checks.append(judge.check())
    return checks


def clashing_pairs(
    plan: Records,
    past: Records,
    units: UnitNames,
    first: Rows,
    then: Rows,
    past_first: Rows,
    past_then: Rows,
    *,
    low: int,
    high: int,
) -> NDArray[np.int64]:
    """Distinct unordered pairs with low ≤ date(then) − date(first) ≤ high.

    Rows of shape (pairs, 2): one of ours, and the other; a past one is numbered from len(plan) on.
    """

    def near(records: Records, rows: Rows, others: Records, other_rows: Rows) -> tuple[Rows, Rows]:
        left, right = neighbours(
            units.of[records.customer[rows]],
            records.days[rows],
            units.of[others.customer[other_rows]],
            others.days[other_rows],
            low,
            high,
        )
        return rows[left], other_rows[right]

    own_first, own_then = near(plan, first, plan, then)
    distinct = own_first != own_then
    after, booked = near(plan, first, past, past_then)
    booked_before, before = near(past, past_first, plan, then)
    shift = len(plan)
    one = np.concatenate([np.minimum(own_first, own_then)[distinct], after, before])
    other = np.concatenate([np.maximum(own_first, own_then)[distinct], booked + shift, booked_before + shift])
    count = shift + len(past)
    pairs = np.unique(one.astype(np.int64) * count + other)
    return np.column_stack([pairs // count, pairs % count]) if len(pairs) else np.empty((0, 2), np.int64)
