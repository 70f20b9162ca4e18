"""Events: a row a touch or a conversion, online or offline, checked and sorted.

Columns: ``customer_id`` (or customer), ``timestamp`` (or time, datetime, date), ``channel``, and where known
``campaign``, ``cost``, ``conversion``, ``kpi``, ``value``. A row with a channel is a touch. A row with a conversion is
a conversion too, at that moment; without a channel it is a conversion alone, such as a sale at the till.
``conversion`` holds the KPI's name (lead, test drive, sale), or true/false or a count with the KPI's name in ``kpi``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.journeys.conversions import distinct_words, read_conversions
from optimizer.learn.journeys.exact_sums import Floats, Ints, sums_by, total
from optimizer.learn.journeys.identities import joined
from optimizer.learn.journeys.moments import one_moment, read_moments
from optimizer.learn.journeys.naming import units_of_rows
from optimizer.learn.journeys.nomenclature import Nomenclature
from optimizer.learn.journeys.order import joint_key
from optimizer.learn.journeys.repeats import ignored, repeats
from optimizer.learn.journeys.table import Source
from optimizer.scenario.columns import as_text, numbers, require, row_fault
from optimizer.scenario.messages import did_you_mean

#: Microseconds.
DAY = 86_400_000_000
#: Other spellings of our columns.
_SPELLINGS = {
    "customer_id": ("customer", "client_id", "user_id", "visitor_id"),
    "timestamp": ("time", "datetime", "date"),
}


@dataclass(frozen=True)
class Events:
    """Events in the order of customer, moment and name.

    Parameters
    ----------
    customer : array of int
        A number a person.
    moment : array of int
        Microseconds since 1970, UTC.
    unit : array of int
        What was touched, a row of ``units``; −1 for a conversion alone.
    kpi : array of int
        What was reached, a position in ``kpis``; −1 for a touch alone.
    conversions, value : array of float
        How many, and what they are worth; 0 for a touch alone.
    units : DataFrame
        channel, campaign, touches, cost; in the order of their text.
    kpis : tuple of str
        Most frequent first.
    spent : DataFrame
        What was touched when: unit (a row of ``units``), day (datetime64, UTC), touches, cost (NaN where the input
        tells none).
    valued : tuple of bool
        Whether the input tells values of each KPI: of leads it often does not.
    unmapped : DataFrame
        Raw names that no line of the nomenclature fits: name, the nomenclature's columns, events, conversions, cost.
    notes : tuple of str
        What was met and done, with counts.
    """

    customer: Ints
    moment: Ints
    unit: Ints
    kpi: Ints
    conversions: Floats
    value: Floats
    units: pd.DataFrame
    spent: pd.DataFrame
    kpis: tuple[str, ...]
    valued: tuple[bool, ...]
    unmapped: pd.DataFrame
    notes: tuple[str, ...]


def unit_labels(units: pd.DataFrame) -> tuple[str, ...]:
    """Channels and campaigns as one name each."""
    return tuple(
        f"{channel} ▸ {campaign}" if campaign else str(channel)
        for channel, campaign in zip(units["channel"], units["campaign"], strict=True)
    )


def named(table: pd.DataFrame, columns: Mapping[str, str] | None, file: str) -> pd.DataFrame:
    """The table with our names for its columns: by ``columns`` (ours to the table's own), else by known spellings.

    Raises
    ------
    ScenarioError
        When ``columns`` speaks of one that is not there, or takes the name of another.
    """
    renamed: dict[str, str] = {}
    if columns is not None and not isinstance(columns, Mapping):
        raise ScenarioError(file, "columns", columns, "expected our name of a column to the table's own, as a mapping")
    for ours, theirs in (columns or {}).items():
        if theirs not in table.columns:
            raise ScenarioError(file, f"column {theirs}", None, f"is missing; {did_you_mean(theirs, table.columns)}")
        if ours != theirs and ours in table.columns:
            raise ScenarioError(file, f"column {ours}", None, f"stands beside {theirs}, which is to take its name")
        renamed[theirs] = ours
    for ours, spellings in _SPELLINGS.items():
        if ours not in table.columns and ours not in renamed.values():
            known = [one for one in spellings if one in table.columns and one not in renamed]
            if known:
                renamed[known[0]] = ours
    return table.rename(columns=renamed)


def read_events(
    table: pd.DataFrame,
    file: str,
    *,
    nomenclature: Nomenclature | None,
    identities: Source | None,
    time_zone: str,
    as_of: object,
    ignore: str | Sequence[str] = (),
) -> Events:
    """Check and sort a table of events; see ``optimizer.learn.journeys.read_journeys``.

    Raises
    ------
    ScenarioError
        For a missing column, an empty customer, a moment or a number that cannot be read, and value without conversion.
    """
    require(table, file, "customer_id", "timestamp")
    if nomenclature is None:
        require(table, file, "channel")
    notes: list[str] = []
    uncounted = ignored(table, file, ignore)
    customer, who = distinct_words(as_text(table["customer_id"]))
    if (empty := customer < 0).any():
        raise row_fault(
            file, int(np.argmax(empty)), "customer_id", "empty", "expected who was touched", int(empty.sum())
        )
    moments = read_moments(table, file, "timestamp", time_zone)
    notes += moments.notes
    conversions, kpi, kpis, said = read_conversions(table, file)
    notes += said
    value, no_value = _amounts(table, file, "value")
    cost, no_cost = _amounts(table, file, "cost")
    if (bad := (value > 0) & (conversions == 0)).any():
        raise row_fault(
            file, int(np.argmax(bad)), "value", float(value[np.argmax(bad)]), "expected a conversion with it",
            int(bad.sum()),
        )  # fmt: skip
    person = customer
    if identities is not None:
        persons, said = joined(pd.Index(who), identities)
        person, notes = persons[customer], notes + said
    unit, units, strangers, said = units_of_rows(table, file, nomenclature, conversions > 0)
    notes += said
    # A touch has no value, a lead mostly none and a conversion alone no cost: only what could have one is told.
    reached = conversions > 0
    told = np.zeros(len(kpis), bool)
    told[kpi[reached & ~no_value]] = "value" in table.columns
    valued = {name for name, one in zip(kpis, told, strict=True) if one}
    for column, empty, what in (
        ("value", no_value & reached & told[kpi], "conversions"), ("cost", no_cost & (unit >= 0), "touches"),
    ):  # fmt: skip
        if empty.any():
            notes.append(f"{int(empty.sum()):,} rows of {what} have an empty {column}, taken as 0")
    if (lost := (unit < 0) & (cost > 0)).any():
        notes.append(
            f"{int(lost.sum()):,} conversions without a channel have a cost, {total(cost[lost]):,.2f} in all, which no "
            "channel is charged with"
        )
    kept = np.ones(len(table), bool)
    if as_of is not None:
        kept = moments.utc <= one_moment(as_of, time_zone, "as_of")
        if not kept.all():
            notes.append(f"{int((~kept).sum()):,} of {len(kept):,} rows lie after {as_of} and were left out")
        if not kept.any():
            raise ScenarioError(
                file, "as_of", as_of, "expected a moment after the first event; every row lies after it"
            )
    else:
        ahead = int((moments.utc > round(time.time() * 1e6)).sum())
        if ahead:
            notes.append(f"{ahead:,} rows lie in the future of this computer's clock; give as_of to leave them out")
    read = {"customer": customer, "moment": moments.utc, "kpi": kpi, "conversions": conversions, "value": value,
            "cost": cost, "unit": unit}  # fmt: skip
    order, said = _sorted(person, moments.utc, unit, table, read, kept, uncounted)
    notes += said
    unmapped = pd.DataFrame({"name": [], "events": [], "conversions": [], "cost": []})
    if strangers is not None:
        unmapped, said = strangers.volume(order, conversions, cost)
        notes += said
    kpi, kpis = _by_frequency(kpi[order], conversions[order], kpis)
    touches = order[unit[order] >= 0]
    units["touches"] = np.bincount(unit[touches], minlength=len(units)).astype(float)
    units["cost"] = sums_by(unit[touches], cost[touches], len(units)) if "cost" in table.columns else np.nan
    spent = _spent(unit[touches], moments.utc[touches], cost[touches], "cost" in table.columns)
    return Events(
        person[order], moments.utc[order], unit[order], kpi, conversions[order], value[order],
        units, spent, kpis, tuple(name in valued for name in kpis), unmapped, tuple(notes),
    )  # fmt: skip


def _spent(unit: Ints, moment: Ints, cost: Floats, told: bool) -> pd.DataFrame:
    """Touches and cost by unit and day."""
    day = moment // DAY
    cells, cell = np.unique(joint_key(unit, day), return_inverse=True)
    first = np.zeros(len(cells), np.int64)
    first[cell] = np.arange(len(cell))
    return pd.DataFrame(
        {
            "unit": unit[first],
            "day": day[first].astype("datetime64[D]").astype("datetime64[s]"),
            "touches": np.bincount(cell, minlength=len(cells)).astype(float),
            "cost": sums_by(cell, cost, len(cells)) if told else np.full(len(cells), np.nan),
        }
    )


def _amounts(table: pd.DataFrame, file: str, column: str) -> tuple[Floats, NDArray[np.bool_]]:
    """Amounts, 0 where empty, and where they are; a column that is not there is empty nowhere."""
    if column not in table.columns:
        return np.zeros(len(table)), np.zeros(len(table), bool)
    found = numbers(table, file, column, low=0.0)
    return np.nan_to_num(found, nan=0.0), np.isnan(found)


def _by_frequency(kpi: Ints, conversions: Floats, kpis: tuple[str, ...]) -> tuple[Ints, tuple[str, ...]]:
    """KPIs in the order of a funnel, most frequent first."""
    totals = sums_by(kpi[kpi >= 0], conversions[kpi >= 0], len(kpis))
    order = sorted(range(len(kpis)), key=lambda at: (-totals[at], kpis[at]))
    rank = np.full(len(kpis) + 1, -1, np.int64)
    rank[order] = np.arange(len(kpis))
    return rank[kpi], tuple(kpis[at] for at in order)


def _sorted(
    person: Ints, moment: Ints, unit: Ints, table: pd.DataFrame, read: Mapping[str, NDArray[Any]],
    kept: NDArray[np.bool_], ignore: Sequence[str],
) -> tuple[Ints, list[str]]:  # fmt: skip
    """The rows that count in the order of person, moment and unit, conversions alone last; repeats left out."""
    notes = []
    order = np.argsort(joint_key(person, moment, np.where(unit < 0, unit.max(initial=0) + 1, unit)))
    if not kept.all():
        order = order[kept[order]]
    here, at, what = person[order], moment[order], unit[order]
    mine = here[1:] == here[:-1]
    late = int((mine & (order[1:] < order[:-1]) & (at[1:] > at[:-1])).sum())
    if late:
        notes.append(f"{late:,} rows stood before an earlier one of the same customer; they were sorted by time")
    together = mine & (at[1:] == at[:-1])
    same = together & (what[1:] == what[:-1])
    if same.any():
        rows = np.flatnonzero(np.append(False, same) | np.append(same, False))
        repeat, said = repeats(table, read, order[rows], ignore)
        if repeat.any():
            but = f" but {', '.join(ignore)}" if ignore else ""
            notes.append(
                f"{int(repeat.sum()):,} of {len(order):,} rows repeat another in every column{but} and were left out"
            )
        notes += said
        keep = np.ones(len(order), bool)
        keep[rows[repeat]] = False
        order = order[keep]
    tied = together & (what[1:] != what[:-1]) & (what[1:] >= 0)
    if tied.any():
        notes.append(
            f"{int(tied.sum()):,} touches share their moment with another of the same customer; they stand in the "
            "order of their names"
        )
    return order, notes
