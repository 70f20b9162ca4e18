"""Checks of what a customer may receive in a window of days.

``contacts`` counts, ``pressure`` weighs, ``packages`` counts distinct dates, ``duplicates`` counts the contacts of one
value of a column, ``cost_per_customer`` adds up unit costs. A window ends on each activity date. Ours ≤ max(0, bound −
past) is read as: ours and past together ≤ max(bound, past); a minimum counts both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from optimizer.plan.bundles import counted
from optimizer.plan.records import Records
from optimizer.plan.verify.alike import Kinds, gathered, smallest
from optimizer.plan.verify.apart import bundles_of, loads_of, parts_of, scale_of
from optimizer.plan.verify.evidence import Evidence, days_text, rows_in, scope_label
from optimizer.plan.verify.judge import EXAMPLES, Check, Judge, judge_rule, listed, rounding
from optimizer.plan.verify.units import Compact, Longs, UnitNames
from optimizer.scenario.facts import Floats
from optimizer.scenario.rule_schema import Contacts, CostPerCustomer, Duplicates, Packages, Pressure, Rule

WindowRule = Contacts | Pressure | Packages | Duplicates | CostPerCustomer
EVER = (-(10**9), 10**9)
#: Kinds of units (so much of ours, so much of the past, such bounds) that are worth judging apart.
KINDS = 1 << 16


class Load:
    """Contacts of one scope, of ours or of the past: each one's unit, day and weight.

    Parameters
    ----------
    unit, day : int64 (n,)
    weight : float64 (n,), optional
        One each unless given. Those of a unit are added in the order given.
    """

    def __init__(self, unit: Longs, day: Longs, weight: Floats | None = None) -> None:
        self.given, self.weight = unit, weight
        since = day - int(day.min(initial=0))
        self.order = np.argsort(since.astype(np.uint16) if since.max(initial=0) < 1 << 16 else since, kind="stable")
        self.unit, self.day = unit[self.order], day[self.order]

    def counts(self, start: int, end: int, size: int, scale: int) -> Longs:
        """What each unit's contacts count in a window, times ``scale``, which makes it whole; shape (size,)."""
        low, high = np.searchsorted(self.day, [start, end + 1])
        if self.weight is None:
            return np.bincount(self.unit[low:high], minlength=size)
        return (np.bincount(self.unit[low:high], self.weight[self.order[low:high]], size) * scale).astype(np.int64)

    def totals(self, start: int, end: int, size: int) -> Floats:
        """What the contacts of each unit weigh in a window, shape (size,)."""
        low, high = np.searchsorted(self.day, [start, end + 1])
        rows = np.sort(self.order[low:high])
        return np.bincount(self.given[rows], None if self.weight is None else self.weight[rows], size).astype(float)


@dataclass(frozen=True)
class Bounds:
    """What the units looked at may receive: a cap and a floor each, ±inf where there is none."""

    cap: Floats
    floor: Floats

    @cached_property
    def kinds(self) -> tuple[Floats, Floats, Longs]:
        """The distinct (cap, floor), and which of them each unit has."""
        (caps, of_cap), (floors, of_floor) = _distinct(self.cap), _distinct(self.floor)
        return np.repeat(caps, len(floors)), np.tile(floors, len(caps)), of_cap * len(floors) + of_floor


def _distinct(values: Floats) -> tuple[Floats, Longs]:
    if not len(values) or (values == values[0]).all():
        return values[:1], np.zeros(len(values), np.int64)
    found, kind = np.unique(values, return_inverse=True)
    return found, kind.astype(np.int64)


def check_window(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check any of the window verbs, one row a scope."""
    verb: WindowRule = getattr(rule, rule.verb)
    each = [*rule.each_columns, verb.of] if isinstance(verb, Duplicates) else rule.each_columns
    alike = _check_alike(rule, verb, each, evidence)
    return _check_each(rule, verb, each, evidence) if alike is None else alike


def _check_each(rule: Rule, verb: WindowRule, each: list[str], evidence: Evidence) -> list[Check]:
    """Look at every contact: whatever a rule asks."""
    units, plan = evidence.units(rule.per), evidence.plan
    past = evidence.booked if verb.days is None else evidence.past
    ours = plan.scopes(each, plan.holds(rule.where))
    theirs = past.scopes(each, past.holds(rule.where))
    # a minimum binds who has an eligible contact, after hard excludes and control
    able = evidence.available.customers(each, rule.where) if verb.min is not None else {}
    weight, past_weight = _weights(rule.verb, evidence, past)
    checks = []
    for scope in evidence.scopes(rule, each=each):
        own, other = rows_in(ours, scope), rows_in(theirs, scope)
        asked = np.unique(units.of[rows_in(able, scope)])
        unit, past_unit = units.of[plan.customer[own]], units.of[past.customer[other]]
        seen = Compact(len(units), unit, asked)
        place, past_place = seen.places(unit), seen.places(past_unit)
        other, past_place = other[past_place >= 0], past_place[past_place >= 0]
        load = Load(place, plan.days[own], None if weight is None else weight[own])
        before = Load(past_place, past.days[other], None if past_weight is None else past_weight[other])
        if rule.verb == "packages":
            load, before = _dates(load, before)
        of_rule = scope[: len(rule.each_columns)]
        floor = np.full(len(seen), -np.inf)
        floor[seen.places(asked)] = evidence.unit_bounds(verb.min, rule, of_rule, units, asked, -np.inf)
        bounds = Bounds(evidence.unit_bounds(verb.max, rule, of_rule, units, seen.at, np.inf), floor)
        noun = "customers" if rule.per is None else "households"
        judge = judge_rule(rule, scope_label(each, scope), noun if verb.days is None else f"windows of {noun}")
        weights = [one.weight for one in (load, before) if one.weight is not None]
        scale = scale_of(*weights, bounds.cap, floor) if weights else 1
        for (start, end), capped, floored in _windows(verb, evidence):
            words = "" if verb.days is None else f" to {days_text(end)}"
            names = _Names(units, seen.unit, words)
            _judge_window(judge, load, before, (start, end), scale, bounds, names, capped=capped, floored=floored)
        if verb.min is not None:
            _remark_unasked(judge, evidence, rule, units, asked)
        checks.append(judge.check())
    return checks


def _check_alike(rule: Rule, verb: WindowRule, each: list[str], evidence: Evidence) -> list[Check] | None:
    """Look at customers who are alike, for a cap on what their activities count; None where the rule asks more."""
    if rule.per is not None or verb.min is not None or rule.verb not in ("contacts", "pressure", "duplicates"):
        return None
    parts = parts_of(evidence, each, rule.where)
    if parts is None:
        return None
    facts, bundles, units = evidence.facts, bundles_of(evidence), evidence.units(None)
    weighted = rule.verb == "pressure"
    weight = facts.pressure if weighted else np.ones(len(facts.days))
    windows = [window for window, _, _ in _windows(verb, evidence)]
    past = loads_of(evidence, each, [rule.where], windows, booked=verb.days is None, weighted=weighted)
    caps, capped = _caps(verb, evidence)
    checks = []
    for scope in evidence.scopes(rule, each=each):
        part, loads = parts[scope], past(scope)
        own = np.where(part.activities, weight, 0.0)
        of_rule = scope[: len(rule.each_columns)]
        caps_here = np.array([evidence.scope_bound(verb.max, rule, of_rule, np.inf)]) if caps is None else caps
        scale = _common(loads.scale, scale_of(own, caps_here)) if weighted else 1
        if scale is None:
            return None
        alike = gathered(bundles, [loads.kinds, capped], part.customers)
        judge = judge_rule(rule, scope_label(each, scope), "customers" if verb.days is None else "windows of customers")
        for k, (start, end) in enumerate(windows):
            inside = (facts.days >= start) & (facts.days <= end)
            mine = counted(bundles.holds, np.where(inside, own * scale, 0.0))[alike.bundle]
            theirs = loads.kinds.table[alike.kinds[0], k] * (scale // (loads.scale or 1))
            shape = int(mine.max(initial=0)) + 1, int(theirs.max(initial=0)) + 1, len(caps_here)
            if shape[0] * shape[1] * shape[2] > KINDS:
                return None
            kind = (mine * shape[1] + theirs) * shape[2] + alike.kinds[1]
            number = np.bincount(kind, alike.number, shape[0] * shape[1] * shape[2]).astype(np.int64)
            names = _Names(units, alike.customer, "" if verb.days is None else f" to {days_text(end)}")
            bounds = caps_here, np.full(len(caps_here), -np.inf)
            of_customer = partial(alike.spread, kind)
            _judge_kinds(
                judge, shape, number, of_customer, scale, bounds, names, capped=True, floored=False, real=weighted
            )
        checks.append(judge.check())
    return checks


def _caps(verb: WindowRule, evidence: Evidence) -> tuple[Floats | None, Kinds]:
    """The distinct caps of customers, ascending, and who has which; None of a bound that is a scope's."""
    if not isinstance(verb.max, str):
        return None, Kinds(None, np.zeros((1, 1), dtype=np.int64))
    bound = verb.max

    def make() -> tuple[Floats, Kinds]:
        caps, kind = _distinct(evidence.customer_bounds(bound, np.inf))
        every = np.arange(len(caps), dtype=np.int64)[:, None]
        return caps, Kinds(kind.astype(smallest(len(caps))) if len(caps) > 1 else None, every)

    return evidence.columns.kept.of(("caps", bound), make)


def _common(one: int | None, other: int | None) -> int | None:
    """The larger of two scales, none where either is."""
    return None if one is None or other is None else max(one, other)


@dataclass(frozen=True)
class _Names:
    """How a note calls what a unit receives in a window."""

    units: UnitNames
    unit: Callable[[int], int]
    words: str

    def __call__(self, k: int) -> str:
        return self.units.name(self.unit(k)) + self.words


def _remark_unasked(judge: Judge, evidence: Evidence, rule: Rule, units: UnitNames, asked: Longs) -> None:
    unasked = evidence.population(rule.where, units)
    unasked[asked] = False
    left = np.flatnonzero(unasked)
    if len(left):
        names = listed([units.name(int(k)) for k in left[:EXAMPLES]], len(left))
        judge.remark(f"minimum not asked of {names}: nothing eligible")


def _weights(verb: str, evidence: Evidence, past: Records) -> tuple[Floats | None, Floats | None]:
    plan, frame = evidence.plan, past.past
    assert plan.pair is not None
    assert frame is not None
    if verb == "pressure":
        return evidence.facts.pressure[plan.activity], frame["pressure"].to_numpy(np.float64)
    if verb == "cost_per_customer":
        return evidence.facts.pairs.unit_cost[plan.pair], frame["cost"].to_numpy(np.float64)
    return None, None


def _judge_window(
    judge: Judge,
    load: Load,
    before: Load,
    window: tuple[int, int],
    scale: int | None,
    bounds: Bounds,
    names: _Names,
    *,
    capped: bool,
    floored: bool,
) -> None:
    """Judge what every unit receives in a window, by kinds where it can be counted."""
    size, real = len(bounds.cap), load.weight is not None
    if scale is None:
        ours, past = load.totals(*window, size), before.totals(*window, size)
        _judge(judge, ours, past, bounds, names, capped=capped, floored=floored, real=real)
        return
    counts = load.counts(*window, size, scale), before.counts(*window, size, scale)
    _judge_counts(judge, *counts, scale, bounds, names, capped=capped, floored=floored, real=real)


def _judge_counts(
    judge: Judge,
    ours: Longs,
    past: Longs,
    scale: int,
    bounds: Bounds,
    names: _Names,
    *,
    capped: bool,
    floored: bool,
    real: bool,
) -> None:
    """Judge what is counted: units that receive as much of ours and of the past, under the same bounds, are alike."""
    caps, floors, bound = bounds.kinds
    shape = int(ours.max(initial=0)) + 1, int(past.max(initial=0)) + 1, len(caps)
    if shape[0] * shape[1] * shape[2] > KINDS:
        _judge(judge, ours / scale, past / scale, bounds, names, capped=capped, floored=floored, real=real)
        return
    kind = ours
    for width, part in zip(shape[1:], (past, bound), strict=True):
        kind = kind * width + part if width > 1 else kind
    number = np.bincount(kind, minlength=shape[0] * shape[1] * shape[2])
    of_bound = caps, floors
    _judge_kinds(judge, shape, number, lambda: kind, scale, of_bound, names, capped=capped, floored=floored, real=real)


def _judge_kinds(
    judge: Judge,
    shape: tuple[int, int, int],
    number: Longs,
    kind: Callable[[], Longs],
    scale: int,
    of_bound: tuple[Floats, Floats],
    names: _Names,
    *,
    capped: bool,
    floored: bool,
    real: bool,
) -> None:
    """Judge ``number`` units of each kind: so much of ours, so much of the past, such a cap and floor."""
    caps, floors = of_bound
    mine, theirs, bound = (part.ravel() for part in np.indices(shape))
    # a cap binds who receives something of ours in the window; a minimum also who does not
    binding = (capped & (mine > 0)) | (floored & np.isfinite(floors[bound]))
    upper = np.maximum(caps[bound], theirs / scale) if capped else np.full(len(bound), np.inf)
    lower = floors[bound] if floored else np.full(len(bound), -np.inf)
    total = (mine + theirs) / scale
    noise = _noise(lower, upper, total) if real else np.zeros(len(total))
    judge.add_alike(total, lower, upper, number, kind, counted=binding, noise=noise, name=names)


def _judge(
    judge: Judge,
    ours: Floats,
    past: Floats,
    bounds: Bounds,
    names: _Names,
    *,
    capped: bool,
    floored: bool,
    real: bool,
) -> None:
    """Judge each unit by itself."""
    looked_at = np.flatnonzero((capped & (ours > 0)) | (floored & np.isfinite(bounds.floor)))
    upper = np.maximum(bounds.cap[looked_at], past[looked_at]) if capped else np.full(len(looked_at), np.inf)
    lower = bounds.floor[looked_at] if floored else np.full(len(looked_at), -np.inf)
    total = ours[looked_at] + past[looked_at]
    noise = _noise(lower, upper, total) if real else 0.0
    judge.add(total, lower, upper, noise=noise, name=lambda k: names(int(looked_at[k])))


def _noise(lower: Floats, upper: Floats, total: Floats) -> Floats:
    return rounding(np.where(np.isfinite(upper), upper, lower), total)


def _windows(verb: WindowRule, evidence: Evidence) -> list[tuple[tuple[int, int], bool, bool]]:
    """The windows, and whether each has a cap and a minimum."""
    if verb.days is None:
        return [(EVER, verb.max is not None, verb.min is not None)]
    caps = [(end - verb.days + 1, end) for end in evidence.window_ends] if verb.max is not None else []
    floors = evidence.minimum_windows(verb.days) if verb.min is not None else []
    return [(window, window in caps, window in floors) for window in sorted({*caps, *floors})]


def _dates(load: Load, before: Load) -> tuple[Load, Load]:
    """The distinct dates of each unit: new ones of ours, and those of the past."""
    days = np.concatenate([load.day, before.day])
    first = int(days.min(initial=0))
    span = int(days.max(initial=0)) - first + 1
    past = np.unique(before.unit * span + (before.day - first))
    ours = np.setdiff1d(load.unit * span + (load.day - first), past)
    mine, theirs = (Load(keys // span, keys % span + first) for keys in (ours, past))
    return mine, theirs
