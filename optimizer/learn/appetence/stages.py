"""Where customers stand on their journey, and what moves them on: P(next stage | stage, channel, offer).

Stages are events in an order (visit, lead, test drive, sale). A customer stands on the highest stage reached, or before
the first. A contact moved a customer on when a higher stage was reached within the response days after it. The rates,
drawn towards those of the stage and channel where contacts are few, become an appetence table by the stage each
customer stands on: a plan on it is the next best action for everybody, under the rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.appetence.arguments import check_days, check_zone, finite, names_of
from optimizer.learn.appetence.contacts import last_before
from optimizer.learn.appetence.history import DAY, as_of_moment, in_time, known_customers, of_known
from optimizer.learn.appetence.intervals import wilson
from optimizer.learn.appetence.reading import moments, read_raw
from optimizer.learn.appetence.shrinkage import fit_prior
from optimizer.scenario.columns import as_text, positions, require, texts
from optimizer.scenario.facts import LeftOut
from optimizer.scenario.messages import did_you_mean
from optimizer.scenario.tables import Tables

#: The stage of those who have reached none.
START = "start"


@dataclass(frozen=True)
class Stages:
    """Stages as of a date, and what moves customers on.

    Attributes
    ----------
    customers : DataFrame
        customer_id, stage (``start`` before the first).
    table : DataFrame
        stage, channel, [offer], next_stage, contacts, moved, rate, low, high: the probability that one contact moves a
        customer on, within the response days.
    counts : DataFrame
        stage, customers.
    notes : list of LeftOut
        What was left out, counted: strangers, undated and late events, those that stand twice, contacts whose response
        days are not over.
    """

    customers: pd.DataFrame
    table: pd.DataFrame
    counts: pd.DataFrame
    notes: list[LeftOut] = field(default_factory=list)

    def appetence(self, values: Mapping[str, float] | None = None) -> pd.DataFrame:
        """An appetence table by the stage each customer stands on.

        Parameters
        ----------
        values : mapping, optional
            What reaching a stage is worth: becomes ``gross_margin``.

        Returns
        -------
        DataFrame
            customer_id, channel, [offer], score, [gross_margin]; nothing for those on the last stage.

        Raises
        ------
        ScenarioError
            For a value of no stage, one that is no number, and a stage without one.
        """
        keys = [key for key in ("channel", "offer") if key in self.table.columns]
        wide = self.customers.merge(self.table, on="stage", how="inner")
        made = wide[["customer_id", *keys]].assign(score=wide["rate"])
        if values is not None:
            if not isinstance(values, Mapping):
                raise ScenarioError("values", "the stages", str(values), "expected a value a stage, as {'lead': 40}")
            if unknown := sorted(set(map(str, values)) - set(self.counts["stage"])):
                raise ScenarioError("values", "the stage", unknown[0], did_you_mean(unknown[0], self.counts["stage"]))
            if lacking := sorted(set(wide["next_stage"]) - set(values)):
                raise ScenarioError("values", "the stage", lacking[0], "has no value; say what reaching it is worth")
            worth = dict(zip(values, finite("values", "the stages", list(values.values())), strict=True))
            made["gross_margin"] = wide["next_stage"].map(worth).to_numpy(float)
        return made.sort_values(["customer_id", *keys], ignore_index=True)


def fit_stages(
    history: Any,
    customers: Any,
    stages: Sequence[str],
    *,
    as_of: str | pd.Timestamp | None = None,
    response_days: float = 30,
    names: Mapping[str, str] | None = None,
    time_zone: str = "UTC",
) -> Stages:
    """Learn stages and what moves customers on.

    Parameters
    ----------
    history : str, Path or DataFrame
        customer_id, channel, event, and time, date or timestamp; optional offer. ``event`` holds ``sent`` and the
        stages; other events are passed over.
    customers : str, Path, dict or DataFrame
        customer_id.
    stages : sequence of str
        In their order.
    as_of, names, time_zone
        As ``fit_appetence`` reads them.
    response_days : float
        How long after a contact the next stage is due to it.

    Raises
    ------
    ScenarioError
        For a stage no event names, a history without contacts or known customers, and a last moment far beyond all
        others without ``as_of``.
    """
    check_zone(time_zone)
    check_days("response_days", response_days)
    tables = Tables(Path(), time_zone)
    _, identifiers = known_customers(tables.read(customers, "customers"), tables.name(customers, "customers"))
    table, file = read_raw(history, names, Path())
    require(table, file, "customer_id", "channel", "event")
    clock = next((one for one in ("time", "date", "timestamp") if one in table.columns), "date")
    require(table, file, clock)
    stages = names_of("stages", "the names", stages)
    if not stages or len(set(stages)) < len(stages):
        raise ScenarioError("stages", "the names", stages, "expected one name a stage, in their order")
    if "sent" in stages:
        raise ScenarioError("stages", "the names", "sent", "is a contact; expected what customers reach after one")
    event = as_text(table["event"])
    for stage in stages:
        if not (event == stage).any():
            raise ScenarioError(
                file, "stages", stage, f"is no event of the history; {did_you_mean(stage, event.dropna())}"
            )
    named = texts(table, file, "customer_id").str.strip()
    frame = pd.DataFrame({"customer": positions(named, identifiers), "event": event, "row": np.arange(len(table))})
    frame["when"] = moments(table, file, clock, time_zone)
    for key in ("channel", "offer"):
        if key in table.columns:
            frame[key] = as_text(table[key])
    keys = [key for key in ("channel", "offer") if key in frame.columns]
    frame, strangers = of_known(frame, named, file)
    end = as_of_moment(frame, as_of, file, time_zone)
    now = int(end.timestamp())
    # No kind: an undated refusal says nothing of a stage, and goes with the undated.
    frame, dropped = in_time(frame.assign(kind=""), end, file)
    twice = frame.duplicated([one for one in frame.columns if one != "row"]).to_numpy(bool)
    doubled = [LeftOut("events that stand twice: left out", int(twice.sum()), [])] if twice.any() else []
    frame = frame[~twice]
    frame = frame.sort_values(["customer", "seconds", "event", *keys], kind="stable", ignore_index=True)
    sent = frame[frame["event"] == "sent"]
    blank = sent[keys].isna().any(axis=1).to_numpy(bool)
    young = ~blank & (sent["seconds"] + int(response_days * DAY) > now).to_numpy(bool)
    notes = [*strangers, *dropped, *doubled]
    for lost, reason in (
        (blank, f"contacts without {' or '.join(keys)}: left out"),
        (young, f"contacts of the last {response_days:g} days: not learnt from, a stage may still be reached"),
    ):
        notes += [LeftOut(reason, int(lost.sum()), [])] if lost.any() else []
    sent = sent[~blank & ~young].reset_index(drop=True)
    if not len(sent):
        raise ScenarioError(file, "column event", None, "holds no 'sent' with a channel whose response days are over")
    reached = frame[frame["event"].isin(list(stages))].reset_index(drop=True)
    level = pd.Index(list(stages)).get_indexer(pd.Index(reached["event"])) + 1
    size = len(identifiers)
    told = _told(sent, reached, level, identifiers, list(stages), keys, size, int(response_days * DAY))
    return Stages(*told, notes)


def _told(
    sent: pd.DataFrame, reached: pd.DataFrame, level: NDArray[np.int64], identifiers: pd.Series,
    stages: list[str], keys: list[str], size: int, window: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:  # fmt: skip
    names = [START, *stages]
    # The highest stage up to and with each event, then the last such event before a moment.
    best = pd.Series(level).groupby(reached["customer"]).cummax().to_numpy(np.int64) if len(reached) else level
    stood = _level_at(reached, best, sent["customer"].to_numpy(np.int64), sent["seconds"].to_numpy(np.int64))
    moved = np.zeros(len(sent), bool)
    before = np.concatenate([[0], best[:-1]]) if len(best) else best
    fresh = np.ones(len(best), bool)
    if len(best):
        same = np.append(False, reached["customer"].to_numpy()[1:] == reached["customer"].to_numpy()[:-1])
        fresh = best > np.where(same, before, 0)
    owner = last_before(sent, reached[fresh], ["customer"], window)
    moved[owner[owner >= 0]] = True
    told = sent[keys].assign(stage=stood, moved=moved)
    told = told[told["stage"] < len(stages)]
    table = told.groupby(["stage", *keys], sort=True)["moved"].agg(contacts="size", moved="sum").reset_index()
    table["moved"] = table["moved"].astype(int)
    rates = np.zeros(len(table))
    for _, rows in table.groupby(["stage", "channel"], sort=True).indices.items():
        n, k = table["contacts"].to_numpy(float)[rows], table["moved"].to_numpy(float)[rows]
        rates[rows] = fit_prior(k, n).rates(k, n)
    table["rate"] = rates
    table["low"], table["high"] = wilson(table["moved"].to_numpy(float), table["contacts"].to_numpy(float))
    table.insert(1 + len(keys), "next_stage", [names[stage + 1] for stage in table["stage"]])
    table["stage"] = [names[stage] for stage in table["stage"]]
    final = np.zeros(size, np.int64)
    np.maximum.at(final, reached["customer"].to_numpy(np.int64), level)
    standing = pd.Series(np.array(names, dtype=object)[final], dtype="str")
    counts = (
        standing.value_counts().reindex(names).fillna(0).astype(int).rename_axis("stage").reset_index(name="customers")
    )
    return pd.DataFrame({"customer_id": identifiers, "stage": standing}), table, counts


def _level_at(
    reached: pd.DataFrame, best: NDArray[np.int64], customer: NDArray[np.int64], seconds: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The stage a customer stood on just before a moment."""
    asked = pd.DataFrame({"customer": customer, "seconds": seconds - 1})
    row = last_before(reached, asked, ["customer"], 1 << 60)
    return np.where(row >= 0, best[np.maximum(row, 0)] if len(best) else 0, 0)
