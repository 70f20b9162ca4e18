"""Eligible pairs: the appetence table, wide or long, crossed with the activities each of its rows speaks of.

A row says its customer, and the activities it means by ``activity``, or by ``channel`` (a column a channel when wide),
``offer`` and ``wave``; what it does not say it means for all. An empty score is not eligible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.scenario.columns import known_codes, numbers, require, texts
from optimizer.scenario.facts import LeftOut
from optimizer.scenario.messages import did_you_mean
from optimizer.scenario.schema import ScenarioFile

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Rows = NDArray[np.int64]

#: Money columns of a long table, which stand before the offer's and the channel's.
MONEY = ("cost", "gross_margin", "revenue", "response_cost")
_KEYS = ("customer_id", "activity", "channel", "offer", "wave")


@dataclass(frozen=True)
class Scored:
    """Scored pairs, sorted by customer row then activity row, before consent.

    ``row`` is the row of the appetence table each pair comes from; ``money`` and ``measures`` are columns of that
    table (one value a row), NaN where empty.
    """

    customer: Ints
    activity: Ints
    score: Floats
    row: Rows
    money: dict[str, Floats]
    measures: dict[str, Floats]
    left_out: list[LeftOut]

    def __len__(self) -> int:
        return len(self.customer)


def score_pairs(
    spec: ScenarioFile, table: pd.DataFrame, file: str, customers: pd.DataFrame, activities: pd.DataFrame
) -> Scored:
    """Read the appetence table.

    Raises
    ------
    ScenarioError
        For an unknown customer, activity, channel, offer or wave, a score that is no probability, a pair scored twice,
        and columns that are neither keys nor numbers.
    """
    require(table, file, "customer_id")
    long = "score" in table.columns
    if not long and "channel" not in table.columns and "activity" not in table.columns:
        parts: Sequence[Part] = _wide(spec, table, file)
        money: dict[str, Floats] = {}
        measures: dict[str, Floats] = {}
    elif long:
        parts, money, measures = _long(spec, table, file, activities)
    else:
        raise ScenarioError(file, "column score", None, "is missing; a table with a row a channel or activity needs it")
    named = texts(table, file, "customer_id")
    owner = known_codes(named, table, file, "customer_id", customers["customer_id"])
    left, right = np.zeros(len(table), np.int64), np.zeros(len(activities), np.int64)
    for key in ("activity", "offer", "wave"):
        if key in table.columns:
            names = _key_names(spec, activities, key)
            codes = known_codes(texts(table, file, key), table, file, key, names)
            left = left * len(names) + codes
            right = right * len(names) + pd.Index(names, dtype="str").get_indexer(pd.Index(activities[key]))
    rows, matched, scores, unmatched = [], [], [], 0
    for channel, row, score in parts:
        own = np.ones(len(activities), bool) if channel is None else (activities["channel"] == channel).to_numpy(bool)
        position, activity = _cross(left[row], right, np.flatnonzero(own))
        reached = np.zeros(len(row), bool)
        reached[position] = True
        unmatched += int((~reached).sum())
        rows.append(row[position])
        matched.append(activity)
        scores.append(score[position])
    row = np.concatenate(rows)
    meant: Ints = np.concatenate(matched).astype(np.int32)
    customer: Ints = owner[row].astype(np.int32)
    score = np.concatenate(scores)
    order = _order(customer, meant)
    customer, meant, score, row = customer[order], meant[order], score[order], row[order]
    twice = np.flatnonzero((np.diff(customer) == 0) & (np.diff(meant) == 0))
    if len(twice):
        at = int(twice[0])
        name, one = customers["customer_id"].iloc[customer[at]], activities["activity"].iloc[meant[at]]
        place = f"rows {row[at] + 1} and {row[at + 1] + 1}"
        raise ScenarioError(file, place, f"customer {name}, activity {one}", "scored twice; one score a pair")
    if not len(row):
        raise ScenarioError(
            file, "the scores", None, "leave no pair; every score is empty or of an activity that is not there"
        )
    left_out = [LeftOut("scores of combinations that are no activity", unmatched, [])] if unmatched else []
    return Scored(customer, meant, score, row, money, measures, left_out)


#: A channel (None: the row says), the table's rows with a score, and their scores.
Part = tuple[str | None, NDArray[Any], Floats]


def _wide(spec: ScenarioFile, table: pd.DataFrame, file: str) -> list[Part]:
    """A column a channel."""
    found: list[Part] = []
    for column in table.columns:
        if column in ("customer_id", "offer", "wave"):
            continue
        if column not in spec.channels:
            hint = did_you_mean(column, [*spec.channels, "offer", "wave"])
            raise ScenarioError(
                file, f"column {column}", None, f"unknown channel; {hint} (a long table has a column score)"
            )
        score = numbers(table, file, column, low=0, high=1, what="a probability")
        row = np.flatnonzero(~np.isnan(score))
        found.append((column, row, score[row]))
    if not found:
        raise ScenarioError(file, "header", None, f"expected one column a channel; {did_you_mean('', spec.channels)}")
    return found


def _long(
    spec: ScenarioFile, table: pd.DataFrame, file: str, activities: pd.DataFrame
) -> tuple[list[Part], dict[str, Floats], dict[str, Floats]]:
    """A row a customer and channel, or a row a customer and activity, with score, money and measures."""
    if "activity" not in table.columns and "channel" not in table.columns and len(spec.channels) > 1:
        raise ScenarioError(file, "header", None, "a table with a column score needs a column channel or activity")
    score = numbers(table, file, "score", low=0, high=1, what="a probability")
    money = {}
    for column in MONEY:
        if column in table.columns:
            money[column] = numbers(table, file, column, low=0 if column in ("cost", "response_cost") else -np.inf)
    kpis = {kpi.score for kpi in spec.kpis.values()}
    measures = {}
    for column in table.columns:
        if column in (*_KEYS, *MONEY, "score", "currency"):
            continue
        if column in activities.columns:
            raise ScenarioError(file, f"column {column}", None, "is a column of activities too; rename one")
        if column in kpis:
            measures[column] = numbers(table, file, column, low=0, high=1, what="a probability")
        else:
            measures[column] = numbers(table, file, column, what="a measure, a number")
    row = np.flatnonzero(~np.isnan(score))
    if "channel" not in table.columns:
        return (
            [(next(iter(spec.channels)) if "activity" not in table.columns else None, row, score[row])],
            money,
            measures,
        )
    channels = texts(table, file, "channel")
    codes = known_codes(channels, table, file, "channel", spec.channels)[row]
    parts: list[Part] = []
    for code, channel in enumerate(spec.channels):
        own = row[codes == code]
        parts.append((channel, own, score[own]))
    return parts, money, measures


def _cross(left: Rows, right: Rows, own: Rows) -> tuple[Rows, Rows]:
    """Join rows to the activities ``own`` of the same key code: positions in ``left``, and activities."""
    order = own[np.argsort(right[own], kind="stable")]
    starts, ends = np.searchsorted(right[order], left, "left"), np.searchsorted(right[order], left, "right")
    counts = ends - starts
    position = np.repeat(np.arange(len(left)), counts)
    offset = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
    return position, order[np.repeat(starts, counts) + offset]


def _order(customer: Ints, activity: Ints) -> Rows:
    """By customer, then activity, ties as they stood: a radix sort, linear in the number of pairs."""
    order = np.arange(len(customer))
    for key in (activity, customer):
        for shift in (0, 16):
            digit = (key >> shift).astype(np.uint16)
            if digit.any():
                order = order[np.argsort(digit[order], kind="stable")]
    return order


def _key_names(spec: ScenarioFile, activities: pd.DataFrame, key: str) -> list[str]:
    """What a key may say: what activities have, and what the scenario declares."""
    declared = {"offer": list(spec.offers), "wave": [wave.name for wave in spec.waves]}.get(key, [])
    return list(dict.fromkeys([*activities[key].tolist(), *declared]))
