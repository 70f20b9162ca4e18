"""From events to journeys: what led to each conversion, and what led to none.

For each KPI on its own: a conversion closes a journey, and the next touch of that customer begins another. The touches
since the last conversion belong to the next one, those of its very moment included, as far back as the lookback window
reaches. All other touches form journeys without conversion, which end where the customer pauses for longer than the
window. So every touch counts once for every KPI, and none is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.given_numbers import is_positive
from optimizer.learn.journeys.events import DAY, Events, unit_labels
from optimizer.learn.journeys.exact_sums import sums_by, total
from optimizer.learn.journeys.leads import Reached
from optimizer.learn.journeys.order import joint_key
from optimizer.learn.journeys.paths import Paths
from optimizer.scenario.messages import did_you_mean

#: Microseconds.
MINUTE = 60_000_000

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cut:
    """Journeys by KPI, single ones with their times, and conversions that no touch led to.

    Parameters
    ----------
    paths : dict of str to Paths
        Their names are the labels of the events' units.
    unattributed : DataFrame
        kpi, conversions, value: those without a touch in the window.
    reached : dict of str to Reached
        When each KPI was reached.
    notes : tuple of str
    """

    paths: dict[str, Paths]
    unattributed: pd.DataFrame
    reached: dict[str, Reached]
    notes: tuple[str, ...]


def cut(events: Events, lookback: float | Mapping[str, float] | None, session: float | None) -> Cut:
    """Cut events into journeys.

    Parameters
    ----------
    events : Events
        Sorted.
    lookback : float or mapping, optional
        Days before a conversion in which a touch counts; by channel where it is a mapping, whose key ``*`` stands for
        all others. Without it, all touches since the last conversion count.
    session : float, optional
        Minutes: touches of one customer on one channel and campaign that follow each other within so many are one
        touch, dated by the first.

    Raises
    ------
    ScenarioError
        For a window that is not above 0 or names a channel which is in no event, and events without any touch.
    """
    window = _windows(events, lookback)
    touches = np.flatnonzero(events.unit >= 0)
    notes: list[str] = []
    if session is not None:
        if not is_positive(session):
            raise ScenarioError("journeys", "session", session, "expected minutes above 0")
        again = _same_session(events, touches, round(session * MINUTE))
        notes.append(f"{int(again.sum()):,} touches follow one of the same session and count with it")
        touches = touches[~again]
    if not len(touches):
        raise ScenarioError("journeys", "channel", None, "expected touches; every row is a conversion alone")
    labels = unit_labels(events.units)
    key = joint_key(events.customer, events.moment)
    paths, lost, times = {}, [], {}
    for position, kpi in enumerate(events.kpis):
        reached = np.flatnonzero(events.kpi == position)
        paths[kpi], missed = _toward(events, labels, touches, reached, key, window, events.valued[position])
        times[kpi] = Reached(events.customer[reached], events.moment[reached])
        lost.append({"kpi": kpi, "conversions": missed[0], "value": missed[1] if events.valued[position] else np.nan})
        if missed[0]:
            worth = f" worth {missed[1]:,.2f}" if events.valued[position] else ""
            within = "" if lookback is None else " in the window"
            notes.append(
                f"{kpi}: {missed[0]:,.10g} conversions{worth} have no touch before them{within} and are credited to "
                "no one"
            )
    return Cut(paths, pd.DataFrame(lost), times, tuple(notes))


def _toward(
    events: Events, labels: tuple[str, ...], touches: Ints, reached: Ints, key: Ints, window: Floats | None,
    valued: bool,
) -> tuple[Paths, tuple[float, float]]:  # fmt: skip
    """Journeys toward one KPI, and conversions (and value) that no touch led to."""
    # Conversions of one customer at one moment close one journey together.
    moments, which = np.unique(key[reached], return_inverse=True)
    first = np.full(len(moments), len(key), np.int64)
    np.minimum.at(first, which, reached)
    conversions = sums_by(which, events.conversions[reached], len(moments))
    value = sums_by(which, events.value[reached], len(moments))
    next_one = np.searchsorted(moments, key[touches])
    inside = next_one < len(moments)
    at = first[np.where(inside, next_one, 0)] if len(moments) else np.zeros(len(touches), np.int64)
    inside &= events.customer[np.minimum(at, len(key) - 1)] == events.customer[touches] if len(moments) else False
    age = np.where(inside, events.moment[at] - events.moment[touches], 0) if len(moments) else np.zeros(len(touches))
    segment = np.where(inside, next_one, -1)
    if window is not None:
        inside &= age <= window[events.unit[touches]]
    led, rest = touches[inside], touches[~inside]
    pieces = _pieces(events, rest, segment[~inside], None if window is None else float(window.max()))
    served, journey = np.unique(next_one[inside], return_inverse=True)
    count = int(pieces.max(initial=-1)) + 1
    length = np.concatenate((np.bincount(journey, minlength=len(served)), np.bincount(pieces, minlength=count)))
    missed = np.ones(len(moments), bool)
    missed[served] = False
    # A journey without conversion ends with its last touch.
    last = np.append(np.flatnonzero(np.diff(pieces)), len(pieces) - 1) if len(pieces) else np.zeros(0, np.int64)
    end = np.concatenate((events.moment[first[served]], events.moment[rest[last]]))
    return (
        Paths(
            labels,
            np.concatenate(([0], np.cumsum(length))),
            events.unit[np.concatenate((led, rest))].astype(np.int32),
            np.concatenate((conversions[served], np.zeros(count))),
            np.concatenate((value[served], np.zeros(count))),
            np.concatenate((np.zeros(len(served)), np.ones(count))),
            valued=valued,
            age=np.concatenate((age[inside], events.moment[rest[last]][pieces] - events.moment[rest])) / DAY,
            end=end,
            customer=np.concatenate((events.customer[first[served]], events.customer[rest[last]])),
        ),
        (total(conversions[missed]), total(value[missed])),
    )


def _pieces(events: Events, rest: Ints, segment: Ints, pause: float | None) -> Ints:
    """Which journey without conversion each remaining touch belongs to, numbered as they come."""
    if not len(rest):
        return np.zeros(0, np.int64)
    customer, moment = events.customer[rest], events.moment[rest]
    new = (customer[1:] != customer[:-1]) | (segment[1:] != segment[:-1])
    if pause is not None:
        new |= moment[1:] - moment[:-1] > pause
    return np.append(0, np.cumsum(new)).astype(np.int64)


def _same_session(events: Events, touches: Ints, minutes: int) -> NDArray[np.bool_]:
    """Whether a touch follows another of the same customer and unit closely, none other between them."""
    customer, moment, unit = events.customer[touches], events.moment[touches], events.unit[touches]
    close = (customer[1:] == customer[:-1]) & (unit[1:] == unit[:-1]) & (moment[1:] - moment[:-1] <= minutes)
    return np.append(False, close) if len(touches) else np.zeros(0, bool)


def _windows(events: Events, lookback: float | Mapping[str, float] | None) -> Floats | None:
    """The window of each unit in microseconds."""
    if lookback is None:
        return None
    channels = events.units["channel"].tolist()
    asked = lookback if isinstance(lookback, Mapping) else {"*": lookback}
    for channel, days in asked.items():
        if channel != "*" and channel not in channels:
            raise ScenarioError("journeys", "lookback", channel, f"is no channel; {did_you_mean(channel, channels)}")
        if not is_positive(days):
            raise ScenarioError("journeys", "lookback", days, "expected days above 0")
    if "*" not in asked and (left := [one for one in channels if one not in asked]):
        raise ScenarioError("journeys", f"lookback.{left[0]}", None, "is missing; give its days, or * for all others")
    return np.array([asked.get(one, asked.get("*", np.nan)) for one in channels], float) * DAY
