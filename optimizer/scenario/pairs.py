"""Eligible pairs: the appetence table, wide or long, crossed with the activities each of its rows speaks of.

A row says its customer, and the activities it means by ``activity``, or by ``channel`` (a column a channel when wide),
``offer`` and ``wave``; what it does not say it means for all. An empty score is not eligible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.scenario.columns import known_codes, numbers, positions, require, texts
from optimizer.scenario.facts import LeftOut
from optimizer.scenario.grid import Keys, ScoreColumn, crossed_grid
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

    ``money`` and ``measures`` are the columns of that name of a long appetence table, on the pairs; NaN where empty.
    """

    customer: Ints
    activity: Ints
    score: Floats
    money: dict[str, Floats]
    measures: dict[str, Floats]
    left_out: list[LeftOut]

    def __len__(self) -> int:
        return len(self.customer)

    def kept(self, mask: NDArray[np.bool_]) -> Scored:
        """Some of the pairs."""
        money = {name: values[mask] for name, values in self.money.items()}
        measures = {name: values[mask] for name, values in self.measures.items()}
        return Scored(self.customer[mask], self.activity[mask], self.score[mask], money, measures, self.left_out)


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
    money: dict[str, Floats] = {}
    measures: dict[str, Floats] = {}
    if not long and "channel" not in table.columns and "activity" not in table.columns:
        columns = _wide(spec, table, file)
    elif long:
        columns, money, measures = _long(spec, table, file, activities)
    else:
        raise ScenarioError(file, "column score", None, "is missing; a table with a row a channel or activity needs it")
    named = texts(table, file, "customer_id")
    owner: Ints = known_codes(named, table, file, "customer_id", customers["customer_id"]).astype(np.int32)
    keys = _keys(spec, table, file, activities)
    grid = None if long else crossed_grid(columns, owner, keys, len(customers), activities)
    if grid is not None:
        customer, meant, score, unmatched = grid
    else:
        customer, meant, score, row, unmatched = _joined(columns, owner, keys, activities)
        _refuse_twice(customer, meant, row, file, customers, activities)
        money = {name: values[row] for name, values in money.items()}
        measures = {name: values[row] for name, values in measures.items()}
    if not len(customer):
        raise ScenarioError(
            file, "the scores", None, "leave no pair; every score is empty or of an activity that is not there"
        )
    left_out = [LeftOut("scores of combinations that are no activity", unmatched, [])] if unmatched else []
    return Scored(customer, meant, score, money, measures, left_out)


def _keys(spec: ScenarioFile, table: pd.DataFrame, file: str, activities: pd.DataFrame) -> tuple[Keys, Keys]:
    """What rows and activities are matched by, as one number each: activity, offer and wave, as far as rows say."""
    left, right = np.zeros(len(table), np.int64), np.zeros(len(activities), np.int64)
    for key in ("activity", "offer", "wave"):
        if key in table.columns:
            names = pd.Series(_key_names(spec, activities, key), dtype="str")
            left = left * len(names) + known_codes(texts(table, file, key), table, file, key, names)
            right = right * len(names) + positions(activities[key], names)
    narrow = max(left.max(initial=0), right.max(initial=0)) <= np.iinfo(np.int32).max
    return (left.astype(np.int32), right.astype(np.int32)) if narrow else (left, right)


def _joined(
    columns: Sequence[ScoreColumn], owner: Ints, keys: tuple[Keys, Keys], activities: pd.DataFrame
) -> tuple[Ints, Ints, Floats, Rows, int]:
    """Every score with each activity it means: customer, activity, score, row, sorted; and scores that mean none."""
    left, right = keys
    rows, matched, scores, unmatched = [], [], [], 0
    for channel, row, score in columns:
        filled = np.flatnonzero(~np.isnan(score if row is None else score[row]))
        row = filled if row is None else row[filled]
        own = np.ones(len(activities), bool) if channel is None else (activities["channel"] == channel).to_numpy(bool)
        position, activity = _cross(left[row], right, np.flatnonzero(own))
        reached = np.zeros(len(row), bool)
        reached[position] = True
        unmatched += int((~reached).sum())
        rows.append(row[position])
        matched.append(activity.astype(np.int32))
        scores.append(score[rows[-1]])
    row, meant, score = np.concatenate(rows), np.concatenate(matched), np.concatenate(scores)
    customer: Ints = owner[row]
    order = _order(customer, meant)
    if order is not None:
        customer, meant, score, row = customer[order], meant[order], score[order], row[order]
    return customer, meant, score, row, unmatched


def _refuse_twice(
    customer: Ints, activity: Ints, row: Rows, file: str, customers: pd.DataFrame, activities: pd.DataFrame
) -> None:
    twice = np.flatnonzero((np.diff(customer) == 0) & (np.diff(activity) == 0))
    if len(twice):
        at = int(twice[0])
        name, one = customers["customer_id"].iloc[customer[at]], activities["activity"].iloc[activity[at]]
        place = f"rows {row[at] + 1} and {row[at + 1] + 1}"
        raise ScenarioError(file, place, f"customer {name}, activity {one}", "scored twice; one score a pair")


def _wide(spec: ScenarioFile, table: pd.DataFrame, file: str) -> list[ScoreColumn]:
    """A column a channel."""
    found: list[ScoreColumn] = []
    for column in table.columns:
        if column in ("customer_id", "offer", "wave"):
            continue
        if column not in spec.channels:
            hint = did_you_mean(column, [*spec.channels, "offer", "wave"])
            raise ScenarioError(
                file, f"column {column}", None, f"unknown channel; {hint} (a long table has a column score)"
            )
        found.append((column, None, numbers(table, file, column, low=0, high=1, what="a probability")))
    if not found:
        raise ScenarioError(file, "header", None, f"expected one column a channel; {did_you_mean('', spec.channels)}")
    return found


def _long(
    spec: ScenarioFile, table: pd.DataFrame, file: str, activities: pd.DataFrame
) -> tuple[list[ScoreColumn], dict[str, Floats], dict[str, Floats]]:
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
    if "channel" not in table.columns:
        return [(next(iter(spec.channels)) if "activity" not in table.columns else None, None, score)], money, measures
    codes = known_codes(texts(table, file, "channel"), table, file, "channel", spec.channels)
    rows = [np.flatnonzero(codes == code) for code in range(len(spec.channels))]
    return [(channel, row, score) for channel, row in zip(spec.channels, rows, strict=True)], money, measures


def _cross(left: Keys, right: Keys, own: Rows) -> tuple[Keys, Keys]:
    """Join rows to the activities ``own`` of the same key code: positions in ``left``, and activities."""
    order = own[np.argsort(right[own], kind="stable")]
    starts, ends = np.searchsorted(right[order], left, "left"), np.searchsorted(right[order], left, "right")
    counts = ends - starts
    position = np.repeat(np.arange(len(left)), counts)
    offset = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
    return position, order[np.repeat(starts, counts) + offset]


def _order(customer: Ints, activity: Ints) -> Rows | None:
    """By customer, then activity, ties as they stood; None where they stand so.

    A radix sort, linear in the number of pairs.
    """
    step = np.diff(customer)
    if ((step > 0) | ((step == 0) & (np.diff(activity) >= 0))).all():
        return None
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
