"""What a call is given beside its tables (days, counts, dates, a time zone), checked before anything is read."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.given_numbers import is_number, is_whole

#: The random generators take seeds below this.
_SEEDS = 2**32


def check_days(name: str, given: Any, *, zero: bool = False) -> None:
    """Raise when it is no finite number of days above 0 (or at least 0)."""
    fine = is_number(given) and math.isfinite(given)
    if not fine or given < 0 or (given == 0 and not zero):
        raise ScenarioError(
            name, "the number", given, f"expected {'0' if zero else 'more than 0'} days{' or more' * zero}"
        )


def check_count(call: str, name: str, given: Any, *, least: int) -> None:
    """Raise when it is no whole number of at least ``least``."""
    if not is_whole(given, least):
        raise ScenarioError(call, name, given, f"expected at least {least}, a whole number")


def check_seed(call: str, given: Any) -> None:
    """Raise when it is no seed of a random generator."""
    if not is_whole(given, 0) or int(given) >= _SEEDS:
        raise ScenarioError(call, "seed", given, f"expected a whole number from 0 to {_SEEDS - 1}")


def names_of(call: str, name: str, given: Any) -> list[Any]:
    """Names as a list; a text alone is one name, not its letters.

    Raises
    ------
    ScenarioError
        For what holds no names.
    """
    if isinstance(given, str):
        return [given]
    try:
        return list(given)
    except TypeError as error:
        raise ScenarioError(call, name, str(given), "expected names") from error


def truths(call: str, name: str, given: Any) -> NDArray[np.bool_]:
    """True and false, or 1 and 0, as an array of bool.

    Raises
    ------
    ScenarioError
        For the first value that is neither.
    """
    values = pd.Series(given).reset_index(drop=True)
    kind = values.map(lambda one: isinstance(one, bool | np.bool_ | Real) and one in (0, 1)).to_numpy(bool)
    _check_rows(call, name, values, kind, "expected true or false, or 1 or 0")
    return values.to_numpy(bool)


def finite(call: str, name: str, given: Any) -> NDArray[np.float64]:
    """Numbers as an array; refused by row where one is missing or not finite.

    Raises
    ------
    ScenarioError
        For the first value that is none.
    """
    values = pd.Series(given).reset_index(drop=True)
    found = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    _check_rows(call, name, values, np.isfinite(found), "expected a finite number")
    return found


def _check_rows(call: str, name: str, values: pd.Series, fine: NDArray[np.bool_], expectation: str) -> None:
    """Raise for the first row that is not fine."""
    if not fine.all():
        row = int(np.argmin(fine))
        raise ScenarioError(call, f"row {row + 1} of {name}", str(values.iloc[row]), expectation)


def check_zone(given: Any) -> None:
    """Raise when no time zone has this name, whether or not a moment needs it."""
    try:
        pd.Timestamp("2026-01-01").tz_localize(given)
    except (KeyError, ValueError, TypeError, OSError, AttributeError) as error:
        raise ScenarioError("time_zone", "the name", given, "expected a time zone, as Europe/Paris") from error
    if not isinstance(given, str):
        raise ScenarioError("time_zone", "the name", given, "expected the name of a time zone, as Europe/Paris")


def moment_of(call: str, name: str, given: Any, time_zone: str | None = None) -> pd.Timestamp:
    """A date as a moment local to ``time_zone``; without one, the date may have no zone of its own.

    Raises
    ------
    ScenarioError
        For what is no date.
    """
    expectation = "expected a date written YYYY-MM-DD"
    if isinstance(given, Real):
        raise ScenarioError(call, name, given, expectation)
    try:
        moment = pd.Timestamp(given)
    except (ValueError, TypeError) as error:
        raise ScenarioError(call, name, str(given), expectation) from error
    if pd.isna(moment):
        raise ScenarioError(call, name, str(given), expectation)
    if moment.tzinfo is None:
        return moment
    if time_zone is None:
        raise ScenarioError(call, name, str(given), "expected a date without a zone: it is read as the history's are")
    return moment.tz_convert(time_zone).tz_localize(None)
