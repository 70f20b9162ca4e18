"""Repeats: rows of a table of events that say the same in every column, as exports that overlap bring them.

Columns that do not tell one event from another, such as the time at which a row was loaded, may be named: they do not
count. Rows that differ in columns alone which nothing reads are kept, and told with those columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.scenario.messages import did_you_mean

#: Columns compared by what was read from them: 1 and 1.0, or two clocks, say the same.
_READ = ("customer_id", "timestamp", "time_zone", "conversion", "kpi", "value", "cost")


def ignored(table: pd.DataFrame, file: str, ignore: str | Sequence[str]) -> tuple[str, ...]:
    """The columns that do not count, checked.

    Raises
    ------
    ScenarioError
        For a column that is not there, or that events are read from.
    """
    names = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    for column in names:
        if column not in table.columns:
            raise ScenarioError(file, "ignore", column, f"is no column; {did_you_mean(str(column), table.columns)}")
        if column in _READ:
            words = "is read: rows that differ in it are two events; expected a column such as loaded_at"
            raise ScenarioError(file, "ignore", column, words)
    return names


def repeats(
    table: pd.DataFrame, read: Mapping[str, NDArray[Any]], rows: NDArray[np.int64], ignore: Sequence[str] = ()
) -> tuple[NDArray[np.bool_], list[str]]:
    """Which of ``rows`` repeat an earlier one of them in every column that counts, and a note on those that nearly do.

    Two sales of one moment with two order numbers are two sales: columns that nothing else looks at count too.

    Parameters
    ----------
    table : DataFrame
        The events as they came, raw names and identifiers included.
    read : mapping of str to array
        What was read from the columns of customers, moments, touches, conversions and amounts, a value a row of
        ``table``.
    rows : array of int
        The rows to compare, by position.
    ignore : sequence of str
        Columns that do not count.
    """
    unread = [column for column in table.columns if column not in (*_READ, *ignore)]
    others = pd.concat(
        [pd.Series(0, index=range(len(rows)))]
        + [_comparable(table[column].iloc[rows]).reset_index(drop=True) for column in unread],
        axis=1, ignore_index=True,
    )  # fmt: skip
    same = pd.concat([pd.Series(column[rows]) for column in read.values()], axis=1, ignore_index=True)
    found = pd.concat([same, others], axis=1, ignore_index=True).duplicated().to_numpy(bool)
    notes = []
    # What nothing reads may tell two events apart (an order number) or nothing (when a row was loaded).
    alike = same.loc[~found].groupby(list(same.columns), sort=False).ngroup()
    kept = int(alike.duplicated().sum())
    if kept:
        differ = [
            column
            for at, column in enumerate(unread, start=1)
            if len(pd.DataFrame({"event": alike, "cell": others.loc[~found, at]}).drop_duplicates()) > alike.nunique()
        ]
        notes.append(
            f"{kept:,} rows differ from another in {', '.join(differ)} alone and count as events of their own; "
            "name in ignore what tells no events apart"
        )
    return found, notes


def _comparable(column: pd.Series) -> pd.Series:
    """Text without the spaces around it, missing where nothing is left; other values as they are."""
    if pd.api.types.is_object_dtype(column.dtype):
        words = column.map(lambda one: str(one).strip(), na_action="ignore")
    elif pd.api.types.is_string_dtype(column.dtype) and not isinstance(column.dtype, pd.CategoricalDtype):
        words = column.str.strip()
    else:
        return column
    return words.where(words != "")
