"""Moments of events: whatever clock they were written by, brought to UTC.

A moment with an offset says what it is. One without is read in a time zone: that of its row (column ``time_zone``),
else the one given. Where clocks are put back an hour stands twice, and its first reading is taken; an hour that clocks
skip is moved to the first moment after. Both are counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.scenario.columns import as_text, plain, row_fault

_MOMENT = r"^\s*\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s*([Zz]|[+-]\d{2}(:?\d{2})?)?)?\s*$"
_OFFSET = r"\d{2}:\d{2}.*([Zz]|[+-]\d{2}(:?\d{2})?)\s*$"
_EXPECTED = "expected a moment such as 2026-03-01T10:30:00+01:00"


@dataclass(frozen=True)
class Moments:
    """Microseconds since 1970 in UTC, a row each, and notes on how they were read."""

    utc: NDArray[np.int64]
    notes: tuple[str, ...]


def read_moments(table: pd.DataFrame, file: str, column: str, zone: str) -> Moments:
    """Read a column of moments.

    Parameters
    ----------
    table : DataFrame
        Its column is text (ISO 8601), dates or timestamps; a column ``time_zone`` names a zone a row where there is
        one.
    file, column : str
        What messages call them.
    zone : str
        The zone of moments without an offset, by its IANA name.

    Raises
    ------
    ScenarioError
        For a moment that is missing or cannot be read, and for a zone that is not known.
    """
    _check_zone(zone, "time_zone")
    series = table[column]
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        _refuse_empty(series, table, file, column)
        if series.dt.tz is not None:
            return Moments(_microseconds(series.dt.tz_convert("UTC").dt.tz_localize(None)), ())
        local, zoned, parsed = series, np.zeros(len(series), bool), None
    elif pd.api.types.is_numeric_dtype(series.dtype):
        row = 0
        raise row_fault(
            file, row, column, plain(series.iloc[row]), f"{_EXPECTED}; a number says no moment", len(series)
        )
    else:
        words = _texts(series)
        _refuse_empty(words, table, file, column)
        held = pa.array(words.array)
        odd = ~pc.match_substring_regex(held, _MOMENT).to_numpy(zero_copy_only=False).astype(bool)
        stamps = pd.to_datetime(words, format="ISO8601", utc=True, errors="coerce")
        odd |= stamps.isna().to_numpy()
        if odd.any():
            row = int(np.argmax(odd))
            raise row_fault(file, row, column, words.iloc[row], _EXPECTED, int(odd.sum()))
        zoned = pc.match_substring_regex(held, _OFFSET).to_numpy(zero_copy_only=False).astype(bool)
        local = stamps.dt.tz_localize(None)
        parsed = local
    notes: list[str] = []
    found = _microseconds(local)
    naive = np.flatnonzero(~zoned)
    if len(naive):
        zones = _zones(table, file, zone)
        # The zone given is looked at once; a column of zones once a zone.
        for one in sorted(set(zones[naive])):
            rows = naive[zones[naive] == one]
            found[rows], said = _localised(local.iloc[rows], one)
            notes += said
        if (parsed is not None and len(naive) < len(found)) or len(set(zones[naive])) > 1:
            counts = [f"{int((~zoned & (zones == one)).sum()):,} in {one}" for one in sorted(set(zones[naive]))]
            with_offset = [f"{int(zoned.sum()):,} by their own offset"] if zoned.any() else []
            notes.insert(0, f"moments of several clocks were brought to UTC: {', '.join([*with_offset, *counts])}")
    return Moments(found, tuple(notes))


def one_moment(value: object, zone: str, place: str) -> int:
    """A single moment as microseconds since 1970 in UTC."""
    frame = pd.DataFrame({"moment": pd.Series([str(value)], dtype="str")})
    try:
        return int(read_moments(frame, place, "moment", zone).utc[0])
    except ScenarioError as error:
        raise ScenarioError(place, "moment", value, error.expectation) from error


def _localised(local: pd.Series, zone: str) -> tuple[NDArray[np.int64], list[str]]:
    """Moments by the clock on the wall of a zone, in UTC."""
    if zone == "UTC":
        return _microseconds(local), []
    first = local.dt.tz_localize(zone, ambiguous=np.ones(len(local), bool), nonexistent="shift_forward")
    second = local.dt.tz_localize(zone, ambiguous=np.zeros(len(local), bool), nonexistent="shift_forward")
    twice = int((first != second).sum())
    skipped = int((first.dt.tz_localize(None) != local).sum())
    notes = []
    if twice:
        notes.append(f"{twice:,} moments stand twice on the clock of {zone} and were taken as the first")
    if skipped:
        notes.append(f"{skipped:,} moments are skipped by the clock of {zone} and were moved to the first after")
    return _microseconds(first.dt.tz_convert("UTC").dt.tz_localize(None)), notes


def _zones(table: pd.DataFrame, file: str, zone: str) -> NDArray[np.object_]:
    """The zone of each row's clock."""
    if "time_zone" not in table.columns:
        return np.full(len(table), zone, dtype=object)
    written = as_text(table["time_zone"]).str.strip()
    words = written.where((written != "") & written.notna(), zone).astype("object")
    codes, names = pd.factorize(words)
    for position, name in enumerate(names):
        try:
            _check_zone(str(name), "time_zone")
        except ScenarioError as error:
            rows = np.flatnonzero(codes == position)
            raise row_fault(file, int(rows[0]), "time_zone", name, error.expectation, len(rows)) from error
    return np.asarray(names, dtype=object)[codes]


def _check_zone(zone: str, place: str) -> None:
    try:
        if not isinstance(zone, str):
            raise TypeError("a zone has a name")
        pd.Timestamp("2026-01-01").tz_localize(zone)
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise ScenarioError("journeys", place, zone, "expected an IANA time zone such as Europe/Paris") from error


def _texts(series: pd.Series) -> pd.Series:
    """Moments as text; Python datetimes by their ISO form."""
    if pd.api.types.is_object_dtype(series.dtype):
        made = [value.isoformat() if hasattr(value, "isoformat") and not pd.isna(value) else value for value in series]
        series = pd.Series(made, index=series.index, dtype=object)
        return series.where(series.notna(), None).astype("str")
    return series.astype("str")


def _refuse_empty(series: pd.Series, table: pd.DataFrame, file: str, column: str) -> None:
    empty = series.isna().to_numpy(bool)
    if empty.any():
        raise row_fault(file, int(np.argmax(empty)), column, "empty", _EXPECTED, int(empty.sum()))


def _microseconds(moments: pd.Series) -> NDArray[np.int64]:
    return np.array(moments.astype("datetime64[us]").to_numpy().astype(np.int64))
