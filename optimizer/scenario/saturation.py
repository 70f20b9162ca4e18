"""Saturated channels: the shape of the decline, where the scores were calibrated, and the cell of each pair."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

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

#: Channel -> its response curve's section, and the file that holds it.
Sections = dict[str, tuple[ResponseCurve, str]]


def curve_sections(spec: ScenarioFile, tables: Tables, file: str) -> Sections:
    """The response curve of every channel that has one, read where it is a file of its own."""
    written = {name: channel.response_curve for name, channel in spec.channels.items()}
    return {name: _section(curve, tables, file) for name, curve in written.items() if curve is not None}


def calibrated(
    values: NDArray[np.float64], sections: Sections, activity: NDArray[np.int32], activities: pd.DataFrame
) -> NDArray[np.float64]:
    """Scores (or kpis) of pairs times the factor of their channel's calibration, at most 1."""
    factors = {name: section.factor for name, (section, _) in sections.items() if section.factor is not None}
    if not factors:
        return values
    factor = activities["channel"].map(factors).fillna(1.0).to_numpy(np.float64)
    # what no calibration touched stays as it was read
    own = np.flatnonzero(activities["channel"].isin(list(factors)).to_numpy(bool)[activity])
    found = values.copy()
    found[own] = np.minimum(1.0, values[own] * factor[activity[own]])
    return found


def calibrations(saturations: Sequence[Saturation]) -> list[dict[str, Any]]:
    """The factor on the scores of every calibrated channel, and the attributed response that it was found from.

    Keys channel, factor, reference (spend_ref or volume_ref), attributed: the curve's response there.
    """
    return [
        {
            "channel": one.channel,
            "factor": one.factor,
            "reference": one.reference,
            "attributed": float(one.curve.value(one.reference)),
        }
        for one in saturations
        if one.factor is not None
    ]


def build_saturations(
    sections: Sections, pairs: Pairs, customers: pd.DataFrame, activities: pd.DataFrame, file: str
) -> list[Saturation]:
    """The saturation of every channel that has a response curve."""
    found = []
    for name, (section, source) in sections.items():
        place = f"channels.{name}.response_curve"
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
        found.append(Saturation(name, curve, section.reference, labels, cell, section.factor))
    return found


def _section(written: ResponseCurve | str, tables: Tables, file: str) -> tuple[ResponseCurve, str]:
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
