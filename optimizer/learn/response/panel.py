"""The table of spend and response, read and refused where it cannot be: one row a period (and region), sorted.

A series has one column a channel; an observed table is long (channel, [region], [date], spend, response). Both become
panels: rows by region and date, spend by channel, the response, the controls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.response.periods import calendar, counted, shortest_step, stamps_of
from optimizer.scenario.columns import known_codes, numbers, refuse, require, texts
from optimizer.scenario.messages import did_you_mean
from optimizer.scenario.tables import Tables

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: What a spreadsheet may have made of a number.
_NUMBER = r"\s*[-+]?[.,]?\d[\d\s.,'’]*\s*"


@dataclass(frozen=True)
class Panel:
    """Rows by region and period.

    ``position`` counts the periods within each region from 0. ``size`` says how large each region is, 1 on average:
    spend and response are fitted a unit of it. ``price`` is the money a unit of each channel's column stands for (1
    where it is money, or is to stay a volume); ``in_money`` says which; ``by`` is the column of regions. ``notes`` tell
    what was taken, changed or left out.
    """

    file: str
    days: Floats | None
    region: Integers
    regions: tuple[str, ...]
    position: Integers
    response: Floats
    channels: tuple[str, ...]
    spend: Floats
    controls: dict[str, Floats]
    size: Floats
    period: float
    price: Floats
    in_money: tuple[bool, ...]
    by: str | None
    left_out: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.response)

    @property
    def row_size(self) -> Floats:
        """The size of each row's region."""
        return self.size[self.region]


def read_table(source: Any, key: str = "spend") -> tuple[pd.DataFrame, str]:
    """The table and what messages call it; a path is relative to the working folder."""
    if not isinstance(source, str | Path | pd.DataFrame):
        raise ScenarioError(key, "the table", type(source).__name__, "expected a file's path or a DataFrame")
    tables = Tables(Path())
    return tables.read(str(source) if isinstance(source, Path) else source, key), tables.name(source, key)


def read_series(
    table: pd.DataFrame,
    file: str,
    *,
    response: str,
    date: str,
    region: str | None,
    channels: Sequence[str] | None,
    controls: Sequence[str],
    size: str | None,
    costs: Mapping[str, str],
    volumes: Sequence[str],
    date_format: str | None,
) -> Panel:
    """One row a period (and region), one column a channel.

    Raises
    ------
    ScenarioError
        For missing columns, a column of two parts, dates that repeat or leave gaps, spend that is empty or negative, a
        response that is empty or never varies, and when no channel's spend can be told apart.
    """
    named = [response, date, *([region] if region else []), *controls, *([size] if size else []), *(channels or ())]
    named += costs.values()
    require(table, file, *named, *costs, *volumes)
    notes: list[str] = []
    parts: dict[str, Sequence[str | None]] = {
        "response": [response], "date": [date], "region": [region], "controls": controls, "channels": channels or (),
        "costs": [*costs.values()],
    }  # fmt: skip
    _one_part_each(file, parts)
    channels = _channels(table, file, channels, {*named}, notes)
    for place, asked in (("costs", costs), ("volumes", volumes)):
        if strange := [name for name in asked if name not in channels]:
            raise ScenarioError(file, place, strange[0], f"is no channel; {did_you_mean(strange[0], channels)}")
    stamps = stamps_of(table, file, date, date_format)
    codes, regions = _regions(table, file, region)
    order = np.lexsort((stamps, codes))
    codes, stamps = codes[order], stamps[order]
    position, period = calendar(table, file, date, stamps, codes, regions, order)
    values = numbers(table, file, response, required=True, what="a response")[order]
    if not np.ptp(values):
        raise ScenarioError(
            file, f"column {response}", float(values[0]), "never varies; expected a response that spend could explain"
        )
    spend = np.column_stack([_spend(table, file, channel)[order] for channel in channels])
    kept, left_out = _telling(spend, channels, codes)
    if not kept:
        reasons = "; ".join(f"{channel} {reason}" for channel, reason in left_out.items())
        raise ScenarioError(file, "channels", None, f"no spend can be told apart: {reasons}")
    notes += [f"left out: {channel} {reason}" for channel, reason in left_out.items()]
    extra: dict[str, Floats] = {}
    for control in sorted(set(controls)):
        extra.update({name: column[order] for name, column in _control(table, file, control, notes).items()})
    return Panel(
        file=file,
        days=stamps,
        region=codes,
        regions=regions,
        position=position,
        response=values,
        channels=tuple(channels[at] for at in kept),
        spend=spend[:, kept],
        controls=extra,
        size=_sizes(table, file, size, response, values, codes, regions, order),
        period=period,
        price=np.array([_price(table, file, channels[at], costs) for at in kept]),
        in_money=tuple(channels[at] in costs or channels[at] not in volumes for at in kept),
        by=region,
        left_out=left_out,
        notes=tuple(notes),
    )


def read_observed(
    table: pd.DataFrame,
    file: str,
    *,
    response: str,
    spend: str,
    date: str | None,
    region: str | None,
    size: str | None,
    date_format: str | None,
) -> list[Panel]:
    """A long table of spend and the response attributed to it, as one panel a channel.

    Raises
    ------
    ScenarioError
        For missing columns, empty numbers, negative spend, a channel's date that stands twice in a region.
    """
    require(table, file, "channel", spend, response, *([date] if date else []), *([region] if region else []))
    names = _trimmed(table, file, "channel").to_numpy(object)
    money = _spend(table, file, spend)
    # A measured lift may come out below 0: flooring it would lift the curve.
    values = numbers(table, file, response, required=True, what="a response")
    stamps = stamps_of(table, file, date, date_format) if date else None
    codes, regions = _regions(table, file, region)
    step = None if stamps is None else shortest_step(stamps, codes, names)
    panels = []
    for channel in sorted(set(names)):
        rows = np.flatnonzero(names == channel)
        # Without dates rows have no order of their own: by spend, so that the order of the table means nothing.
        keys = (values[rows], money[rows], codes[rows]) if stamps is None else (stamps[rows], codes[rows])
        rows = rows[np.lexsort(keys)]
        here, found = np.unique(codes[rows], return_inverse=True)
        own = found.astype(np.int64)
        if stamps is None:
            position, period = counted(own), float("nan")
        else:
            position, period = calendar(
                table, file, str(date), stamps[rows], own, tuple(regions[k] for k in here), rows, gaps=step
            )
        reason = _silent(money[rows], own) if len(rows) > 1 else "has one observation; expected at least two"
        reason = None if reason == _CONSTANT else reason  # a point beside (0, 0) is a line
        if reason is None and not values[rows].any():
            reason = "has no response at all"
        panels.append(
            Panel(
                file=file,
                days=None if stamps is None else stamps[rows],
                region=own,
                regions=tuple(regions[k] for k in here),
                position=position,
                response=values[rows],
                channels=(str(channel),),
                spend=money[rows][:, None],
                controls={},
                size=_sizes(table, file, size, response, values[rows], own, tuple(regions[k] for k in here), rows),
                period=period,
                price=np.ones(1),
                in_money=(spend == "spend",),
                by=region,
                left_out={str(channel): reason} if reason else {},
                notes=(f"left out: {channel} {reason}",) if reason else (),
            )
        )
    panels = _with_lengths(panels)
    if all(panel.left_out for panel in panels):
        reasons = "; ".join(f"{name} {reason}" for panel in panels for name, reason in panel.left_out.items())
        raise ScenarioError(file, "channels", None, f"no response can be told: {reasons}")
    return panels


def _with_lengths(panels: list[Panel]) -> list[Panel]:
    """Tell where the periods of channels are not equally long: a horizon counts the periods of each."""
    known = {panel.channels[0]: panel.period for panel in panels if np.isfinite(panel.period)}
    if len(set(known.values())) < 2:
        return panels
    said = ", ".join(f"{channel} {days:.3g} days" for channel, days in known.items())
    note = f"periods are not equally long ({said}): a horizon counts the periods of each channel"
    return [replace(panels[0], notes=(*panels[0].notes, note)), *panels[1:]]


_CONSTANT = "has spend that never varies: its response cannot be told from the baseline"


def _silent(spend: Floats, region: Integers) -> str | None:
    """Why nothing can be learnt from this spend; None where something can."""
    if not spend.any():
        return "has no spend at all"
    steady = all(not np.ptp(spend[region == code]) for code in np.unique(region))
    return _CONSTANT if steady else None


def _one_part_each(file: str, parts: Mapping[str, Sequence[str | None]]) -> None:
    """Refuse a column that is asked to be two things, such as a channel and the response it is to explain."""
    known: dict[str, str] = {}
    for part, columns in parts.items():
        for column in columns:
            if column is not None and known.setdefault(column, part) != part:
                words = f"is {known[column]} and {part} at once; expected one part a column"
                raise ScenarioError(file, f"column {column}", None, words)


def _telling(spend: Floats, channels: Sequence[str], region: Integers) -> tuple[list[int], dict[str, str]]:
    """Channels from which something can be learnt, and why not from the others."""
    reasons = {channel: _silent(spend[:, at], region) for at, channel in enumerate(channels)}
    left_out = {channel: reason for channel, reason in reasons.items() if reason}
    return [at for at, channel in enumerate(channels) if channel not in left_out], left_out


def _channels(
    table: pd.DataFrame, file: str, channels: Sequence[str] | None, used: set[str], notes: list[str]
) -> list[str]:
    """The channels named, or every numeric column that has no other part; sorted."""
    if channels is not None:
        if not channels:
            raise ScenarioError(file, "channels", None, "names none; expected a column of spend or more")
        return sorted(set(channels))
    rest = [column for column in table.columns if column not in used]
    numeric = sorted(c for c in rest if table[c].dtype.kind in "fiu" or _mostly_numbers(table[c]))
    if not numeric:
        raise ScenarioError(file, "columns", None, "expected a column of spend for each channel")
    notes.append(f"channels are the numeric columns {', '.join(numeric)}; name others as controls")
    if unused := sorted(set(rest) - set(numeric)):
        notes.append(f"columns not used: {', '.join(unused)}")
    return numeric


def _mostly_numbers(series: pd.Series) -> bool:
    """Whether at least half of its words look like numbers: a cell such as 1,5 must not take a channel from the fit."""
    if not (pd.api.types.is_object_dtype(series.dtype) or pd.api.types.is_string_dtype(series.dtype)):
        return False
    words = series.dropna().astype(str)
    return len(words) > 0 and float(words.str.fullmatch(_NUMBER).mean()) >= 0.5


def _spend(table: pd.DataFrame, file: str, column: str) -> Floats:
    found = numbers(table, file, column, what="spend")
    refuse(np.isnan(found), table, file, column, "expected spend; write 0 where nothing was spent")
    refuse(found < 0, table, file, column, "expected spend of at least 0; book refunds in the period they belong to")
    return found


def _price(table: pd.DataFrame, file: str, channel: str, costs: Mapping[str, str]) -> float:
    """Mean cost of a unit of a channel's volume; 1 where its column is what the curve is to speak of."""
    if channel not in costs:
        return 1.0
    # Sums in the order of the values: the order of the rows must not reach the last digit.
    money, volume = (float(np.sort(_spend(table, file, column)).sum()) for column in (costs[channel], channel))
    if not money > 0:
        raise ScenarioError(file, f"column {costs[channel]}", 0.0, f"holds no cost of {channel}")
    return money / volume


def _regions(table: pd.DataFrame, file: str, region: str | None) -> tuple[Integers, tuple[str, ...]]:
    if region is None:
        return np.zeros(len(table), np.int64), ("",)
    names = _trimmed(table, file, region)
    known = sorted(set(names.tolist()), key=lambda name: name.encode())
    return known_codes(names, table, file, region, known), tuple(known)


def _trimmed(table: pd.DataFrame, file: str, column: str) -> pd.Series:
    """Names; spaces around one are no part of it."""
    names = texts(table, file, column).str.strip()
    refuse((names == "").to_numpy(bool), table, file, column, "expected a name")
    return names


def _sizes(
    table: pd.DataFrame,
    file: str,
    size: str | None,
    response: str,
    values: Floats,
    codes: Integers,
    regions: tuple[str, ...],
    order: Integers,
) -> Floats:
    """The size of each region: the column given, or its mean response; 1 on average."""
    if len(regions) == 1:
        return np.ones(1)
    counts = np.bincount(codes)
    if size is None:
        found = np.bincount(codes, weights=values) / counts
        if (small := found <= 0).any():
            name = regions[int(np.argmax(small))]
            raise ScenarioError(
                file, f"column {response}", float(found[int(np.argmax(small))]),
                f"is the mean of {name}, which says nothing of its size; name a column of sizes (size: population)",
            )  # fmt: skip
    else:
        column = numbers(table, file, size, low=0, required=True, what="a size")
        refuse(column == 0, table, file, size, "expected a size above 0")
        found = np.bincount(codes, weights=column[order]) / counts
    return found / found.mean()


def _control(table: pd.DataFrame, file: str, control: str, notes: list[str]) -> dict[str, Floats]:
    """A number as it stands; words as one indicator a word, but for the most frequent one."""
    series = table[control]
    if pd.api.types.is_bool_dtype(series.dtype):
        return {control: series.fillna(False).to_numpy(float)}
    if series.dtype.kind in "fiu" or _mostly_numbers(series):
        return {control: numbers(table, file, control, required=True)}
    words = texts(table, file, control)
    counts = {str(word): int(number) for word, number in words.value_counts().items()}
    names = sorted(counts, key=lambda word: (-counts[word], word))
    if len(names) > 20:
        raise ScenarioError(
            file, f"column {control}", None, f"holds {len(names)} different words; expected numbers or at most 20 words"
        )
    notes.append(f"{control}: effects are against {names[0]!r}")
    return {f"{control}={name}": np.asarray(words == name, float) for name in sorted(names[1:])}


def choose_region(table: pd.DataFrame, file: str, region: str | None) -> str | None:
    """The region column named, ``region`` where the table has one, else none."""
    if region is not None and region not in table.columns:
        raise ScenarioError(file, f"column {region}", None, f"is missing; {did_you_mean(region, table.columns)}")
    return region if region is not None else "region" if "region" in table.columns else None
