"""Journeys from events as a clerk would cut them: one customer after the other, one event after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple


class Event(NamedTuple):
    """Days since some date (a fraction is an hour), the channel touched if any, the KPI reached if any, its value."""

    customer: str
    day: float
    channel: str | None
    kpi: str | None
    value: int


def cut(events: Iterable[Event], kpi: str, lookback: float | None) -> tuple[Counter[tuple], tuple[int, int]]:
    """Journeys as (path, converts, value) with how often each came, and conversions (and value) without a touch."""
    found: Counter[tuple] = Counter()
    missed = [0, 0]
    events = list(dict.fromkeys(events))
    for customer in {event.customer for event in events}:
        own = [event for event in events if event.customer == customer]
        touches = sorted((event.day, event.channel) for event in own if event.channel is not None)
        reached = sorted({event.day for event in own if event.kpi == kpi})
        open_: list[tuple[float, str]] = list(touches)
        for moment in reached:
            now = [touch for touch in open_ if touch[0] <= moment]
            open_ = [touch for touch in open_ if touch[0] > moment]
            near = [touch for touch in now if lookback is None or moment - touch[0] <= lookback]
            far = [touch for touch in now if touch not in near]
            events_here = [event for event in own if event.kpi == kpi and event.day == moment]
            value = sum(event.value for event in events_here)
            if near:
                found[(tuple(channel for _, channel in near), len(events_here), value)] += 1
            else:
                missed[0] += len(events_here)
                missed[1] += value
            _lose(far, lookback, found)
        _lose(open_, lookback, found)
    return found, (missed[0], missed[1])


def _lose(touches: list[tuple[float, str]], lookback: float | None, found: Counter[tuple]) -> None:
    piece: list[tuple[float, str]] = []
    for touch in touches:
        if piece and lookback is not None and touch[0] - piece[-1][0] > lookback:
            found[(tuple(channel for _, channel in piece), 0, 0)] += 1
            piece = []
        piece.append(touch)
    if piece:
        found[(tuple(channel for _, channel in piece), 0, 0)] += 1
