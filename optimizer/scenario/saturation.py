"""Saturated channels: the shape of the decline, where the scores were calibrated, and the cell of each pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.scenario.columns import as_text
from optimizer.scenario.facts import Pairs, Saturation
from optimizer.scenario.media import build_curve
from optimizer.scenario.messages import did_you_mean, validated
from optimizer.scenario.reading import read_document
from optimizer.scenario.schema import ResponseCurve, ScenarioFile
from optimizer.scenario.tables import Tables


def build_saturations(
    spec: ScenarioFile, tables: Tables, pairs: Pairs, customers: pd.DataFrame, activities: pd.DataFrame, file: str
) -> list[Saturation]:
    """The saturation of every channel that has a response curve."""
    found = []
    for name, channel in spec.channels.items():
        if channel.response_curve is None:
            continue
        place = f"channels.{name}.response_curve"
        section, source = _section(channel.response_curve, tables, place, file)
        rows = np.flatnonzero((activities["channel"] == name).to_numpy(bool)[pairs.activity])
        cell = np.full(len(pairs), -1, np.int32)
        labels = [name]
        cell[rows] = 0
        if section.by:
            values = [_values(column, pairs, rows, customers, activities, f"{place}.by", file) for column in section.by]
            keys = pd.MultiIndex.from_arrays([pd.Index(one) for one in values])
            codes, distinct = pd.factorize(keys, sort=True)
            labels = [f"{name}[{','.join(key)}]" for key in distinct]
            cell[rows] = codes
        curve = build_curve(section, place if source == file else "", source)
        found.append(Saturation(name, curve, section.reference, labels, cell))
    return found


def _section(written: ResponseCurve | str, tables: Tables, place: str, file: str) -> tuple[ResponseCurve, str]:
    """The curve's section, and the file that holds it."""
    if isinstance(written, ResponseCurve):
        return written, file
    path = Path(written) if Path(written).is_absolute() else tables.folder / written
    document = read_document(path, written)
    tables.remember(path, written)
    return validated(ResponseCurve, document), written


def _values(
    column: str,
    pairs: Pairs,
    rows: NDArray[np.int64],
    customers: pd.DataFrame,
    activities: pd.DataFrame,
    place: str,
    file: str,
) -> pd.Series:
    """A customer or activity column on some pairs, as text."""
    prefix, _, rest = column.partition(".")
    name = rest if rest and prefix in ("customer", "activity") else column
    if name in activities.columns and prefix != "customer":
        found = as_text(activities["offer" if name == "offers" else name]).fillna("")
        return found.take(pairs.activity[rows])
    if name in customers.columns and prefix != "activity":
        return as_text(customers[name]).fillna("").take(pairs.customer[rows])
    hint = did_you_mean(column, [*activities.columns, *customers.columns])
    raise ScenarioError(file, place, column, f"unknown column; {hint}")
