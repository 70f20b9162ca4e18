"""Windows of local rules: which contacts are counted together, ours and past, and which windows others imply.

    window of d:  the dates d − D + 1 … d, for every distinct activity date d
    a maximum binds every window; a minimum those inside the horizon (the horizon itself if it is shorter than D)

Without ``days`` there is one window: the horizon, with the committed contacts inside it and no history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from optimizer.errors import ScenarioError
from optimizer.problem import Bools, Floats
from optimizer.rules.base import Context
from optimizer.rules.measures import in_horizon
from optimizer.rules.volume import windows as dated_windows
from optimizer.scenario.rule_schema import Rule


@dataclass(frozen=True)
class LocalWindow:
    """A set of dates counted together.

    Attributes
    ----------
    label : str
        ``2026-03-06 to 2026-03-12``, or empty for the horizon.
    activities : bool (A,)
        Activities that land in it.
    past : bool (P,)
        Past contacts that count in it.
    minimum, maximum : bool
        Which bounds it is for.
    """

    label: str
    activities: Bools
    past: Bools
    minimum: bool
    maximum: bool


def local_windows(context: Context, rule: Rule, days: int | None) -> list[LocalWindow]:
    """The windows of a local rule, by their last date.

    Raises
    ------
    ScenarioError
        When the rule speaks of days and the scenario has no dates.
    """
    facts = context.facts
    if days is None:
        return [LocalWindow("", np.ones(len(facts.activities), bool), in_horizon(context), True, True)]
    if not facts.dated:
        raise ScenarioError(
            context.scenario.source,
            f"rule {rule.name!r}, {rule.verb}.days",
            days,
            "expected waves with dates to count days by",
        )
    of_past = facts.past["days"].to_numpy()
    return [
        LocalWindow(
            window.label,
            (facts.days >= window.first) & (facts.days <= window.last),
            (of_past >= window.first) & (of_past <= window.last),
            window.minimum,
            window.maximum,
        )
        for window in dated_windows(facts.days, days)
    ]


@dataclass(frozen=True)
class BoundWindow:
    """A window with what is left of the bounds once the past is counted: ``lower`` and ``upper`` (U,), ±inf = none."""

    window: LocalWindow
    lower: Floats
    upper: Floats


def remaining(window: LocalWindow, lower: Floats, upper: Floats, past: Floats) -> BoundWindow:
    """What the past leaves of the bounds: a maximum never below 0, and no minimum that nothing more is needed for."""
    least, most = np.broadcast_to(-np.inf, len(lower)), np.broadcast_to(np.inf, len(upper))
    if window.minimum:
        least = _each(lambda bound, held: np.where(bound - held > 0, bound - held, -np.inf), lower, past)
    if window.maximum:
        most = _each(lambda bound, held: np.maximum(0.0, bound - held), upper, past)
    return BoundWindow(window, least, most)


def binding(found: list[BoundWindow], counted: Bools, drop_implied: bool) -> Iterator[BoundWindow]:
    """The windows that can bind, without the bounds that a neighbouring window implies.

    Parameters
    ----------
    found : list of BoundWindow
        By their last date.
    counted : bool (A,)
        Activities with at least one pair that counts.
    drop_implied : bool
        Whether to drop a maximum that a larger window with no larger bound implies, and a minimum that a smaller one
        with no smaller bound implies. Right for hard rules alone: of soft ones each window pays.

    Yields
    ------
    BoundWindow
        Windows where some unit keeps a bound.
    """
    inside = [one.window.activities & counted for one in found]
    for k, one in enumerate(found):
        lower, upper = one.lower, one.upper
        for other in (k - 1, k + 1) if drop_implied else ():
            if not 0 <= other < len(found):
                continue
            within, around = bool((inside[k] <= inside[other]).all()), bool((inside[other] <= inside[k]).all())
            # Of two windows that say the same the earlier one stays, so that they never drop each other.
            first = other < k or not (within and around)
            smaller, larger = (np.less_equal, np.greater_equal) if first else (np.less, np.greater)
            if within:
                upper = _each(partial(_unless, smaller, np.inf), found[other].upper, upper)
            if around:
                lower = _each(partial(_unless, larger, -np.inf), found[other].lower, lower)
        if _some(lower) or (_some(upper) and inside[k].any()):
            yield BoundWindow(one.window, lower, upper)


def _unless(implies: np.ufunc, none: float, other: Floats, own: Floats) -> Floats:
    """Own bounds, and none where those of another window imply them."""
    return np.where(implies(other, own), none, own)


def _each(change: Callable[[Floats, Floats], Floats], left: Floats, right: Floats) -> Floats:
    """What ``change`` makes of two numbers a unit; where all are equal, a view that takes no memory a unit."""
    if len(left) and left.strides == (0,) and right.strides == (0,):
        return np.broadcast_to(change(left[:1], right[:1])[0], left.shape)
    found = change(left, right)
    if len(found) and (found[:1000] == found[0]).all() and (found == found[0]).all():
        return np.broadcast_to(found[0], found.shape)
    return found


def _some(bounds: Floats) -> bool:
    """Whether some unit has a bound."""
    first = bounds[:1] if bounds.strides == (0,) else bounds
    return bool(np.isfinite(first).any())
