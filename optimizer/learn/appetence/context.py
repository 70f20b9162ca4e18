"""What describes a contact before it is made (its rank, the month): the value that scores are made at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.scenario.columns import as_text
from optimizer.scenario.facts import LeftOut
from optimizer.scenario.messages import did_you_mean


def check_context(call: str, given: Any) -> None:
    """Raise when it is no mapping of columns to values."""
    if given is not None and not isinstance(given, Mapping):
        raise ScenarioError(call, "context", str(given), "expected columns and values to score at, as {'call': 1}")


def settled(
    call: str, context: Mapping[str, Any], contacts: pd.DataFrame
) -> tuple[dict[str, float | str], list[LeftOut]]:
    """The value of each context column that scores are made at.

    Parameters
    ----------
    call : str
        For messages.
    context : mapping
        Column to value; None takes the most frequent value of the contacts, of numbers the median.
    contacts : DataFrame
        The contacts learnt from, with these columns.

    Returns
    -------
    (dict, list of LeftOut)
        The values; a note for each that was taken from the contacts.

    Raises
    ------
    ScenarioError
        For a value that is no finite number in a column of numbers, or that no contact has in a column of words.
    """
    found: dict[str, float | str] = {}
    notes = []
    for column, value in context.items():
        numeric = pd.api.types.is_numeric_dtype(contacts[column].dtype)
        if value is None:
            found[column] = _usual(call, column, contacts[column], numeric=numeric)
            notes.append(LeftOut(f"{column}: scores are made at its usual value, {found[column]}", len(contacts), []))
        else:
            found[column] = _number(call, column, value) if numeric else _word(call, column, value, contacts[column])
    return found, notes


def _usual(call: str, column: str, values: pd.Series, *, numeric: bool) -> float | str:
    filled = values.dropna()
    if filled.empty:
        raise ScenarioError(call, f"context {column}", None, "is empty in every contact; leave it out")
    return float(filled.median()) if numeric else str(filled.mode().iloc[0])


def _number(call: str, column: str, value: Any) -> float:
    try:
        number = float(value) if isinstance(value, Real | str) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ScenarioError(call, f"context {column}", str(value), "expected a finite number, as the history's are")
    return number


def _word(call: str, column: str, value: Any, values: pd.Series) -> str:
    known = sorted(as_text(values).dropna().unique())
    if str(value) not in known:
        raise ScenarioError(
            call, f"context {column}", str(value), f"no contact has it; {did_you_mean(str(value), known)}"
        )
    return str(value)
