"""Grouped paths: a row a path, ``a > b > c`` with its conversions, their value, and the journeys that ended in none.

Columns, as users of other tools know them: ``path``, ``total_conversions`` and, where known,
``total_conversion_value`` and ``total_null``. Several KPIs stand side by side as ``total_conversions_<kpi>``,
``total_conversion_value_<kpi>`` and ``total_null_<kpi>`` (else ``total_null`` holds for each).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from optimizer.errors import ScenarioError
from optimizer.learn.journeys.exact_sums import Floats, sums_by
from optimizer.learn.journeys.paths import Paths
from optimizer.scenario.columns import as_text, numbers, require, row_fault

CONVERSIONS, VALUE, NULL = "total_conversions", "total_conversion_value", "total_null"
#: The KPI of a table that names none.
PLAIN_KPI = "conversion"


def is_grouped(table: pd.DataFrame) -> bool:
    """Whether a table holds paths and not events."""
    return "path" in table.columns


def read_grouped(table: pd.DataFrame, name: str, separator: str) -> tuple[dict[str, Paths], list[str]]:
    """Paths by KPI, and notes on what was met.

    Parameters
    ----------
    table : DataFrame
        See the module.
    name : str
        What messages call it.
    separator : str
        What stands between two touches; spaces around it do not count.

    Raises
    ------
    ScenarioError
        For a path or touch that is empty, a count that is none, and value without conversions.
    """
    suffixes = _kpis(table, name)
    step, start, names, row_path = _parsed(table, name, separator)
    notes: list[str] = []
    found: dict[str, Paths] = {}
    for kpi, suffix in suffixes.items():
        conversions = _counts(table, name, CONVERSIONS + suffix, notes)
        valued = VALUE + suffix in table.columns
        value = _counts(table, name, VALUE + suffix, notes) if valued else np.zeros(len(table))
        if (bad := (value > 0) & (conversions == 0)).any():
            row = int(np.argmax(bad))
            raise row_fault(
                name, row, VALUE + suffix, float(value[row]), f"expected 0 where {CONVERSIONS + suffix} is 0"
            )
        null = NULL + suffix if NULL + suffix in table.columns else NULL
        lost = _counts(table, name, null, notes) if null in table.columns else np.zeros(len(table))
        if null not in table.columns:
            notes.append(
                f"{kpi}: no column {NULL}, so every journey is taken to convert; removal effects tell no rates"
            )
        elif null == NULL and len(suffixes) > 1:
            notes.append(
                f"{kpi}: no column {NULL + suffix}, so {NULL} stands for it; journeys that brought another KPI alone "
                "are not among them"
            )
        size = len(start) - 1
        paths = Paths(
            names,
            start,
            step,
            sums_by(row_path, conversions, size),
            sums_by(row_path, value, size),
            sums_by(row_path, lost, size),
            valued=valued,
        ).distinct()
        counted = paths.conversions + paths.lost > 0
        if not counted.all():
            notes.append(f"{kpi}: {int((~counted).sum()):,} paths count no journey at all and were left out")
        found[kpi] = paths.take(np.flatnonzero(counted))
    return found, notes


def _kpis(table: pd.DataFrame, name: str) -> dict[str, str]:
    """KPIs and what ends their columns' names."""
    prefix = CONVERSIONS + "_"
    named = {column.removeprefix(prefix): f"_{column.removeprefix(prefix)}" for column in table.columns
             if column.startswith(prefix) and len(column) > len(prefix)}  # fmt: skip
    if f"{prefix}value" in table.columns:
        words = f"would be a KPI called value; call the value {VALUE}, or {VALUE}_<kpi>"
        raise ScenarioError(name, f"column {prefix}value", None, words)
    if CONVERSIONS in table.columns:
        return {PLAIN_KPI: "", **dict(sorted(named.items()))}
    if not named:
        require(table, name, CONVERSIONS)
    return dict(sorted(named.items()))


def _counts(table: pd.DataFrame, name: str, column: str, notes: list[str]) -> Floats:
    """Counts, 0 where empty; how many are is noted once a column."""
    found = numbers(table, name, column, low=0.0)
    if empty := int(np.isnan(found).sum()):
        said = f"{empty:,} of {len(found):,} rows have an empty {column}, taken as 0"
        if said not in notes:
            notes.append(said)
    return np.nan_to_num(found, nan=0.0)


def _parsed(
    table: pd.DataFrame, name: str, separator: str
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...], np.ndarray]:
    """Touches and starts of the distinct texts, the channels' names, and the text of each row."""
    if not isinstance(separator, str) or not separator:
        raise ScenarioError(name, "separator", separator, "expected a sign such as '>'")
    mark = separator.strip() or separator
    words = pa.array(as_text(table["path"]).array)
    words = words.combine_chunks() if isinstance(words, pa.ChunkedArray) else words
    encoded = words.cast(pa.large_string()).dictionary_encode()
    if encoded.indices.null_count:
        row = int(np.argmax(encoded.indices.is_null().to_numpy(zero_copy_only=False)))
        raise row_fault(name, row, "path", "empty", f"expected channels parted by {mark!r}")
    row_path = encoded.indices.to_numpy().astype(np.int64)
    touches = pc.split_pattern(encoded.dictionary, mark)
    start = touches.offsets.to_numpy().astype(np.int64)
    channels = pc.utf8_trim_whitespace(touches.flatten()).dictionary_encode()
    raw = channels.dictionary.to_pylist()
    code = channels.indices.to_numpy().astype(np.int64)
    if "" in raw:
        at = int(np.argmax(code == raw.index("")))
        text = int(np.searchsorted(start, at, side="right")) - 1
        rows = np.flatnonzero(row_path == text)
        value = encoded.dictionary[text].as_py()
        raise row_fault(
            name, int(rows[0]), "path", value, f"expected a channel on either side of every {mark!r}", len(rows)
        )
    names = tuple(sorted(raw))
    rank = {one: at for at, one in enumerate(names)}
    recode = np.array([rank[one] for one in raw], np.int32)
    return recode[code], start, names, row_path
