"""Repeats: rows of a table of events that say the same in every column, as exports that overlap bring them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

#: Columns compared by what was read from them: 1 and 1.0, or two clocks, say the same.
_READ = ("customer_id", "timestamp", "time_zone", "conversion", "kpi", "value", "cost")


def repeats(table: pd.DataFrame, read: Mapping[str, NDArray[Any]], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of ``rows`` repeat an earlier one of them in every column.

    Two sales of one moment with two order numbers are two sales: columns that nothing else looks at count too.

    Parameters
    ----------
    table : DataFrame
        The events as they came, raw names and identifiers included.
    read : mapping of str to array
        What was read from the columns of customers, moments, conversions and amounts, a value a row of ``table``.
    rows : array of int
        The rows to compare, by position.
    """
    others = table.drop(columns=[column for column in _READ if column in table.columns]).iloc[rows]
    parts = [pd.Series(column[rows]) for column in read.values()]
    parts += [_comparable(others[column]).reset_index(drop=True) for column in others.columns]
    return pd.concat(parts, axis=1, ignore_index=True).duplicated().to_numpy(bool)


def _comparable(column: pd.Series) -> pd.Series:
    """Text without the spaces around it, missing where nothing is left; other values as they are."""
    if pd.api.types.is_object_dtype(column.dtype):
        words = column.map(lambda one: str(one).strip(), na_action="ignore")
    elif pd.api.types.is_string_dtype(column.dtype) and not isinstance(column.dtype, pd.CategoricalDtype):
        words = column.str.strip()
    else:
        return column
    return words.where(words != "")
