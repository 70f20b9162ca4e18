"""Models that share a conversion by where its touches stand: a weight a touch, adding up to one in every journey.

    first, last, last_non_direct                  all to one touch
    linear                                        the same to every touch
    position_based 40/20/40, j_shaped 20/20/60, inverse_j 60/20/20       first / all between / last
    w_shaped 30/30/30/10                          first / lead / last / all others
    time_decay                                    2^(−age / half-life)

A share for which a journey has no touch goes to the others in proportion: of two touches, 40/20/40 gives a half to
each, 20/20/60 a quarter and three quarters. A touch of two parts takes both shares.

The lead of ``w_shaped`` is the last touch at or before the lead within the journey, where it is told which KPI that is
(Bizible's lead creation touch); where it is not, and in journeys without a lead, the middle touch stands for it. A
journey with an even number of touches has two middle ones, which share.
"""

from __future__ import annotations

import numpy as np

from optimizer.learn.journeys.leads import lead_touch
from optimizer.learn.journeys.paths import Floats, Paths
from optimizer.learn.journeys.transforms import direct_channels

#: Days in which a touch loses half of its weight, where times are known; else touches.
HALF_LIFE_DAYS, HALF_LIFE_TOUCHES = 7.0, 1.0


def first(paths: Paths) -> Floats:
    """All to the first touch."""
    return (paths.position == 0).astype(float)


def last(paths: Paths) -> Floats:
    """All to the last touch."""
    return _at(paths, paths.length - 1)


def last_non_direct(paths: Paths, direct: str | None = None) -> Floats:
    """All to the last touch that has a source; to the last where none has."""
    sourced = np.where(direct_channels(paths, direct)[paths.channel], -1, paths.position)
    found = np.maximum.reduceat(sourced, paths.start[:-1]) if len(paths) else paths.length
    return _at(paths, np.where(found >= 0, found, paths.length - 1))


def linear(paths: Paths) -> Floats:
    """The same to every touch; a channel touched twice counts twice."""
    return 1.0 / np.repeat(paths.length, paths.length)


def anchored(paths: Paths, first: float, middle: float, last: float, others: float) -> Floats:
    """Shares for the first, the middle (or the lead's) and the last touch, and one that all others divide."""
    length, at = np.repeat(paths.length, paths.length), paths.position
    is_first, is_last = at == 0, at == length - 1
    # The middle of 2n touches is n − 1 and n, that of 2n + 1 is n, twice.
    middles = ((at == (length - 1) // 2).astype(float) + (at == length // 2)) / 2.0
    if paths.lead is not None:
        lead = lead_touch(paths)[paths.path]
        middles = np.where(lead >= 0, (at == lead).astype(float), middles)
    weight = first * is_first + last * is_last + middle * middles
    is_other = ~is_first & ~is_last & ((middles == 0) | (middle == 0))
    count = np.bincount(paths.path[is_other], minlength=len(paths))[paths.path]
    weight = weight + others * is_other / np.maximum(count, 1)
    whole = np.bincount(paths.path, weights=weight, minlength=len(paths))[paths.path]
    # Shares that all miss, such as 0/1/0 of two touches, are no reason to lose the conversion.
    return np.where(whole > 0, weight / np.where(whole > 0, whole, 1.0), 1.0 / length)


def time_decay(paths: Paths, half_life: float | None) -> Floats:
    """Twice the weight for every half-life nearer to the conversion: in days where times are known, else in touches."""
    if paths.age is not None:
        distance = paths.age / (half_life or HALF_LIFE_DAYS)
    else:
        distance = (np.repeat(paths.length, paths.length) - 1 - paths.position) / (half_life or HALF_LIFE_TOUCHES)
    # Measured from the latest touch, so that the weights of a long-past journey are not all rounded to 0.
    nearest = np.minimum.reduceat(distance, paths.start[:-1])[paths.path] if len(paths) else distance
    weight = np.exp2(nearest - distance)
    return weight / np.bincount(paths.path, weights=weight, minlength=len(paths))[paths.path]


def _at(paths: Paths, place: np.ndarray) -> Floats:
    return (paths.position == place[paths.path]).astype(float)
