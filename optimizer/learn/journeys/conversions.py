"""Conversions of events: how many a row is, and of which KPI.

``conversion`` holds the KPI's name (lead, test drive, sale), or yes/no or a count with the KPI's name in ``kpi``.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from optimizer.learn.journeys.exact_sums import Floats, Ints
from optimizer.learn.journeys.grouped import PLAIN_KPI
from optimizer.scenario.columns import as_text, require, row_fault

_YES = frozenset({"true", "yes", "y", "t", "oui", "ja"})
_NO = frozenset({"false", "no", "n", "f", "non", "nein", "none", "null", "nan", "-"})
#: A number that could not be read, such as 1,5 or 10 EUR, or a date: no one calls a KPI so, but "2nd purchase".
_NUMBER_LIKE = re.compile(r"(?=.*\d)[\W\d_]*(eur|usd|gbp|chf)?[\W\d_]*", re.IGNORECASE)


def read_conversions(table: pd.DataFrame, file: str) -> tuple[Floats, Ints, tuple[str, ...], list[str]]:
    """How many conversions a row is, of which KPI (−1: of none), the KPIs, and notes.

    Raises
    ------
    ScenarioError
        For a table without conversions, a count below 0, a count among names, and a name that holds no letters.
    """
    column = "conversion" if "conversion" in table.columns or "kpi" not in table.columns else "kpi"
    require(table, file, column)
    words = as_text(table[column])
    notes: list[str] = []
    codes, distinct = pd.factorize(words)
    spelled = [str(one).strip() for one in distinct]
    amount = np.array([_amount(one) for one in spelled] or [np.nan])
    is_name = np.isnan(amount) if spelled else np.zeros(0, bool)
    counted = not is_name.any()
    if is_name.any() and ((amount > 0) & ~is_name).any():
        odd = int(np.flatnonzero((amount > 0) & ~is_name)[0])
        rows = np.flatnonzero(codes == odd)
        raise row_fault(
            file, int(rows[0]), column, spelled[odd],
            f"expected a KPI's name, as in other rows ({spelled[int(np.argmax(is_name))]}), not a count", len(rows),
        )  # fmt: skip
    if ((amount < 0) | np.isinf(amount)).any():
        odd = int(np.flatnonzero((amount < 0) | np.isinf(amount))[0])
        rows = np.flatnonzero(codes == odd)
        raise row_fault(file, int(rows[0]), column, spelled[odd], "expected a count of at least 0", len(rows))
    if mistyped := [at for at, one in enumerate(spelled) if is_name[at] and _NUMBER_LIKE.fullmatch(one)]:
        rows = np.flatnonzero(codes == mistyped[0])
        raise row_fault(
            file, int(rows[0]), column, spelled[mistyped[0]],
            "expected a count with a decimal point, or a KPI's name in words", len(rows),
        )  # fmt: skip
    if counted:
        found = np.append(amount, 0.0)[codes] if spelled else np.zeros(len(table))
        if "kpi" not in table.columns:
            return found, np.where(found > 0, 0, -1), (PLAIN_KPI,), notes
        label = as_text(table["kpi"])
        if column != "kpi" and (empty := words.isna() & label.notna()).any():
            notes.append(f"{int(empty.sum()):,} rows name a kpi with an empty conversion, taken as 0")
        label = label.where(label.str.strip() != "").fillna(PLAIN_KPI)
    else:
        found = np.append(np.where(is_name, 1.0, 0.0), 0.0)[codes]
        label = words
        if column != "kpi" and "kpi" in table.columns:
            notes.append("conversion holds the names of KPIs, so the column kpi is not read")
    kpi, names = distinct_words(label.where(found > 0))
    kpis = tuple(str(name) for name in names)
    alike: dict[str, list[str]] = {}
    for name in sorted(kpis):
        alike.setdefault(name.casefold(), []).append(name)
    notes += [f"KPIs that differ in capitals alone stay apart: {', '.join(one)}" for one in alike.values() if one[1:]]
    return found, kpi, kpis or (PLAIN_KPI,), notes


def distinct_words(words: pd.Series) -> tuple[Ints, pd.Index]:
    """A number a row and the distinct words; spaces around a word are no part of it, −1 where nothing is left."""
    codes, raw = pd.factorize(words)
    trimmed = pd.Series(np.asarray(raw, object), dtype="str").str.strip()
    again, names = pd.factorize(trimmed.where(trimmed != ""))
    return np.append(again, -1).astype(np.int64)[codes], pd.Index(names)


def _amount(word: str) -> float:
    """The count that a word says; NaN where it says none."""
    if word.casefold() in _YES:
        return 1.0
    if word.casefold() in _NO or not word:
        return 0.0
    try:
        return float(word)
    except ValueError:
        return np.nan
