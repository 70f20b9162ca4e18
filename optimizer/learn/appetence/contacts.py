"""Contacts and what came of them: each response of a log goes to the last contact that can have brought it.

A response goes to the last contact before it, within ``response_days``: of the same campaign where it names one, else
of the same channel (and offer, where it names one). A basket, return, purchase or response that finds none, because it
has no channel or happened in another (a shop), goes to the last contact through any channel. What finds none at all is
organic, and counted. Only the past decides, so later events never change where a response went.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.appetence.arguments import check_days, names_of
from optimizer.learn.appetence.history import DAY, History
from optimizer.learn.appetence.kinds import CONSENT, KINDS, NOTHING, OF_ANY_CHANNEL, REFUSALS, UNREACHABLE
from optimizer.scenario.facts import LeftOut
from optimizer.scenario.messages import did_you_mean

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Contacts:
    """Contacts of a history, and its events with the channel each response is due to.

    Attributes
    ----------
    table : DataFrame
        A row a delivered contact: customer, channel, offer, campaign, seconds, responded, value (of its responses),
        propensity, matured (its response days were over by ``as_of``), held_out, and the context columns.
    events : DataFrame
        The history's events; ``channel`` of a response is that of its contact.
    notes : list of LeftOut
    """

    table: pd.DataFrame
    events: pd.DataFrame
    notes: list[LeftOut]


def read_contacts(history: History, *, responses: Collection[str], response_days: float) -> Contacts:
    """Tell contacts from what followed them.

    Parameters
    ----------
    history : History
    responses : collection of str
        The kinds of event that count as a response.
    response_days : float
        How long after a contact a response is due to it.

    Raises
    ------
    ScenarioError
        For a kind that is none, and where nothing was contacted.
    """
    responses = names_of("responses", "the kinds", responses)
    for kind in responses:
        if kind not in KINDS or kind in (*NOTHING, *REFUSALS, *UNREACHABLE, CONSENT, "sent"):
            raise ScenarioError(
                "responses", "the kind", kind, f"expected kinds of response; {did_you_mean(kind, KINDS)}"
            )
    check_days("response_days", response_days)
    made = _from_outcomes(history, responses) if history.outcomes else _from_log(history, responses, response_days)
    table = made.table
    held_out = (table["channel"] == history.control) | (table["offer"] == history.control)
    table["held_out"] = held_out.fillna(False).to_numpy(bool) if history.control is not None else False
    wanted = table["held_out"] | table["channel"].isin(history.channels)
    notes = made.notes
    if (foreign := int((~wanted).sum())) > 0:
        names = sorted(table.loc[~wanted, "channel"].unique())
        notes = [*notes, LeftOut("contacts through channels that are not asked for", foreign, names[:3])]
        table = table[wanted].reset_index(drop=True)
    if not len(table):
        raise ScenarioError(
            history.file, "the table", None, "holds no contact that was delivered; nothing to learn from"
        )
    return Contacts(table, made.events, notes)


def _from_outcomes(history: History, responses: Collection[str]) -> Contacts:
    """A row a contact: it responded when its outcome says so; refusals and what never arrived are no contacts."""
    events = history.events
    made = ~events["kind"].isin([*REFUSALS, *UNREACHABLE, CONSENT])
    table = events[made].reset_index(drop=True)
    table["responded"] = table["kind"].isin(list(responses)).to_numpy(bool)
    table["value"] = np.where(table["responded"], table["value"], 0.0)
    return Contacts(table.drop(columns="kind").assign(matured=True), events, [])


def _from_log(history: History, responses: Collection[str], response_days: float) -> Contacts:
    events, window = history.events.copy(), int(response_days * DAY)
    is_sent = (events["kind"] == "sent").to_numpy(bool)
    sent, rest = events[is_sent].reset_index(drop=True), events[~is_sent]
    kind = rest["kind"]
    owner = np.full(len(rest), -1, np.int64)
    for keys, eligible in (
        (["customer", "campaign"], rest["campaign"].notna()),
        (["customer", "channel", "offer"], rest["channel"].notna() & rest["offer"].notna()),
        (["customer", "channel"], rest["channel"].notna() & rest["offer"].isna()),
        (["customer"], kind.isin(OF_ANY_CHANNEL)),
    ):
        open_rows = np.flatnonzero((owner < 0) & eligible.to_numpy(bool))
        owner[open_rows] = last_before(sent, rest.iloc[open_rows], keys, window)
    found = owner >= 0
    # A failure of delivery without a channel belongs to the contact it followed.
    counted = found & kind.isin(list(responses)).to_numpy(bool)
    responded = np.zeros(len(sent), bool)
    responded[owner[counted]] = True
    value = np.zeros(len(sent))
    np.add.at(value, owner[counted], rest["value"].to_numpy(float)[counted])
    lost = np.zeros(len(sent), bool)
    lost[owner[found & kind.isin(UNREACHABLE).to_numpy(bool)]] = True
    table = sent.drop(columns="kind").assign(responded=responded, value=value)
    table["matured"] = table["seconds"].to_numpy() + window <= history.now
    notes = []
    if lost.any():
        notes.append(
            LeftOut("contacts that never arrived (bounced, undeliverable): not learnt from", int(lost.sum()), [])
        )
        table = table[~lost].reset_index(drop=True)
    if (young := int((~table["matured"]).sum())) > 0:
        notes.append(
            LeftOut(
                f"contacts of the last {response_days:g} days: not learnt from, a response may still come", young, []
            )
        )
    organic = int((~found & kind.isin(list(responses)).to_numpy(bool)).sum())
    if organic:
        notes.append(
            LeftOut(f"responses without a contact in the {response_days:g} days before (organic)", organic, [])
        )
    via = rest["channel"].to_numpy(object).copy()
    moved = found & kind.isin(OF_ANY_CHANNEL).to_numpy(bool)
    via[moved] = sent["channel"].to_numpy(object)[owner[moved]]
    channel = events["channel"].to_numpy(object).copy()
    channel[~is_sent] = via
    events["channel"] = pd.Series(channel, index=events.index, dtype="str")
    return Contacts(table, events, notes)


def last_before(sent: pd.DataFrame, later: pd.DataFrame, keys: list[str], window: int) -> Rows:
    """The row of the last contact with the same keys, at or before each moment and less than ``window`` seconds old.

    -1 where there is none. Contacts of one moment: the last of them in the order of the table.
    """
    if not len(sent) or not len(later):
        return np.full(len(later), -1, np.int64)
    both = pd.concat([sent[keys], later[keys]], ignore_index=True)
    group = both.groupby(keys, sort=False, dropna=True).ngroup().fillna(-1).to_numpy(np.int64)
    mine, theirs = group[: len(sent)], group[len(sent) :]
    moment, asked = sent["seconds"].to_numpy(np.int64), later["seconds"].to_numpy(np.int64)
    origin = min(int(moment.min()), int(asked.min()))
    span = max(int(moment.max()), int(asked.max())) - origin + 2
    key = np.where(mine >= 0, mine * span + moment - origin, -1)
    order = np.argsort(key, kind="stable")
    at = np.searchsorted(key[order], theirs * span + asked - origin, side="right") - 1
    row = order[np.maximum(at, 0)]
    fits = (at >= 0) & (theirs >= 0) & (mine[row] == theirs) & (asked - moment[row] < window)
    return np.where(fits, row, -1)
