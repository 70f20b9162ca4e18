"""Columns of the customers table as a model takes them: numbers, words, and dates as days before the contact."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.appetence.arguments import names_of
from optimizer.learn.appetence.history import DAY
from optimizer.scenario.columns import as_text, numbers, refuse
from optimizer.scenario.facts import LeftOut
from optimizer.scenario.messages import did_you_mean

#: A column of words with more distinct ones than this is a name, not a trait.
MOST_WORDS = 60


@dataclass(frozen=True)
class Traits:
    """What of the customers table is learnt from.

    Attributes
    ----------
    numeric, words, dates : DataFrame
        A row a customer; dates are seconds since 1970 (NaN where empty).
    segment : Series
        The segment of each customer, ``all`` where there is none.
    preference : Series, optional
        The preferred channel.
    value : array, optional
        What a customer is worth.
    notes : list of LeftOut
    """

    numeric: pd.DataFrame
    words: pd.DataFrame
    dates: pd.DataFrame
    segment: pd.Series
    preference: pd.Series | None
    value: NDArray[np.float64] | None
    notes: list[LeftOut]

    @property
    def any(self) -> bool:
        """Whether there is anything to tell customers without history apart."""
        return bool(len(self.numeric.columns) + len(self.words.columns) + len(self.dates.columns))

    def rows(self, customer: NDArray[np.int64], seconds: NDArray[np.int64]) -> pd.DataFrame:
        """The traits of these customers at these moments; a date still to come is not known yet."""
        parts = [part.take(customer).reset_index(drop=True) for part in (self.numeric, self.words)]
        ages = {}
        for column in self.dates.columns:
            gone = (seconds - self.dates[column].to_numpy(float)[customer]) / DAY
            ages[f"days since {column}"] = np.where(gone >= 0, np.log1p(np.maximum(gone, 0)), np.nan)
        return pd.concat([*parts, pd.DataFrame(ages, index=pd.RangeIndex(len(customer)))], axis=1)


def read_traits(
    table: pd.DataFrame,
    file: str,
    *,
    columns: Iterable[str] | None = None,
    segment: str | None = None,
    preference: str | None = None,
    value: str | None = None,
) -> Traits:
    """Sort the columns of a customers table, in the order of its rows.

    Parameters
    ----------
    table : DataFrame
        One row a customer, typed as ``scenario.tables`` types it; its index is the rows of the file, for messages.
    file : str
        For messages.
    columns : iterable of str, optional
        The columns to learn from. Default: all but identifiers and columns of names (more than 60 words).
    segment, preference, value : str, optional
        Columns of the segment, the preferred channel and the worth. Default: ``segment``, ``preferred_channel`` and
        ``value`` where the table has them.

    Raises
    ------
    ScenarioError
        For a column that is asked for and not there, and a number that is not finite.
    """
    # What is refused is named by its row in the file.
    filed, taken = table.sort_index(), np.argsort(np.argsort(table.index.to_numpy()))
    table = table.reset_index(drop=True)
    found = {}
    for key, given, usual in (
        ("segment", segment, "segment"),
        ("preference", preference, "preferred_channel"),
        ("value", value, "value"),
    ):
        if given is not None and given not in table.columns:
            raise ScenarioError(file, key, given, f"is no column; {did_you_mean(given, table.columns)}")
        found[key] = given if given is not None else usual if usual in table.columns else None
    wanted = (
        [column for column in table.columns if column != "customer_id"]
        if columns is None
        else names_of(file, "columns", columns)
    )
    for column in wanted:
        if column not in table.columns:
            raise ScenarioError(file, "columns", column, f"is no column; {did_you_mean(column, table.columns)}")
    numeric, words, dates, notes = {}, {}, {}, []
    for column in wanted:
        series = table[column]
        if columns is None and (column.endswith("_id") or series.dtype == object):
            notes.append(LeftOut(f"column {column}: an identifier or a list, not learnt from", len(table), []))
        elif pd.api.types.is_bool_dtype(series.dtype):
            numeric[column] = series.astype("boolean").astype("Float64").to_numpy(float, na_value=np.nan)
        elif pd.api.types.is_datetime64_any_dtype(series.dtype):
            seconds = series.to_numpy("datetime64[s]")
            dates[column] = np.where(np.isnat(seconds), np.nan, seconds.astype(np.int64).astype(float))
        elif pd.api.types.is_numeric_dtype(series.dtype):
            figures = filed[column].to_numpy(float, na_value=np.nan)
            refuse(np.isinf(figures), filed, file, column, "expected a number that is finite, or an empty cell")
            numeric[column] = figures[taken]
        else:
            text = as_text(series)
            if text.nunique() > MOST_WORDS and columns is None:
                reason = (
                    f"column {column}: over {MOST_WORDS} different words, not learnt from (unless named in columns)"
                )
                notes.append(LeftOut(reason, int(text.nunique()), sorted(text.dropna().unique())[:3]))
            else:
                words[column] = text.fillna("(empty)").to_numpy(object)
    frame = {"numeric": numeric, "words": words, "dates": dates}
    index = pd.RangeIndex(len(table))
    made = {key: pd.DataFrame(part, index=index) for key, part in frame.items()}
    parted = as_text(table[found["segment"]]).fillna("(empty)") if found["segment"] else pd.Series("all", index=index)
    liked = as_text(table[found["preference"]]) if found["preference"] else None
    worth = numbers(filed, file, found["value"])[taken] if found["value"] else None
    return Traits(made["numeric"], made["words"], made["dates"], parted, liked, worth, notes)
