"""What was learnt and how far it can be trusted: tables on contacts the models did not see, and a page to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.learn.appetence.calibration import check, reliability
from optimizer.learn.appetence.model import Fitted, log_loss
from optimizer.scenario.facts import LeftOut

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
#: Least contacts that are worth judging by.
LEAST_JUDGED = 20


@dataclass
class Reports:
    """Tables of a fit, all DataFrames.

    Attributes
    ----------
    counts
        reason, count, examples: what was left out or read otherwise.
    models
        channel, offer, scored_by, contacts, responses, rate, cut, calibration, raw_p_value, raw_miss, judged_contacts,
        judged_responses, auc, brier, brier_constant, log_loss, log_loss_constant, p_value, miss: the last eight on
        contacts no model saw. ``brier_constant`` is that of the mean rate for everybody.
    reliability
        channel, offer, bin, contacts, responses, predicted, observed, low, high.
    lift
        channel, offer, tenth (1 = best scored), contacts, responses, rate, lift, gain (share of responses so far).
    effects
        channel, offer, column, coefficient.
    segments
        channel, offer, segment, contacts, responses, rate, low, high: what customers without history are scored by.
    consent
        channel, reason, customers.
    timing
        channel, by, level, contacts, responses, rate, low, high, p_value.
    fatigue
        channel, rank, contacts, responses, rate, low, high, factor.
    newcomers
        channel, offer, customers, scored_by.
    uncertainty
        channel (``baseline`` for the held-out), [offer], relative (or contacts and responses): how far the level of
        scores may be off, as
        ``optimizer forecast --scores`` reads it.
    """

    counts: pd.DataFrame = field(default_factory=pd.DataFrame)
    models: pd.DataFrame = field(default_factory=pd.DataFrame)
    reliability: pd.DataFrame = field(default_factory=pd.DataFrame)
    lift: pd.DataFrame = field(default_factory=pd.DataFrame)
    effects: pd.DataFrame = field(default_factory=pd.DataFrame)
    segments: pd.DataFrame = field(default_factory=pd.DataFrame)
    consent: pd.DataFrame = field(default_factory=pd.DataFrame)
    timing: pd.DataFrame = field(default_factory=pd.DataFrame)
    fatigue: pd.DataFrame = field(default_factory=pd.DataFrame)
    newcomers: pd.DataFrame = field(default_factory=pd.DataFrame)
    uncertainty: pd.DataFrame = field(default_factory=pd.DataFrame)

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables that hold anything, by name."""
        return {name: table for name, table in vars(self).items() if len(table)}


def counts_table(notes: Sequence[LeftOut]) -> pd.DataFrame:
    """Notes as a table: reason, count, examples."""
    return pd.DataFrame(
        {
            "reason": pd.Series([note.reason for note in notes], dtype="str"),
            "count": pd.Series([note.count for note in notes], dtype="int64"),
            "examples": pd.Series([", ".join(note.examples) for note in notes], dtype="str"),
        }
    )


def lift_table(scores: Floats, responded: Bools, tenths: int = 10) -> pd.DataFrame:
    """Responses by tenth of score, the best first; of equal scores, in the order of the rows.

    Returns
    -------
    DataFrame
        tenth, contacts, responses, rate, lift (rate / mean rate), gain (share of all responses up to here).
    """
    order = np.argsort(-scores, kind="stable")
    place = (np.arange(len(scores)) * tenths) // max(len(scores), 1)
    grouped = pd.DataFrame({"tenth": place + 1, "responded": responded[order]}).groupby("tenth")["responded"]
    table = grouped.agg(contacts="size", responses="sum").reset_index()
    table["responses"] = table["responses"].astype(int)
    table["rate"] = table["responses"] / table["contacts"]
    total = int(responded.sum())
    table["lift"] = table["rate"] * len(scores) / total if total else np.nan
    table["gain"] = table["responses"].cumsum() / total if total else np.nan
    return table


def judgement(scores: Floats, responded: Bools) -> dict[str, float]:
    """AUC, Brier score, log-loss and reliability of scores on contacts the model did not see."""
    names = ("auc", "brier", "brier_constant", "log_loss", "log_loss_constant", "p_value", "miss")
    found: dict[str, float] = {"judged_contacts": len(scores), "judged_responses": int(responded.sum())}
    if len(scores) < LEAST_JUDGED or not 0 < responded.sum() < len(responded):
        return found | dict.fromkeys(names, np.nan)
    from sklearn.metrics import roc_auc_score

    came, rate = responded.astype(float), float(responded.mean())
    verdict = check(scores, responded)
    values = (
        float(roc_auc_score(responded, scores)),
        float(((scores - came) ** 2).mean()),
        rate * (1 - rate),
        log_loss(scores, responded),
        log_loss(np.full(len(scores), rate), responded),
        verdict.p_value,
        verdict.miss,
    )
    return found | dict(zip(names, values, strict=True))


def model_row(channel: str, offer: str, by: str, responded: Bools, fitted: Fitted | None) -> dict[str, object]:
    """A row of ``Reports.models``."""
    row: dict[str, object] = {"channel": channel, "offer": offer, "scored_by": by}
    row |= {"contacts": len(responded), "responses": int(responded.sum())}
    row["rate"] = float(responded.mean()) if len(responded) else np.nan
    if fitted is None:
        blank = ("raw_p_value", "raw_miss", "judged_contacts", "judged_responses", "auc", "brier", "brier_constant")
        return row | {"cut": "", "calibration": ""} | dict.fromkeys((*blank, "log_loss", "log_loss_constant"), np.nan)
    mend = fitted.calibrator.kind
    row |= {"cut": fitted.parts.by, "calibration": "not needed" if mend == "none" else mend}
    row |= {"raw_p_value": fitted.before.p_value, "raw_miss": fitted.before.miss}
    return row | judgement(fitted.judged, responded[fitted.parts.judge])


def judged_tables(
    channel: str, offer: str, responded: Bools, fitted: Fitted
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Reliability, lift and effects of one model, with its channel and offer."""
    came = responded[fitted.parts.judge]
    tables = (reliability(fitted.judged, came), lift_table(fitted.judged, came), fitted.effects())
    made = []
    for table in tables:
        table.insert(0, "channel", channel)
        table.insert(1, "offer", offer)
        made.append(table)
    return made[0], made[1], made[2]
