"""What a written plan states beside its contacts and money, held against the same tables recomputed.

A number agrees within 1e-9 + 1e-9 × its size (a difference of figures: the size of what it is taken of); a text
exactly; nothing with nothing. The csv files carry every figure in full, so no digit is given away there.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.plan.certificate import gap_between
from optimizer.plan.columns import text_of
from optimizer.plan.plan import Evaluation
from optimizer.plan.read import WrittenPlan
from optimizer.plan.write import BUDGET, CONTACTS, RULES, SUMMARY, write_csv

ROUNDING = 1e-9
#: Differences told of each file; the others are counted.
EXAMPLES = 3
#: Column -> the columns it is a difference of, whose rounding it inherits.
TAKEN_OF = {
    "net_margin": ("gross_margin", "cost"),
    "slack": ("value", "min", "max"),
    "violation": ("value", "min", "max"),
}
#: Of the summary; its objective and bound are the certificate's.
TOTALS_LEFT = frozenset(
    {"name", "scenario", "status", "objective", "failures", "notes", "left_out", "versions", "inputs", "seconds"}
)


def differences(written: WrittenPlan, recomputed: Evaluation) -> dict[str, tuple[list[str], int]]:
    """Every file of the plan that states something else than what was recomputed: a few lines, and how many there are.

    ``shadow_price`` is left out, as are contacts that are not in both tables: the check of the plan tells those.
    """
    rules = recomputed.rules.drop(columns="shadow_price")
    found = {
        CONTACTS: _compared(written.contacts, recomputed.contacts, ["customer_id", "activity"], rows_too=False),
        BUDGET: _compared(written.budget, _as_written(recomputed.budget), ["channel", "cell", "wave"]),
        RULES: _compared(written.rules, _as_written(rules), ["rule", "scope"]),
        SUMMARY: _compared(*_summaries(written.summary, recomputed.summary), []),
    }
    return {file: ([f"{file}{line}" for line in lines], number) for file, (lines, number) in found.items() if number}


def failures_of(found: Mapping[str, tuple[list[str], int]], changed: list[str]) -> list[str]:
    """A few differences of each file and the count of the others; one line a file where inputs have changed since."""
    lines = []
    for file, (told, number) in found.items():
        if changed:
            # Whatever the tables said then, the inputs of today give other figures; one is enough to see it.
            lines.append(f"{told[0]} ({number} such differences, with inputs that have changed)")
            continue
        lines += told
        if number > len(told):
            lines.append(f"{file}: {number - len(told)} more differences")
    return lines


def _compared(
    stated: pd.DataFrame, recomputed: pd.DataFrame, keys: list[str], *, rows_too: bool = True
) -> tuple[list[str], int]:
    """A few differences of two tables, the first of each column before its others, and their number."""
    absent = [column for column in recomputed.columns if column not in stated.columns]
    lines = [f": column {column} is missing" for column in absent]
    if set(absent) & set(keys):
        return lines[:EXAMPLES], len(lines)
    if len(stated) == len(recomputed) and not any(_texts_differ(stated[key], recomputed[key]).any() for key in keys):
        # Row by row the same, as a plan is written: no row needs a name but those that are told.
        shown = _Shown(recomputed, keys)
    else:
        rows, mine = _row_names(stated, keys), _row_names(recomputed, keys)
        at = rows.get_indexer(mine)
        if rows_too:
            lines += [f"{_shown(mine[int(row)][:-1])}: the row is missing" for row in np.flatnonzero(at < 0)]
            lines += [f"{_shown(row[:-1])}: no such row is recomputed" for row in rows.difference(mine, sort=False)]
        stated, recomputed = stated.iloc[at[at >= 0]], recomputed[at >= 0]
        shown = _Shown(recomputed, keys)
    ranked: list[tuple[int, str]] = []
    number = len(lines)
    for column in recomputed.columns:
        if column in absent or column in keys:
            continue
        given, right = stated[column], recomputed[column]
        differs = _numbers_differ(given, recomputed, column) if _is_number(right) else _texts_differ(given, right)
        number += int(differs.sum())
        ranked += [
            (
                rank,
                f"{shown(int(row))}, column {column}: stated {_value(given.iloc[row])}, "
                f"recomputed {_value(right.iloc[row])}",
            )
            for rank, row in enumerate(np.flatnonzero(differs)[:EXAMPLES])
        ]
    lines += [line for _, line in sorted(ranked, key=lambda pair: pair[0])]
    return lines[:EXAMPLES], number


def _row_names(table: pd.DataFrame, keys: list[str]) -> pd.MultiIndex:
    """Keys as texts, with a number that tells rows of the same keys apart."""
    frame = pd.DataFrame({key: _texts(table[key]) for key in keys}, index=range(len(table)))
    frame["again"] = frame.groupby(keys).cumcount() if keys else range(len(table))
    return pd.MultiIndex.from_frame(frame)


@dataclass(frozen=True)
class _Shown:
    """A row's keys, as a line continues after the file's name."""

    table: pd.DataFrame
    keys: list[str]

    def __call__(self, row: int) -> str:
        return _shown([text_of(self.table[key].iloc[row]) for key in self.keys])


def _shown(keys: Sequence[object]) -> str:
    words = "/".join(str(key) for key in keys)
    return f", {words}" if words else ""


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _numbers_differ(given: pd.Series, recomputed: pd.DataFrame, column: str) -> NDArray[np.bool_]:
    """Where a column's stated numbers are not the recomputed ones; what is no number differs from every one."""
    right = recomputed[column].to_numpy(np.float64)
    found = pd.to_numeric(given, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    parts = [recomputed[part].to_numpy(np.float64) for part in TAKEN_OF.get(column, ()) if part in recomputed.columns]
    sizes = np.abs(np.array([right, *parts]))
    slop = ROUNDING * (1 + np.where(np.isfinite(sizes), sizes, 0.0).max(axis=0))
    with np.errstate(invalid="ignore"):
        near = (found == right) | (np.abs(found - right) <= slop)
    blank = given.isna().to_numpy(bool)
    if not _is_number(given):
        blank = blank | (given.astype(object) == "").to_numpy(bool)
    return ~(near | (blank & np.isnan(right)))


def _texts_differ(given: pd.Series, right: pd.Series) -> NDArray[np.bool_]:
    """Where two columns do not read alike."""
    if isinstance(given.dtype, pd.StringDtype) and isinstance(right.dtype, pd.StringDtype):
        return np.asarray(given.fillna("").array != right.fillna("").array, dtype=bool)
    return np.asarray(_texts(given) != _texts(right), dtype=bool)


def _texts(column: pd.Series) -> NDArray[np.object_]:
    """Values as texts; nothing as the empty one."""
    codes, uniques = pd.factorize(column, use_na_sentinel=True)
    return np.array([*(text_of(value) for value in uniques), ""], dtype=object)[codes]


def _value(value: object) -> str:
    """A value as a line states it."""
    if isinstance(value, float | np.floating):
        return "nothing" if np.isnan(value) else repr(float(value))
    return text_of(value) or "nothing"


def _as_written(table: pd.DataFrame) -> pd.DataFrame:
    """A table with its texts as a csv file gives them back, and its numbers as they are."""
    text = io.StringIO()
    write_csv(table, text)
    text.seek(0)
    read = pd.read_csv(text, dtype=str, keep_default_na=False)
    return read.assign(**{str(name): table[name].to_numpy() for name in table.columns if _is_number(table[name])})


def _summaries(stated: dict[str, Any], recomputed: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The stated and the recomputed totals, each as a table of one row."""
    right = _flat({key: value for key, value in recomputed.items() if key not in TOTALS_LEFT})
    given = _flat(stated)
    if all(isinstance(given.get(key), int | float) for key in ("objective", "bound", "gap")):
        right["gap"] = gap_between(given["objective"], given["bound"])
    # Money on a medium that receives none, or that does not exist.
    right |= {key: np.nan for key in given if key.startswith("spend.") and key not in right}
    return pd.DataFrame([given], dtype=object), pd.DataFrame({key: [value] for key, value in right.items()})


def _flat(nested: Mapping[str, Any]) -> dict[str, Any]:
    """``{"checks": {"rows": 3}}`` as ``{"checks.rows": 3}``; lists are left out."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{name}": item for name, item in _flat(value).items()}
        elif not isinstance(value, list):
            flat[key] = value
    return flat
