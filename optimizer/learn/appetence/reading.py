"""A contact history as it comes: its columns under our names, texts as text, moments with their hour.

The tables of a scenario keep the day of a timestamp; what is learned from a history needs the hour, too, so it is read
here.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.scenario.columns import plain, row_fault
from optimizer.scenario.messages import did_you_mean, found_file
from optimizer.scenario.tables import Tables

_SEPARATORS = ",;\t|"


def read_raw(source: Any, names: Mapping[str, str] | None, folder: Path) -> tuple[pd.DataFrame, str]:
    """Read a history, rename its columns, and say what messages call it.

    Parameters
    ----------
    source : str, Path, dict or DataFrame
        CSV (also gzipped), Parquet, ``{sql, url}``, or a frame; a path is relative to ``folder``.
    names : mapping, optional
        Our name of a column to the table's own, for example ``{"customer_id": "CustomerID"}``.

    Raises
    ------
    ScenarioError
        When it is missing, broken or empty, or ``names`` speaks of a column that is not there.
    """
    if isinstance(source, pd.DataFrame):
        frame, file = source.reset_index(drop=True), "history (DataFrame)"
    elif isinstance(source, str | Path):
        frame, file = _file(Path(source), folder), str(source)
    else:
        frame, file = Tables(folder).read(source, "history"), Tables(folder).name(source, "history")
    if not len(frame):
        raise ScenarioError(file, "the table", None, "is empty; expected at least one event")
    for ours, theirs in (names or {}).items():
        if theirs not in frame.columns:
            raise ScenarioError(file, f"column {theirs}", None, f"is missing; {did_you_mean(theirs, frame.columns)}")
        if ours != theirs and ours in frame.columns:
            raise ScenarioError(file, f"column {ours}", None, f"stands beside {theirs}, which is to take its name")
    return frame.rename(columns={theirs: ours for ours, theirs in (names or {}).items()}), file


def _file(path: Path, folder: Path) -> pd.DataFrame:
    file = found_file(path if path.is_absolute() else folder / path, str(path))
    try:
        if file.suffix == ".parquet":
            return pd.read_parquet(file)
        if not file.name.lower().endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")):
            raise ScenarioError(str(path), "file", None, "expected .csv, .csv.gz or .parquet")
        with (gzip.open if file.suffix == ".gz" else open)(file, "rt", encoding="utf-8-sig") as stream:
            separator = max(_SEPARATORS, key=stream.readline().count)
        # Texts as they stand: typing by what a column holds would lose leading zeros of identifiers.
        return pd.read_csv(file, sep=separator, dtype=str, keep_default_na=False, na_values=[""])
    except (OSError, UnicodeDecodeError, EOFError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ScenarioError(str(path), "file", None, f"cannot be read: {words}") from error
    except ValueError as error:
        raise ScenarioError(str(path), "file", None, f"cannot be read: {str(error).splitlines()[0]}") from error


def moments(table: pd.DataFrame, file: str, column: str, time_zone: str) -> pd.Series:
    """A column of moments as datetime64[s], local to ``time_zone``; NaT where empty.

    Moments with a zone of their own are brought to ``time_zone``; those without are taken as local.
    """
    series = table[column]
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        local = series.dt.tz_convert(time_zone).dt.tz_localize(None) if series.dt.tz is not None else series
        return local.astype("datetime64[s]")
    words = series.astype("str").str.strip().where(series.notna())
    words = words.str.replace(r"\s*(?:GMT|UTC)$", "Z", regex=True)
    zoned = words.str.contains(r"[T ]\d{2}.*(?:Z|[+-]\d{2}:?\d{2})$", regex=True, na=False)
    made = np.full(len(words), np.datetime64("NaT", "s"))
    if zoned.any():
        with_zone = pd.to_datetime(words[zoned], format="ISO8601", errors="coerce", utc=True)
        made[zoned.to_numpy(bool)] = with_zone.dt.tz_convert(time_zone).dt.tz_localize(None).to_numpy("datetime64[s]")
    if not zoned.all():
        plainly = pd.to_datetime(words[~zoned], format="ISO8601", errors="coerce")
        made[~zoned.to_numpy(bool)] = plainly.to_numpy("datetime64[s]")
    found = pd.Series(made, index=words.index)
    bad = (found.isna() & words.notna() & (words != "")).to_numpy(bool)
    if bad.any():
        row = int(np.argmax(bad))
        expectation = "expected a date or a moment, written YYYY-MM-DD or YYYY-MM-DD HH:MM:SS"
        raise row_fault(file, row, column, plain(series.iloc[row]), expectation, int(bad.sum()))
    return found
