"""Columns with a meaning: identifiers, numbers, dates and flags taken from a table, with the row of the first fault."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.scenario.messages import did_you_mean

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: How often a table may list all names before looking each up is as quick.
_TIMES = 16
_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})


def require(table: pd.DataFrame, file: str, *columns: str) -> None:
    """Raise when a column is missing."""
    for column in columns:
        if column not in table.columns:
            hint = did_you_mean(column, table.columns)
            raise ScenarioError(file, f"column {column}", None, f"is missing; {hint}")


def row_fault(file: str, row: int, column: str, value: object, expectation: str, count: int = 1) -> ScenarioError:
    """The error of one cell; rows are counted from 1, the header apart."""
    more = f" (and {count - 1} further row{'s' * (count > 2)})" if count > 1 else ""
    return ScenarioError(file, f"row {row + 1}, column {column}", value, expectation + more)


def refuse(bad: Bools, table: pd.DataFrame, file: str, column: str, expectation: str) -> None:
    """Raise for the first row of ``bad``, if there is one."""
    if bad.any():
        row = int(np.argmax(bad))
        raise row_fault(file, row, column, plain(table[column].iloc[row]), expectation, int(bad.sum()))


def plain(value: Any) -> Any:
    """A cell as a message shows it."""
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return "empty"
    return value.item() if isinstance(value, np.generic) else value


def numbers(
    table: pd.DataFrame,
    file: str,
    column: str,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    required: bool = False,
    what: str = "a number",
) -> Floats:
    """A column as float64, NaN where empty.

    Raises
    ------
    ScenarioError
        For the first cell that is no finite number, lies outside [low, high], or is empty though ``required``.
    """
    series = table[column]
    span = (
        ""
        if np.isinf(low) and np.isinf(high)
        else f" of at least {low:g}"
        if np.isinf(high)
        else f" from {low:g} to {high:g}"
    )
    expectation = f"expected {what}{span}"
    if pd.api.types.is_bool_dtype(series.dtype) or not pd.api.types.is_numeric_dtype(series.dtype):
        values = (
            pd.to_numeric(series, errors="coerce") if not pd.api.types.is_datetime64_any_dtype(series.dtype) else None
        )
        filled = series.notna().to_numpy(bool)
        if values is None or pd.api.types.is_bool_dtype(series.dtype):
            refuse(filled, table, file, column, expectation)
            return np.full(len(series), np.nan)
        array = values.to_numpy(float, na_value=np.nan)
        bad = filled & np.isnan(array)
        comma = bad.any() and "," in str(series.iloc[int(np.argmax(bad))])
        refuse(bad, table, file, column, expectation + (" (with a decimal point)" if comma else ""))
    else:
        array = series.to_numpy(float, na_value=np.nan)
    refuse(np.isinf(array), table, file, column, f"expected {what} that is finite")
    with np.errstate(invalid="ignore"):
        refuse((array < low) | (array > high), table, file, column, expectation)
    if required:
        refuse(np.isnan(array), table, file, column, expectation)
    return array


def texts(table: pd.DataFrame, file: str, column: str, *, required: bool = True) -> pd.Series:
    """A column of identifiers as text (``str`` dtype), missing where empty."""
    found = as_text(table[column])
    if required:
        refuse(found.isna().to_numpy(bool), table, file, column, "expected a value")
    return found


def dates(table: pd.DataFrame, file: str, column: str, *, required: bool = True) -> pd.Series:
    """A column as datetime64[s] at midnight, NaT where empty; the reader has already moved timestamps to their day."""
    series = table[column]
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        found = series.astype("datetime64[s]")
    else:
        words = series.astype("str") if not series.isna().all() else pd.Series(np.nan, index=series.index, dtype="str")
        words = words.where(series.notna())
        parsed = pd.to_datetime(words, format="%Y-%m-%d", errors="coerce")
        if (odd := parsed.isna() & words.notna()).any():
            stamps = pd.to_datetime(words[odd], format="ISO8601", errors="coerce", utc=True)
            parsed[odd] = stamps.dt.tz_localize(None).dt.floor("D")
        refuse(
            (parsed.isna() & words.notna()).to_numpy(bool), table, file, column, "expected a date written YYYY-MM-DD"
        )
        found = parsed.astype("datetime64[s]")
    if required:
        refuse(found.isna().to_numpy(bool), table, file, column, "expected a date written YYYY-MM-DD")
    return found


def flags(table: pd.DataFrame, file: str, column: str) -> Bools:
    """A true/false column; empty is false. Takes 1/0 and yes/no too."""
    series = table[column]
    if pd.api.types.is_bool_dtype(series.dtype):
        return series.fillna(False).to_numpy(bool)
    words = as_text(series).str.lower()
    bad = words.notna() & ~words.isin(_TRUE | _FALSE)
    refuse(bad.to_numpy(bool), table, file, column, "expected true or false")
    return words.isin(_TRUE).to_numpy(bool)


def known_codes(
    found: pd.Series, table: pd.DataFrame, file: str, column: str, known: Iterable[str]
) -> NDArray[np.int64]:
    """Positions of names among those known.

    Raises
    ------
    ScenarioError
        For the first name that is not known, with its neighbours.
    """
    names = known if isinstance(known, pd.Series) else pd.Series(list(known), dtype="str")
    codes = positions(found, names)
    if (bad := codes < 0).any():
        row = int(np.argmax(bad))
        value = plain(found.iloc[row])
        count = int(bad.sum())
        raise row_fault(
            file,
            row,
            column,
            value,
            f"unknown {column.removesuffix('_id')}; {did_you_mean(value, names.tolist())}",
            count,
        )
    return codes


def positions(found: pd.Series, names: pd.Series) -> NDArray[np.int64]:
    """The row of each text among distinct ``names``, -1 where it is none of them or empty."""
    words, known = _arrow(found), _arrow(names)
    if not len(words) or not len(known):
        return np.full(len(words), -1, np.int64)
    # Most tables list all names in their order, each in one row or a few, once or a few times: no need to look up.
    starts = np.append(True, pc.not_equal(words.slice(1), words.slice(0, len(words) - 1)).fill_null(True))
    runs = int(starts.sum())
    if runs % len(known) == 0 and runs // len(known) <= _TIMES:
        heads = words if runs == len(words) else words.filter(pa.array(starts))
        if all(heads.slice(at, len(known)).equals(known) for at in range(0, runs, len(known))):
            return (np.cumsum(starts) - 1) % len(known)
    return pc.index_in(words, value_set=known, skip_nulls=True).fill_null(-1).to_numpy().astype(np.int64)


def text_order(found: pd.Series) -> NDArray[np.int64] | None:
    """The rows in the order of their texts' UTF-8 bytes; None where they stand in it already, each once."""
    words = _arrow(found)
    if len(words) < 2 or pc.all(pc.less(words.slice(0, len(words) - 1), words.slice(1))).as_py():
        return None
    return pc.sort_indices(words).to_numpy().astype(np.int64)


def _arrow(values: pd.Series) -> pa.Array:
    """Texts as one Arrow array, without copying them."""
    words = pa.array(values.astype("str").array)
    return words.combine_chunks() if isinstance(words, pa.ChunkedArray) else words


def as_text(values: pd.Series) -> pd.Series:
    """Values as text: whole numbers in decimals, true and false, ISO dates; missing where empty or ''."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if pd.api.types.is_bool_dtype(values.dtype):
        named = values.astype("boolean").map({True: "true", False: "false"}, na_action="ignore")
        return named.astype("str").where(values.notna())
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values.dt.strftime("%Y-%m-%d").astype("str").where(values.notna())
    if pd.api.types.is_string_dtype(values.dtype) and values.dtype != object:
        words = values.astype("str")
        return words.where(words != "")
    if values.dtype.kind in "iu":
        return values.astype("int64").astype("str")
    # Distinct values are few beside rows: text is made once a value.
    codes, distinct = pd.factorize(values, use_na_sentinel=True)
    made = np.array([*(_text(value) for value in distinct), None], dtype=object)
    return pd.Series(made[codes], index=values.index, dtype="str")


def _text(value: Any) -> str | None:
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    if hasattr(value, "strftime"):
        return str(value.strftime("%Y-%m-%d"))
    if isinstance(value, tuple | list):
        return ";".join(str(_text(one)) for one in value) or None
    return str(value) or None
