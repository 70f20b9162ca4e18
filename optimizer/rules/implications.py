"""What one local primitive says of another: how large a value can be at most, and how small, while the other holds.

For the value v_r = Σ w_r x of a count or the number of groups of a distinct, over the pairs that can be contacted:

    most                                                    v_r ≤ Σ w_r, or the number of groups the pairs touch
    count s        w_r ≤ k · w_s on every pair           ⇒  v_r ≤ k · upper_s
                   w_s ≤ k · w_r on every pair           ⇒  v_r ≥ lower_s / k
    distinct s     groups and members of r within s      ⇒  v_r ≤ upper_s;  of s within r  ⇒  v_r ≥ lower_s
    count s        r distinct, m groups an activity      ⇒  v_r ≤ m · ⌊k · upper_s⌋
    clash s        every two contacts r counts clash     ⇒  v_r ≤ what one contact adds

Every statement holds for every plan; where none is known the answer is ±inf, never a guess.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from optimizer.problem import Bools, Clash, Count, Distinct, Floats, Ints, Precedence, Units, Weights
from optimizer.rules.base import Context
from optimizer.rules.weights import kept_pairs, on_pairs, product

#: Pairs looked at, over all comparisons of two primitives, before they say nothing more.
WORK = 300_000_000
#: Relative slack of comparisons of sums.
TOLERANCE = 1e-9
Valued = Count | Distinct


def hard_upper(one: Valued) -> Floats:
    """The maximum that no plan may pass, tolerance included, per bound unit."""
    if one.soft is None or not one.soft.max_side:
        return one.upper
    return one.upper + one.soft.tolerance


def hard_lower(one: Valued) -> Floats:
    """The minimum that every plan must reach, tolerance included, per bound unit."""
    lower = one.lower
    if isinstance(one, Distinct) and one.if_contacted:
        lower = np.where(one.touched.any(axis=1), lower, -np.inf)
    if one.soft is None or not one.soft.min_side:
        return lower
    return lower - one.soft.tolerance


def most(context: Context, one: Valued, usable: Bools) -> Floats:
    """The largest value that each bound unit can reach with the usable pairs."""
    pairs = context.facts.pairs
    if isinstance(one, Count):
        rows = np.flatnonzero(usable)
        values = np.maximum(on_pairs(context, one.weights)[rows], 0.0)
        units = one.units.unit[pairs.customer[rows]]
        sums: Floats = np.bincount(units, values, minlength=len(one.units.names)).astype(float)
        return sums[one.bound_units]
    rows = np.flatnonzero(usable & kept_pairs(context, one.members))
    unit, activity = one.units.unit[pairs.customer[rows]], pairs.activity[rows]
    total = np.zeros(len(one.bound_units))
    for group, touched in zip(one.groups, one.touched.T, strict=True):
        has = np.zeros(len(one.units.names), bool)
        has[unit[group[activity]]] = True
        total += has[one.bound_units] & ~touched
    return total


def without(context: Context, one: Valued, usable: Bools, reach: Floats, gone: Bools) -> Floats:
    """The reach once some of the usable pairs are gone; only their units are counted again."""
    rows = np.flatnonzero(gone)
    if not len(rows):
        return reach
    pairs = context.facts.pairs
    if isinstance(one, Count):
        lost = np.bincount(
            one.units.unit[pairs.customer[rows]], on_pairs(context, one.weights)[rows], minlength=len(one.units.names)
        )
        return reach - lost[one.bound_units]
    hit = np.zeros(len(one.units.names), bool)
    hit[one.units.unit[pairs.customer[rows]]] = True
    left = most(context, one, usable & ~gone & hit[one.units.unit[pairs.customer]])
    return np.where(hit[one.bound_units], left, reach)


def ceiling(context: Context, other: Count | Distinct | Clash, one: Valued, usable: Bools) -> Floats:
    """What each bound unit of ``one`` can reach at most while the other primitive holds; inf where it says nothing."""
    nothing = np.full(len(one.bound_units), np.inf)
    if isinstance(other, Clash):
        return _under_clash(context, other, one, usable, nothing)
    upper = hard_upper(other)
    if not np.isfinite(upper).any():
        return nothing
    if isinstance(other, Distinct):
        if isinstance(one, Count) or not _below(context, one.members, other.members, usable):
            return nothing
        place = _same_groups(one, other)
        at = _places(other, one)
        if place is None:
            return nothing
        known = (other.touched[at][:, place] <= one.touched).all(axis=1)
        return np.where((at >= 0) & known, upper[at], np.inf)
    counted = one.weights if isinstance(one, Count) else one.members
    ratio = _ratio(context, counted, other.weights, usable)
    if not 0 < ratio < np.inf:
        return nothing
    at = _places(other, one)
    allowed = np.where(at >= 0, ratio * upper[at], np.inf)
    if isinstance(one, Distinct):
        allowed = np.floor(allowed + TOLERANCE) * _groups_of_one(context, one, usable)
    return allowed


def floor(context: Context, other: Valued, one: Valued, usable: Bools) -> Floats:
    """What each bound unit of ``one`` reaches at least while the other primitive holds; -inf where it says nothing."""
    nothing = np.full(len(one.bound_units), -np.inf)
    lower = hard_lower(other)
    if not np.isfinite(lower).any() or other.units.kind != one.units.kind:
        return nothing
    at = _places(other, one)
    if isinstance(one, Distinct):
        if isinstance(other, Count) or not _below(context, other.members, one.members, usable):
            return nothing
        place = _same_groups(other, one)
        if place is None:
            return nothing
        known = (one.touched[:, place] <= other.touched[at]).all(axis=1)
        return np.where((at >= 0) & known, lower[at], -np.inf)
    asked = np.where(at >= 0, lower[at], -np.inf)
    counted = other.weights if isinstance(other, Count) else other.members
    if isinstance(other, Distinct):
        asked = np.ceil(asked / max(1, _groups_of_one(context, other, usable)) - TOLERANCE)
    ratio = _ratio(context, counted, one.weights, usable)
    return np.where(asked > 0, asked / ratio, -np.inf) if 0 < ratio < np.inf else nothing


# --- pairs of contacts ----------------------------------------------------------------------------------------


def clashing(context: Context, one: Clash, usable: Bools) -> Bools:
    """Which activities hold two distinct usable contacts of one unit that clash, (A, A), first in rows."""
    first, then = usable & kept_pairs(context, one.first), usable & kept_pairs(context, one.then)
    f, t = (_by_unit(context, one.units, mask) for mask in (first, then))
    together = np.asarray((f.T @ t).todense())
    both = _by_unit(context, one.units, first & then)
    # A contact does not clash with itself: of one activity, two customers of a household are needed.
    same = np.asarray(f.multiply(t).sum(axis=0)).ravel() - np.asarray(both.sum(axis=0)).ravel()
    np.fill_diagonal(together, same)
    return one.follows & (together > 0)


def clash_within(context: Context, other: Clash, one: Clash, usable: Bools) -> bool:
    """Whether every clash of ``one`` is a clash of the other."""
    return (
        _contains(other.units, one.units)
        and bool((one.follows <= other.follows).all())
        and _below(context, one.first, other.first, usable)
        and _below(context, one.then, other.then, usable)
    )


def clash_capped(context: Context, others: list[Count], one: Clash, open_: Bools, usable: Bools) -> bool:
    """Whether hard caps leave room for one contact alone wherever two would clash (``open_``, from ``clashing``)."""
    open_ = open_.copy()
    for other in others:
        whole = len(other.bound_units) == len(other.units.names) and _contains(other.units, one.units)
        if not open_.any() or not whole or other.weights.pair is not None or (hard_upper(other) >= 2).any():
            continue
        weights = other.weights.activity
        alone = np.ones(len(open_), bool) if weights is None else weights * other.weights.factor >= 1
        looked_at = Weights(activity=alone.astype(float), customer=other.weights.customer)
        inside = Weights(activity=alone.astype(float))
        if all(_below(context, product(side, inside), looked_at, usable) for side in (one.first, one.then)):
            open_ &= ~(alone[:, None] & alone[None, :])
    return not open_.any()


def needing(context: Context, one: Precedence, usable: Bools) -> tuple[Bools, Bools]:
    """Usable contacts that need another, and those of them for which none is usable, both (E,)."""
    pairs = context.facts.pairs
    what = usable & kept_pairs(context, one.what)
    enabler = usable & kept_pairs(context, one.enabler)
    itself = enabler & one.enables.diagonal()[pairs.activity]
    what &= ~itself
    have = _by_unit(context, one.units, enabler) @ sp.csr_array(one.enables.T.astype(float))
    rows = np.flatnonzero(what)
    found = sp.coo_array(have[one.units.unit[pairs.customer[rows]], pairs.activity[rows]]).toarray().ravel()
    without = np.zeros(len(what), bool)
    without[rows[found == 0]] = True
    return what, without


def precedence_within(context: Context, other: Precedence, one: Precedence, usable: Bools) -> bool:
    """Whether what ``one`` asks for is asked by the other."""
    return (
        one.units.kind == other.units.kind
        and bool((other.enables <= one.enables).all())
        and _below(context, one.what, other.what, usable)
        and _below(context, other.enabler, one.enabler, usable)
    )


def impossible(context: Context, one: Count | Distinct | Clash | Precedence, usable: Bools) -> Bools:
    """Usable pairs that the primitive alone forbids, (E,): heavier than a hard cap, or in need of what is not there."""
    none = np.zeros(len(usable), bool)
    if isinstance(one, Precedence) and one.soft is None:
        return needing(context, one, usable)[1]
    if isinstance(one, Count) and np.isfinite(upper := hard_upper(one)).any():
        weights = on_pairs(context, one.weights)
        limit = np.full(len(one.units.names), np.inf)
        limit[one.bound_units] = upper
        allowed = limit[one.units.unit[context.facts.pairs.customer]]
        if (weights[usable] >= 0).all():
            return usable & (weights > allowed + TOLERANCE * np.maximum(1.0, np.abs(allowed)))
    return none


# --- parts ----------------------------------------------------------------------------------------------------


def _contains(outer: Units, inner: Units) -> bool:
    """Whether every unit of ``inner`` lies in one of ``outer``."""
    return inner.kind in ("customer", outer.kind)


def _places(other: Valued, one: Valued) -> Ints:
    """For each bound unit of ``one`` the position of its unit among those the other binds, -1 where it binds none."""
    if not _contains(other.units, one.units):
        return np.full(len(one.bound_units), -1, np.int32)
    position = np.full(len(other.units.names), -1, np.int32)
    position[other.bound_units] = np.arange(len(other.bound_units), dtype=np.int32)
    unit = one.bound_units if one.units.kind == other.units.kind else other.units.unit[one.bound_units]
    return position[unit]


def _same_groups(small: Distinct, large: Distinct) -> Ints | None:
    """For each group of ``small`` the same group of ``large``, or None when one is missing."""
    index = {row.tobytes(): place for place, row in enumerate(large.groups)}
    places = [index.get(row.tobytes(), -1) for row in small.groups]
    return np.array(places, np.int32) if places and min(places) >= 0 else None


def _groups_of_one(context: Context, one: Distinct, usable: Bools) -> int:
    """How many groups one usable contact touches at most."""
    seen = np.unique(context.facts.pairs.activity[usable & kept_pairs(context, one.members)])
    return int(one.groups[:, seen].sum(axis=0).max(initial=0))


def _ratio(context: Context, small: Weights, large: Weights, usable: Bools) -> float:
    """The least k with small ≤ k · large on every usable pair; inf when there is none, or none is looked for.

    Both are not negative.
    """
    pairs = context.facts.pairs
    count = len(context.facts.activities)
    seen = context.remembered(("eligible activities",), lambda: np.bincount(pairs.activity, minlength=count) > 0)
    a, b = (np.ones(len(seen)) if w.activity is None else w.activity for w in (small, large))
    if (seen & (a > 0) & (b <= 0)).any():
        return np.inf
    if small.pair is large.pair and (small.customer is large.customer or large.customer is None):
        # The parts that differ are few: compare activities.
        of_customers = 1.0 if small.customer is None else float(small.customer.max(initial=0.0))
        most_of = 1.0 if large.customer is small.customer else of_customers
        return _greatest(a[seen] * small.factor * most_of, b[seen] * large.factor)
    work = context.remembered(("lint work",), lambda: [WORK])
    work[0] -= len(pairs)
    if work[0] < 0:
        return np.inf
    return _greatest(on_pairs(context, small)[usable], on_pairs(context, large)[usable])


def _greatest(small: Floats, large: Floats) -> float:
    positive = small > 0
    if (large[positive] <= 0).any():
        return np.inf
    return float(np.max(small[positive] / large[positive], initial=0.0))


def _below(context: Context, small: Weights, large: Weights, usable: Bools) -> bool:
    """Whether small ≤ large on every usable pair."""
    return _ratio(context, small, large, usable) <= 1.0


def _by_unit(context: Context, units: Units, mask: Bools) -> sp.csr_array:
    """Number of the mask's pairs a unit and activity, (U, A)."""
    pairs = context.facts.pairs
    rows = np.flatnonzero(mask)
    place = units.unit[pairs.customer[rows]], pairs.activity[rows]
    shape = (len(units.names), len(context.facts.activities))
    return sp.csr_array(sp.coo_array((np.ones(len(rows)), place), shape=shape))


def _under_clash(context: Context, other: Clash, one: Valued, usable: Bools, nothing: Floats) -> Floats:
    """What one contact adds, where every two contacts that count would clash."""
    if other.soft is not None or not _contains(other.units, one.units):
        return nothing
    weights = one.weights if isinstance(one, Count) else one.members
    counted = np.ones(len(other.follows), bool) if weights.activity is None else weights.activity > 0
    if (
        isinstance(one, Count)
        and not (other.follows | other.follows.T | np.eye(len(counted), dtype=bool))[np.ix_(counted, counted)].all()
    ):
        return nothing
    members = usable & kept_pairs(context, weights)
    first, then = kept_pairs(context, other.first), kept_pairs(context, other.then)
    pairs = context.facts.pairs
    count = len(context.facts.activities)
    # An activity counts as first (then) only if all its members are.
    lacks_first, lacks_then = np.zeros(count, bool), np.zeros(count, bool)
    lacks_first[pairs.activity[members & ~first]] = True
    lacks_then[pairs.activity[members & ~then]] = True
    either = other.follows & ~lacks_first[:, None] & ~lacks_then[None, :]
    seen = np.unique(pairs.activity[members])
    either = (either | either.T)[np.ix_(seen, seen)]
    if isinstance(one, Count):
        distinct = ~np.eye(len(seen), dtype=bool) if one.units.kind == "customer" else np.ones_like(either)
        if not either[distinct].all():
            return nothing
        heaviest = on_pairs(context, one.weights)[members].max(initial=0.0)
        return np.full(len(nothing), float(heaviest))
    groups = one.groups[:, seen]
    if (groups.sum(axis=0) > 1).any():
        return nothing
    # Contacts of one group may be made together; of two groups, every two clash.
    shared = groups.T.astype(int) @ groups.astype(int) > 0
    touching = np.asarray(groups.any(axis=0), bool)
    apart = touching[:, None] & touching[None, :] & np.logical_not(shared)
    return np.ones(len(nothing)) if either[apart].all() else nothing
