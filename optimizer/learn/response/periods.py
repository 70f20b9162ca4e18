"""Periods of a table: its dates, the period of each row within its region, and how long a period is."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.scenario.columns import dates, refuse, row_fault

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def stamps_of(table: pd.DataFrame, file: str, date: str, date_format: str | None) -> Floats:
    """Days since 1970."""
    series = table[date]
    if date_format is not None and not pd.api.types.is_datetime64_any_dtype(series.dtype):
        words = series.astype("str")
        found = pd.to_datetime(words, format=date_format, errors="coerce")
        refuse(found.isna().to_numpy(bool), table, file, date, f"expected a date written {date_format}")
        return found.to_numpy("datetime64[D]").astype(float)
    return dates(table, file, date).to_numpy("datetime64[D]").astype(float)


def counted(region: Integers) -> Integers:
    """Positions within each region, whose rows stand together."""
    starts = np.flatnonzero(np.append(True, region[1:] != region[:-1]))
    return np.arange(len(region)) - np.repeat(starts, np.diff(np.append(starts, len(region))))


def calendar(
    table: pd.DataFrame,
    file: str,
    date: str,
    stamps: Floats,
    codes: Integers,
    regions: tuple[str, ...],
    order: Integers,
    *,
    gaps: float | None = None,
) -> tuple[Integers, float]:
    """The period of each row within its region, and the length of a period in days.

    Periods are of equal length, or months. ``gaps``: periods may be missing, as none was spent; they are so many days
    long, as those of other channels, unless the rows here do not fit into them.
    """
    same = codes[1:] == codes[:-1]
    steps = np.diff(stamps)
    if (twice := same & (steps == 0)).any():
        at = int(np.argmax(twice)) + 1
        where = f" in {regions[codes[at]]}" if regions != ("",) else ""
        raise row_fault(file, int(order[at]), date, _day(stamps[at]), f"stands twice{where}; one row a period")
    inside = steps[same]
    if not len(inside):
        return np.zeros(len(stamps), np.int64), float("nan")
    days = stamps.astype("datetime64[D]")
    monthly = len(np.unique(days - days.astype("datetime64[M]"))) == 1 and inside.min() >= 28
    shortest = float(inside.min())
    if gaps is not None and not np.any(inside % gaps):
        shortest = gaps
    index = days.astype("datetime64[M]").astype(float) if monthly else stamps / shortest
    starts = np.flatnonzero(np.append(True, ~same))
    index = index - np.repeat(index[starts], np.diff(np.append(starts, len(index))))
    odd = np.append(False, same & (np.diff(index) != 1)) if gaps is None else np.abs(index - np.round(index)) > 1e-9
    if odd.any():
        at = int(np.argmax(odd))
        step = "a month" if monthly else f"{inside.min():g} day{'s' * bool(inside.min() != 1)}"
        raise row_fault(
            file,
            int(order[at]),
            date,
            _day(stamps[at]),
            f"comes {stamps[at] - stamps[at - 1]:g} days after the one before; expected {step} between any two "
            "(a period without spend is a row of zeros)",
            int(odd.sum()),
        )
    return np.round(index).astype(np.int64), 365.25 / 12 if monthly else shortest


def shortest_step(stamps: Floats, codes: Integers, names: NDArray[np.object_]) -> float | None:
    """The least number of days between two rows of one channel and region; None where none has two."""
    frame = pd.DataFrame({"stamp": stamps, "code": codes, "name": names}).sort_values("stamp")
    steps = frame.groupby(["name", "code"])["stamp"].diff().to_numpy(float)
    steps = steps[steps > 0]
    return float(steps.min()) if len(steps) else None


def _day(stamp: float) -> str:
    return str(np.datetime64(int(stamp), "D"))
